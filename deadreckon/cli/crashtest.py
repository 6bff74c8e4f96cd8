"""`dr crashtest`: kills everything, everywhere, and counts what was lost or doubled."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, VerbEnd, fail
from deadreckon.cli.document import print_document

if TYPE_CHECKING:
    from deadreckon.tools.crashtest.report import CrashReport
    from deadreckon.tools.crashtest.runner import CrashTestOptions


def crashtest(
    *,
    kills: int = 0,
    seed: int = 7,
    venue: Literal["paper", "sim"] = "paper",
    steps: str = "",
    rows: int = 400,
    data: Path | None = None,
    listing: Annotated[bool, Parameter(name="--list", negative="")] = False,
    json: bool = False,
) -> None:
    """Run the whole stack on an invented tape, kill its processes one after another, and compare.

    Every named step of the loop is killed at once, then so many more are drawn by lot. After each
    kill every service has to remember what it would without; at the end nothing may be lost or
    doubled. Exits 1 when anything is, and keeps the folder then.

    Example: dr crashtest --kills 100 --seed 7

    Parameters
    ----------
    kills
        How many random kills follow the one at each step.
    seed
        Of the market, the script at the doors, and the kills.
    venue
        "paper": fills inside the stack. "sim": an exchange that does not forgive.
    steps
        Only these steps, separated by commas.
    rows
        Length of the tape in bars; more kills than fit play it again.
    data
        A new folder to work in; a temporary one unless given. Gone when all is well.
    listing
        Print the steps and what they mean.
    json
        Print one JSON object.
    """
    from deadreckon.tools.crashtest.plan import steps_of

    names = [name.strip() for name in steps.split(",") if name.strip()] or steps_of(venue)
    _check(names, steps_of(venue), kills, rows, data)
    if listing:
        _list(names)
    else:
        _kill(kills, seed, venue, names, rows, data, json)


def _kill(
    kills: int, seed: int, venue: str, names: list[str], rows: int, data: Path | None, json: bool
) -> None:
    from deadreckon.tools.crashtest.runner import CrashTestOptions

    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    folder = data or Path(tempfile.mkdtemp(prefix="deadreckon-crashtest-"))
    report = _run(CrashTestOptions(kills, seed, venue, names, rows, folder.absolute()))
    if report.clean:
        shutil.rmtree(folder)
    _show(report, json)
    if not report.clean:
        raise VerbEnd(EXIT_DIFFERENCE, f"something was lost, doubled or changed: see {folder}")


def _check(names: list[str], known: list[str], kills: int, rows: int, data: Path | None) -> None:
    """Refuse what cannot be done before anything is made for it."""
    for name in names:
        if name not in known:
            fail(f"--steps {name}: there is no such step; see --list", EXIT_USAGE)
    if kills < 0:
        fail(f"--kills {kills}: give a number from 0 on", EXIT_USAGE)
    if rows < 50:
        fail(f"--rows {rows}: give at least 50, or nothing happens", EXIT_USAGE)
    if data is not None and data.exists() and (not data.is_dir() or any(data.iterdir())):
        fail(f"{data} holds something: give --data a new folder", EXIT_USAGE)


def _run(options: "CrashTestOptions") -> "CrashReport":
    from deadreckon.cli.running import run
    from deadreckon.cli.terminal.crashtest_table import progress
    from deadreckon.tools.crashtest.runner import run_crashtest as job

    with progress(options, shows=sys.stderr.isatty()) as on_outcome:
        return run(lambda: job(options, on_outcome))


def _list(names: list[str]) -> None:
    from deadreckon.cli.terminal.tables import Column, console, plain_table
    from deadreckon.tools.crashtest.plan import KILL_STEPS

    table = plain_table([Column("step"), Column("killed when")])
    for name in names:
        table.add_row(name, KILL_STEPS[name].meaning)
    console().print(table)


def _show(report: "CrashReport", as_json: bool) -> None:
    if as_json:
        print_document(report.document())
        return
    from deadreckon.cli.terminal.crashtest_table import show

    show(report)
