"""Report of `dr producer check` as text."""

import sys
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.running import run
from deadreckon.tools.conformance import ConformanceReport, check_lines, check_live


def checked(
    source: str | None, name: str, book: str, data: Path, nats: str | None, seconds: float | None
) -> ConformanceReport:
    """Check a file, or what a producer publishes to a log; return the report."""
    if source is not None:
        return check_lines(name, _lines(source))
    console = Console(stderr=True)
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def show(report: ConformanceReport) -> None:
            live.update(_counts(report), refresh=console.is_terminal)

        return run(lambda: check_live(data, nats, name, book, seconds=seconds, show=show))


def _lines(source: str) -> list[bytes]:
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        fail(f"{source} cannot be read: {error.strerror}", EXIT_USAGE)
    return content.splitlines()


def _counts(report: ConformanceReport) -> str:
    return (
        f"{report.producer}: {report.messages:,} messages, {report.signals:,} signals, "
        f"{report.well_formed:,} well formed"
    )


def print_report(report: ConformanceReport) -> None:
    """Print counts, faults and where they are, and the verdicts on the signals."""
    console = Console(highlight=False)
    console.print(_counts(report), soft_wrap=True)
    if report.faults:
        table = Table("fault", "count", "where first", "what it means", box=None)
        for fault in sorted(report.faults.values(), key=lambda it: -it.count):
            where = "\n".join(
                f"{position}: {reason}"
                for position, reason in zip(fault.positions, fault.reasons, strict=True)
            )
            table.add_row(fault.rule, f"{fault.count:,}", where, fault.means)
        console.print(table)
    if report.resent:
        console.print(f"{report.resent:,} sent again with the same content: answered once")
    if report.oldest_seconds is not None:
        console.print(f"the oldest was {report.oldest_seconds:.3f} s old when it came")
    for title, counts in (("verdicts", report.outcomes), ("refused by", report.refusals)):
        if counts:
            text = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
            console.print(f"{title}: {text}")
    verdict = "it speaks the contract" if report.conforms else "it does not speak the contract"
    console.print(verdict if report.messages else "nothing was sent: is the name right?")
