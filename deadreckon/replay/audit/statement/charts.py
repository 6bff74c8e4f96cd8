"""Charts as inline SVG, drawn in integers so that the same figures give the same bytes anywhere.

The drawing stretches with the page, the words around it do not: axis labels stand outside of the
SVG, placed in per cent.
"""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import pairwise

from msgspec import UNSET

from deadreckon.contracts.amounts import ROUNDING, canonical, decimals, to_units
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY, format_timestamp
from deadreckon.formatting.statement_figures import exact, format_cell, rounded
from deadreckon.replay.audit.statement.parts import Chart, HistogramBar, Point

SIDE = 10_000  # of the square that charts are drawn in, stretched by the page
TICKS = 4  # about so many on an axis
MINUTE = 60 * NANOSECONDS
SPANS = [n * MINUTE for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)]
SPANS += [n * DAY for n in (1, 2, 5, 7, 14, 30, 60, 90, 180, 365)]


class Scale:
    """Scale of a drawing: places an amount between bottom and top."""

    def __init__(self, amounts: Sequence[Decimal]) -> None:
        self._scale = max(decimals(amount) for amount in amounts)
        units = [to_units(amount, self._scale) for amount in amounts]
        low, high = min(units), max(units)
        step = Decimal(_round_step(max(high - low, 1), TICKS))
        self.step = int(step)
        self._low = low // self.step * self.step
        self._high = max(-(-high // self.step) * self.step, self._low + self.step)

    def y(self, amount: Decimal) -> int:
        """Return the distance from the top, in units of the drawing."""
        return self._y(to_units(amount, self._scale))

    def ticks(self) -> list[tuple[int, str]]:
        """Round amounts with where they lie."""
        units = range(self._low, self._high + 1, self.step)
        return [(self._y(unit), exact(canonical(self._amount(unit)))) for unit in units]

    def zero(self) -> int | None:
        """Return the position of zero, if it is within the scale."""
        return self._y(0) if self._low < 0 < self._high else None

    def _y(self, units: int) -> int:
        return (self._high - units) * SIDE // (self._high - self._low)

    def _amount(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self._scale, ROUNDING)


def _round_step(spread: int, parts: int) -> int:
    """Return the 1, 2 or 5 times a power of ten that cuts a spread into about `parts` parts."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power * parts >= spread:
                return digit * power
        power *= 10


def lines(chart: Chart) -> str:
    """Draw curves over time, each in its own dash pattern; a tooltip shows every point."""
    drawn = chart.lines or {}
    points = [point for line in drawn.values() for point in line]
    scale = Scale([Decimal(point.value) for point in points] + _grounds(chart))
    first, last = (end(point.at for point in points) for end in (min, max))
    span = max(last - first, 1)
    body = [_grid(scale)]
    for number, line in enumerate(drawn.values()):
        path = [((each.at - first) * SIDE // span, scale.y(Decimal(each.value))) for each in line]
        body.append(_path(path, number, filled=chart.name == "drawdown", ground=scale))
    for number, (name, line) in enumerate(drawn.items()):
        body.append(_hints(chart, name, line, first, span, number, len(drawn)))
    return _plot(chart, "".join(body), scale, _moments(first, span))


def _grounds(chart: Chart) -> list[Decimal]:
    """Return the base line of each curve: equity from near its lowest value, all else from zero."""
    return [] if chart.name == "equity" else [Decimal(0)]


def _grid(scale: Scale) -> str:
    level = "".join(f"M0 {y}H{SIDE}" for y, _ in scale.ticks())
    zero = scale.zero()
    ground = "" if zero is None else f'<path class="zero" d="M0 {zero}H{SIDE}"/>'
    return f'<path class="grid" d="{level}"/>{ground}'


def _path(points: list[tuple[int, int]], number: int, *, filled: bool, ground: Scale) -> str:
    way = "M" + "L".join(f"{x} {y}" for x, y in points)
    line = f'<path class="line l{number}" d="{way}"/>'
    if not filled:
        return line
    zero = ground.y(Decimal(0))
    return f'<path class="area" d="{way}L{points[-1][0]} {zero}L{points[0][0]} {zero}Z"/>{line}'


def _hints(
    chart: Chart, name: str, line: list[Point], first: int, span: int, number: int, of: int
) -> str:
    """Draw a strip with a tooltip under each point; several curves share the height."""
    xs = [(point.at - first) * SIDE // span for point in line]
    edges = [0, *((a + b) // 2 for a, b in pairwise(xs)), SIDE]
    top, height = SIDE * number // of, SIDE // of
    label = f"{escape(name)} " if of > 1 else ""
    return "".join(
        f'<rect x="{left}" y="{top}" width="{max(right - left, 1)}" height="{height}"><title>'
        f"{format_cell(format_timestamp(point.at), 'time')}: {label}"
        f"{rounded(Decimal(point.value), 2)} "
        f"{escape(chart.unit)} (at {point.position})</title></rect>"
        for point, (left, right) in zip(line, pairwise(edges), strict=True)
    )


def _moments(first: int, span: int) -> list[tuple[int, str]]:
    step = next((one for one in SPANS if span // one <= TICKS + 2), SPANS[-1])
    start = -(-first // step) * step
    shown = slice(5, 10) if step >= DAY else slice(11, 16)
    return [
        ((at - first) * SIDE // span, format_timestamp(at)[shown])
        for at in range(start, first + span + 1, step)
    ]


def bars(chart: Chart) -> str:
    """Draw a distribution: the count in each interval."""
    drawn = chart.bars or []
    counts = [Decimal(bar.figure.value) for bar in drawn]
    scale = Scale([*counts, Decimal(0)])
    body = [_grid(scale)]
    edges = []
    for number, (bar, count) in enumerate(zip(drawn, counts, strict=True)):
        left, right = (SIDE * part // len(drawn) for part in (number, number + 1))
        top = scale.y(count)
        sign = "worse" if Decimal(bar.low or "-1") >= 0 else "better"
        label = f"{_stretch(bar)} bps: {count} fills"
        body.append(
            f'<rect class="bar {sign}" x="{left + 40}" y="{top}" width="{right - left - 80}" '
            f'height="{SIDE - top}"/><rect x="{left}" y="0" width="{right - left}" '
            f'height="{SIDE}"><title>{label}</title></rect>'
        )
        if number % (len(drawn) // 6 + 1) == 0:
            edges.append((left, exact(Decimal(bar.low)) if bar.low else "…"))
    return _plot(chart, "".join(body), scale, edges)


def _stretch(bar: HistogramBar) -> str:
    if bar.low is None:
        return f"below {bar.high}"
    return f"{bar.low} to {bar.high}" if bar.high else f"{bar.low} and more"


def amounts(chart: Chart) -> str:
    """Draw bars with their labels and figures, each as wide as its share of the largest one."""
    drawn = chart.amounts or []
    most: dict[str, Decimal] = {}
    for bar in drawn:
        size = abs(Decimal(bar.figure.value))
        most[bar.unit] = max(most.get(bar.unit, Decimal(0)), size)
    rows = []
    for bar in drawn:
        size, largest = abs(Decimal(bar.figure.value)), most[bar.unit]
        part = int(ROUNDING.divide_int(size.scaleb(3, ROUNDING), largest)) if largest else 0
        figure = bar.figure
        rows.append(
            f'<div class="amount"><span>{escape(bar.label)}</span><span class="track">'
            f'<span class="fill" style="width:{part // 10}.{part % 10}%"></span></span>'
            f'<button class="f" popovertarget="{figure.evidence}">'
            f"{rounded(Decimal(figure.value), 2)} {escape(bar.unit)}</button></div>"
        )
    return f'<div class="amounts">{"".join(rows)}</div>'


def _plot(chart: Chart, body: str, scale: Scale, below: list[tuple[int, str]]) -> str:
    levels = "".join(
        f'<span style="top:{_percent(y)}%">{escape(label)}</span>' for y, label in scale.ticks()
    )
    under = "".join(
        f'<span style="left:{_percent(x)}%">{escape(label)}</span>' for x, label in below
    )
    return (
        f'<div class="plot"><div class="levels" aria-hidden="true">{levels}</div>'
        f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(chart.title)}, {escape(chart.note)}">{body}</svg>'
        f'<div class="below" aria-hidden="true">{under}</div></div>{_legend(chart)}'
    )


def _legend(chart: Chart) -> str:
    names = [] if chart.lines is UNSET else list(chart.lines)
    if len(names) < 2:
        return ""
    items = "".join(
        f'<li><svg viewBox="0 0 30 6" aria-hidden="true"><path class="line l{number}" '
        f'd="M0 3H30"/></svg>{escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def _percent(units: int) -> str:
    return f"{units // 100}.{units % 100:02d}"
