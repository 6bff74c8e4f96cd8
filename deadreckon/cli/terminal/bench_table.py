"""The figures of a bench run as a table for people."""

from collections.abc import Mapping

from deadreckon.cli.terminal.tables import console, ruled_table
from deadreckon.tools.bench.figures import Figure
from deadreckon.tools.bench.history import BenchRun, FigureKey, change

WIDTH = 120  # columns where there is no terminal
NOISE = 0.3  # of a figure: less than that between two runs is the machine's


def show_run(run: BenchRun, before: Mapping[FigureKey, Figure]) -> None:
    """Print every figure with its limit, its mark, and how it was last time."""
    out = console(WIDTH)
    out.print(_title(run))
    table = ruled_table()
    table.add_column("", no_wrap=True)
    table.add_column("figure", min_width=26)
    for name in ("value", "times the limit"):
        table.add_column(name, justify="right", min_width=8)
    table.add_column("mark", min_width=10)
    table.add_column("last time", min_width=5)
    shown = ""
    for figure in run.figures:
        name = "" if figure.measure == shown else figure.measure
        shown = figure.measure
        table.add_row(name, _named(figure), *_numbers(figure), _mark(figure), _last(figure, before))
    out.print(table)
    for figure in run.figures:
        if figure.reached is False:
            out.print(f"MISSED: {figure.measure}, {figure.name}: {figure.mark}")


def markdown(run: BenchRun) -> str:
    """Format the figures as the table in docs/performance.md."""
    machine = run.machine
    measured_on = (
        f"{run.at[:10]}, deadreckon {run.code}, {machine.cores} cores of {machine.processor}, "
        f"{machine.system}, Python {machine.python}; the whole run took {run.seconds:.0f} s."
    )
    rows = [
        measured_on,
        "",
        "| measure | figure | value | limit in the same run | times the limit | mark |",
        "|---|---|---:|---|---:|---|",
    ]
    for figure in run.figures:
        value, ratio = _numbers(figure)
        limit = "" if figure.limit is None else f"{number(figure.limit)}: {figure.limit_name}"
        mark = _mark(figure).replace("\n", ", ")
        rows.append(f"| {figure.measure} | {figure.name} | {value} | {limit} | {ratio} | {mark} |")
    return "\n".join(rows)


def _title(run: BenchRun) -> str:
    machine = run.machine
    quick = ", quick: figures of no weight" if run.quick else ""
    return (
        f"{run.code}, {machine.cores} cores of {machine.processor}, Python {machine.python}, "
        f"{run.seconds:.0f} s{quick}"
    )


def _named(figure: Figure) -> str:
    if figure.limit is None:
        return figure.name
    return f"{figure.name}\n  limit {number(figure.limit)}: {figure.limit_name}"


def _numbers(figure: Figure) -> tuple[str, str]:
    ratio = "" if figure.ratio is None else f"{number(figure.ratio)}x"
    return f"{number(figure.value)} {figure.unit}", ratio


def number(value: float) -> str:
    """Format a number with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def _mark(figure: Figure) -> str:
    if figure.reached is None:
        return ""
    return f"{figure.mark}\n{'reached' if figure.reached else 'MISSED'}"


def _last(figure: Figure, before: Mapping[FigureKey, Figure]) -> str:
    found = before.get(figure.key)
    if found is None:
        return ""
    by = change(figure, found)
    moved = "" if abs(by - 1) < NOISE else f" ({by:.1f}x)"
    return f"{number(found.value)}{moved}"
