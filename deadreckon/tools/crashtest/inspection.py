"""Compares what a run with kills left behind with an undisturbed run."""

from deadreckon.archive.open_log import open_bus
from deadreckon.projections.store import NAMES
from deadreckon.replay.audit.audit import audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.verify.audit_book import compare_projections
from deadreckon.replay.verify.job import verify
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.crashtest.log_tally import (
    Discrepancy,
    LogTally,
    compare,
    compare_upto,
    differing,
    tally_log,
)
from deadreckon.tools.crashtest.money_totals import compare_money, compare_with_venue, total_money
from deadreckon.tools.crashtest.program import OTHER_RULE
from deadreckon.tools.crashtest.reference import Reference, digests
from deadreckon.tools.crashtest.stack_process import MODE
from deadreckon.venues.simulated.exchange.admin_client import GroundTruth


async def inspect(
    folder: Folder, reference: Reference, changed: int | None, truth: GroundTruth | None
) -> list[Discrepancy]:
    """List every difference from the undisturbed run: in the log, its audit, and the views.

    `changed` is the row from which on another program decided; null if none did. `truth` is what
    the exchange knows, where the run traded at one.
    """
    async with open_bus(folder) as bus:
        account = await tally_log(bus)
        found = await audit(bus, BOOK, MODE)
        views = await verify(folder.root, NAMES, None, shows=False)
        document = statement(found, BOOK, None)
        money = await total_money(bus, document)
    if truth is not None:
        findings = [*account.faults, *compare_with_venue(money, truth)]
        findings += compare_money(money, reference.money)
    elif changed is None:
        findings = compare(account, reference.account)
    else:
        findings = compare_upto(account, reference.account, changed)
    projections = compare_projections(
        folder.audit, found.traded, document.last_sequence, None, BOOK
    )
    document = document.with_projections(projections)
    if not document.is_sound:
        findings.append(_at_end(account, f"the audit: {document.checks}"))
    findings += [_at_end(account, f"`dr verify`: {each}") for each in views.differences]
    if changed is not None and not found.tally.refusals_by_rule.get(OTHER_RULE):
        findings.append(_at_end(account, "the other program was never asked"))
    if not findings and changed is None and truth is None:
        tables = differing(digests(folder.root), reference.tables)
        findings += [_at_end(account, f"the digest of table {name}") for name in tables]
    return findings


def _at_end(account: LogTally, what: str) -> Discrepancy:
    return Discrepancy("differs", account.rows, what)
