"""`dr drill`: rehearsals of an emergency, on a stack that may break."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, VerbEnd, fail
from deadreckon.cli.document import print_document

if TYPE_CHECKING:
    from deadreckon.tools.drill import Failover

drill = App(
    name="drill",
    help="Emergencies, rehearsed on a throwaway stack. Example: dr drill failover --services risk",
)


@drill.command(name=["failover", "takeover"])  # takeover: the name until 0.1
def failover(*, services: str = "", json: bool = False) -> None:
    """Take services away under load, and see their standbys go on: killed, then stopped.

    It starts a stack of its own in a temporary folder, every service in a process, with a steady
    stream of signals. What was stopped comes back in the end and must not be able to write. Exits
    1 when anything was lost, doubled, or not taken over.

    Example: dr drill failover --services risk,fill

    Parameters
    ----------
    services
        Which to take away, separated by commas: signal, risk, router, fill, portfolio; all of
        them unless given.
    json
        Print one JSON object.
    """
    from deadreckon.tools.drill import DRILLED

    names = [name.strip() for name in services.split(",") if name.strip()] or list(DRILLED)
    if unknown := sorted(set(names) - set(DRILLED)):
        fail(f"--services {','.join(unknown)}: name some of {', '.join(DRILLED)}", EXIT_USAGE)
    found = _rehearse(names)
    if json:
        print_document(_document(found))
    else:
        _show(found)
    if not all(each.clean for each in found):
        raise VerbEnd(EXIT_DIFFERENCE, "something was lost, doubled, or not taken over")


def _rehearse(names: Sequence[str]) -> "list[Failover]":
    from deadreckon.cli.running import run
    from deadreckon.runtime.process.folder import Folder
    from deadreckon.tools.drill import run_drill as job

    with tempfile.TemporaryDirectory(prefix="deadreckon-drill-") as folder:
        return run(lambda: job(Folder(Path(folder) / "stack").create(), names, _tell))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _document(found: "Sequence[Failover]") -> dict[str, Any]:
    from msgspec import to_builtins

    from deadreckon.tools.drill import GOAL_SECONDS

    seconds = sorted(each.seconds for each in found if each.seconds is not None)
    return {
        "takeovers": [to_builtins(each) for each in found],
        "clean": all(each.clean for each in found),
        "seconds_median": seconds[len(seconds) // 2] if seconds else None,
        "seconds_max": max(seconds, default=None),
        "goal_seconds": GOAL_SECONDS,
        "goal_reached": len(seconds) == len(found) and max(seconds) < GOAL_SECONDS,
    }


def _show(found: "Sequence[Failover]") -> None:
    from deadreckon.cli.terminal.tables import console, ruled_table

    table = ruled_table(("service", "how"), ("takeover s", "lost", "doubled"))
    table.add_column("the old one")
    for each in found:
        seconds = "never" if each.seconds is None else f"{each.seconds:.2f}"
        old = {None: "dead", True: "fenced out", False: "NOT fenced out"}[each.fenced]
        row = (each.service, each.how, seconds, str(each.lost), str(each.doubled), old)
        table.add_row(*row, style=None if each.clean else "bold red")
    out = console()
    out.print(table)
    for each in found:
        if each.failure:
            out.print(each.failure, style="red", markup=False)
    document = _document(found)
    goal = "reached" if document["goal_reached"] else "MISSED"
    out.print(f"goal: below {document['goal_seconds']:g} s, {goal}")
