"""Looks at what a run with kills has left behind, beside what an undisturbed one comes to."""

from deadreckon.projections.store import NAMES
from deadreckon.replay.audit import audit
from deadreckon.replay.statement import sound, statement
from deadreckon.runtime.folder import Folder
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.book_check import compare_projections
from deadreckon.stack.crashtest.account import (
    Account,
    Finding,
    compare,
    compare_upto,
    differing,
    take_account,
)
from deadreckon.stack.crashtest.conductor import MODE
from deadreckon.stack.crashtest.economy import beside_truth, compare_economies, take_economy
from deadreckon.stack.crashtest.program import OTHER_RULE
from deadreckon.stack.crashtest.reference import Reference, standings
from deadreckon.stack.exchange.keeper import Truth
from deadreckon.stack.host import open_bus
from deadreckon.stack.verifying import verify


async def inspect(
    folder: Folder, reference: Reference, changed: int | None, truth: Truth | None
) -> list[Finding]:
    """Everything that is not as in the undisturbed run: the log, its audit, and the views.

    `changed` is the row from which on another program decided; null if none did. `truth` is what
    the exchange knows, where the run traded at one.
    """
    async with open_bus(folder) as bus:
        account = await take_account(bus)
        found = await audit(bus, BOOK, MODE)
        _, differences = await verify(folder.root, NAMES, None, shows=False)
        document = statement(found, BOOK, None)
        economy = await take_economy(bus, document)
    if truth is not None:
        findings = [*account.faults, *beside_truth(economy, truth)]
        findings += compare_economies(economy, reference.economy)
    elif changed is None:
        findings = compare(account, reference.account)
    else:
        findings = compare_upto(account, reference.account, changed)
    document["checks"]["projections"] = compare_projections(
        folder.audit, found.traded, document["last_sequence"], None, BOOK
    )
    if not sound(document):
        findings.append(_at_end(account, f"the audit: {document['checks']}"))
    findings += [_at_end(account, f"`dr verify`: {each}") for each in differences]
    if changed is not None and not found.tally.refusals_by_rule.get(OTHER_RULE):
        findings.append(_at_end(account, "the other program was never asked"))
    if not findings and changed is None and truth is None:
        tables = differing(standings(folder.root), reference.tables)
        findings += [_at_end(account, f"the digest of table {name}") for name in tables]
    return findings


def _at_end(account: Account, what: str) -> Finding:
    return Finding("differs", account.rows, what)
