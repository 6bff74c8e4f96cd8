"""A crash test for people: its progress, and a row for every step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from deadreckon.cli.terminal.tables import console, ruled_table
from deadreckon.replay.opening import progress_bar
from deadreckon.tools.crashtest.plan import KILL_STEPS
from deadreckon.tools.crashtest.report import CrashReport, StepRow
from deadreckon.tools.crashtest.runner import CrashTestOptions
from deadreckon.tools.crashtest.scenario import KillOutcome

WIDTH = 120  # columns where there is no terminal
FINDINGS_SHOWN = 20


@contextmanager
def progress(
    options: CrashTestOptions, *, shows: bool
) -> Iterator[Callable[[KillOutcome | None], None]]:
    """Show a bar of kills; yields the function to call after each."""
    total, done = len(options.steps) + options.kills, 0
    with progress_bar(shows) as update:
        update("undisturbed run", 0, total)

        def on_outcome(outcome: KillOutcome | None) -> None:
            nonlocal done
            if outcome is None:
                update("checked", done, total)
                return
            done += 1
            where = f"{outcome.kill.step} {outcome.kill.service}".strip()
            update(f"killed: {where}", done, total)

        yield on_outcome


def show(report: CrashReport) -> None:
    """Print a row for every step, what was found, and where it lies."""
    out = console(WIDTH)
    table = ruled_table()
    table.add_column("step", no_wrap=True)
    table.add_column("killed when")
    for name in ("kills", "again", "lost", "doubled", "differs", "restart s", "worst"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows.values():
        table.add_row(*_cells(row), style=None if row.clean else "bold red")
    out.print(table)
    for finding in report.findings[:FINDINGS_SHOWN]:
        out.print(finding, style="red", markup=False)
    more = len(report.findings) - FINDINGS_SHOWN
    if more > 0:
        out.print(f"... and {more} more")
    if report.missed:
        out.print(f"never came by: {', '.join(report.missed)}; give more --rows")
    out.print(_verdict(report))


def _cells(row: StepRow) -> list[str]:
    times = row.seconds or [0.0]
    counts = (row.kills, row.twice, row.lost, row.doubled, row.differs)
    return [
        row.step,
        KILL_STEPS[row.step].meaning,
        *map(str, counts),
        f"{median(times):.2f}",
        f"{max(times):.2f}",
    ]


def _verdict(report: CrashReport) -> str:
    pace = f"{report.kills} kills in {report.seconds:.0f} s"
    if report.clean:
        return f"{pace}: nothing lost, nothing doubled, every digest as undisturbed"
    return f"{pace}: NOT as undisturbed; the folder is kept: {report.folder}"
