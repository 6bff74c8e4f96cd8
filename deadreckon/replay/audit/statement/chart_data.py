"""The charts of a statement as data: points in time, bars with their counts."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts.amounts import EXACT, canonical, text
from deadreckon.replay.audit.statement.curves import EquityPoint, ProfitPoint, since, thinned
from deadreckon.replay.audit.statement.evidence import Evidence, SequenceIndex
from deadreckon.replay.audit.statement.executions import BPS_SCALE, Execution
from deadreckon.replay.audit.statement.overview import StatementView
from deadreckon.replay.audit.statement.parts import AmountBar, Chart, HistogramBar, Point

LINES_MAX = 6  # of one chart; more than that nobody can tell apart
HUNDRED = Decimal(100)


def drawings(view: StatementView) -> list[Chart]:
    """Build every chart that has something to draw."""
    marks, unit = view.gathered.curves.marks, view.currency
    charts = [
        _lines(view, "equity", "Equity", unit, {"equity": _points(marks, lambda m: m.equity)}),
        _lines(
            view,
            "drawdown",
            "Drawdown from the peak",
            "%",
            {"drawdown": _points(marks, lambda m: EXACT.multiply(m.drawdown, -HUNDRED))},
        ),
        _lines(
            view,
            "exposure",
            "Exposure",
            unit,
            {
                "gross": _points(marks, lambda m: m.gross),
                "net": _points(marks, lambda m: m.net),
            },
        ),
        _profit(view, "strategy", 0),
        _profit(view, "instrument", 2),
        _distribution(view),
        _fees(view),
    ]
    return [chart for chart in charts if chart is not None]


def _points(marks: list[EquityPoint], of: Callable[[EquityPoint], Decimal]) -> list[Point]:
    return [_point(mark.at, of(mark), mark.position) for mark in thinned(marks, of)]


def _point(at: int, value: Decimal, position: SequenceIndex) -> Point:
    return Point(at, text(canonical(value)), f"{position[0]}.{position[1]}")


def _lines(
    view: StatementView, name: str, title: str, unit: str, lines: dict[str, list[Point]]
) -> Chart | None:
    curves = view.gathered.curves
    if len(curves.marks) < 2:
        return None
    drawn = max(len(points) for points in lines.values())
    note = f"{len(curves.marks)} marks of equity, {drawn} drawn"
    if drawn < len(curves.marks):
        note += ": the lowest and the highest of each stretch"
    figure = view.appendix.figure(len(curves.marks), curves.evidence, note=note)
    return Chart(name, "lines", title, unit, note, figure, lines=lines)


def _profit(view: StatementView, name: str, part: int) -> Chart | None:
    """Draw net profit since the opening, for the strategies or instruments that moved most."""
    curves = view.gathered.curves
    groups = sorted({key[part] for key in view.change}, key=lambda g: (-_moved(view, part, g), g))
    if not groups or len(curves.profits) < 2:
        return None
    shown = groups[:LINES_MAX]
    lines = {group: [_made(view, at, part, group) for at in curves.profits] for group in shown}
    note = f"net, since the opening; {len(shown)} of {len(groups)}"
    figure = view.appendix.figure(len(curves.marks), curves.evidence, note=note)
    title = f"Profit and loss by {name}"
    return Chart(f"profit_{name}", "lines", title, view.currency, note, figure, lines=lines)


def _made(view: StatementView, profits: ProfitPoint, part: int, group: str) -> Point:
    made = since(profits, view.opening.figures, part, group)
    return _point(profits.at, made, profits.position)


def _moved(view: StatementView, part: int, group: str) -> Decimal:
    keys: list[PositionKey] = [key for key in view.change if key[part] == group]
    return sum((abs(view.change[key].net) for key in keys), Decimal(0))


def _distribution(view: StatementView) -> Chart | None:
    slippage = view.gathered.slippage
    bars = slippage.bars(_slip)
    if not bars:
        return None
    every = Evidence()
    for _, execution in slippage.measured:
        every.add(execution.record, partial(_slip, execution))
    drawn = [
        HistogramBar(
            _bps(bar.low),
            _bps(bar.high),
            view.appendix.figure(len(bar.evidence), bar.evidence),
        )
        for bar in bars
    ]
    note = "each fill beside its benchmark; to the right is worse"
    figure = view.appendix.figure(len(slippage.measured), every, note=note)
    return Chart("slippage", "bars", "Slippage of fills", "bps", note, figure, bars=drawn)


def _bps(units: int | None) -> str | None:
    return None if units is None else text(Decimal(units).scaleb(-BPS_SCALE))


def _slip(execution: Execution) -> str:
    fill = execution.record.event
    bps = "" if execution.bps is None else f"{text(execution.bps)} bps, "
    benchmark = "" if execution.benchmark is None else text(execution.benchmark.price)
    return (
        f"{bps}{fill.strategy} {fill.side} {text(fill.quantity)} {fill.instrument} at "
        f"{text(fill.price)} against {execution.against} {benchmark}"
    )


def _fees(view: StatementView) -> Chart | None:
    """Draw fees by kind, one bar each; only bars of one currency can be compared."""
    found = sorted(view.gathered.earning.fees.items())
    drawn = [
        AmountBar(
            f"{venue} {kind}".strip(),
            currency,
            view.appendix.figure(sum(paid.sums.values(), Decimal(0)), paid),
        )
        for (venue, kind, currency), paid in found
    ]
    if not drawn:
        return None
    every = [paid for _, paid in found]
    count = sum(len(paid) for paid in every)
    note = "paid; bars of different currencies are drawn by themselves"
    figure = view.appendix.figure(count, *every, note=note)
    return Chart("fees", "amounts", "Fees by kind", "", note, figure, amounts=drawn)
