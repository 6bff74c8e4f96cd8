"""Positions from columns of fills, each fill in its position's scales, or one at a time."""

from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from deadreckon.accounting import average_cost
from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.columnar.fill_columns import FillColumns, Integers
from deadreckon.accounting.columnar.positions import AlignedFills, apply_fills
from deadreckon.contracts.amounts import from_units
from deadreckon.contracts.fields import Side

KEYS_MAX = 1 << 16  # holdings that 16 bits can number; those are sorted in one pass
FITS = 2.0**62
BLOCK = 100_000  # fills of which the columns at work (ten of 8 bytes) fit a processor's cache
POWERS = 10 ** numpy.arange(19, dtype=numpy.int64)


class Groups(NamedTuple):
    """Fills by what they belong to: numbers of rows, in log order within each part."""

    order: Any
    starts: list[int]

    def of(self, number: int) -> Any:
        """Return the row numbers of one part."""
        stop = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts[number] : stop]

    @property
    def lengths(self) -> Any:
        """Number of rows of each part."""
        return numpy.diff(self.starts, append=len(self.order))

    def without(self, counts: list[int]) -> "Groups":
        """Copy without so many rows at the beginning of each part."""
        if not any(counts):
            return self
        parts = [self.of(number)[count:] for number, count in enumerate(counts)]
        ends = numpy.cumsum([len(part) for part in parts]).tolist()
        return Groups(numpy.concatenate(parts), [0, *ends[:-1]])


def grouped(number_of: Any, kinds: Any, count: int) -> Groups:
    """Group rows by the number of their kind, which is below `count`; each number occurs."""
    numbers = (number_of.astype(numpy.uint16) if count <= KEYS_MAX else number_of)[kinds]
    order = numpy.argsort(numbers, kind="stable")
    return Groups(order, numpy.searchsorted(numbers[order], numpy.arange(count)).tolist())


def moved(positions: list[Position], fills: FillColumns, groups: Groups) -> list[Position]:
    """Return the positions after their fills.

    Up to the last fill that makes a position's scales finer, and where int64 is too small, fills
    are taken one at a time: what a reduction rounds to is the scale of its moment.
    """
    if not positions:
        return []
    first = _count_one_by_one(positions, fills, groups)
    begun = [
        one_by_one(position, fills, groups.of(number)[: first[number]])
        for number, position in enumerate(positions)
    ]
    rest = groups.without(first)
    left = [number for number in range(len(begun)) if len(rest.of(number))]
    columns = Groups(rest.order, [rest.starts[number] for number in left])
    after = _in_columns([begun[number] for number in left], fills, columns)
    for number, position in zip(left, after, strict=True):
        begun[number] = position
    return begun


def one_by_one(position: Position, fills: FillColumns, rows: Any) -> Position:
    """Apply fills one at a time: the result that columns must equal."""
    for row in rows.tolist():
        quantity, price = amounts(fills, row)
        side: Side = "buy" if quantity > 0 else "sell"
        position = average_cost.apply_trade(position, side, abs(quantity), price)
    return position


def amounts(fills: FillColumns, row: int) -> tuple[Any, Any]:
    """Return the signed quantity and the price of a fill, as in its event."""
    exact = fills.exact.get(int(fills.rows[row]))
    if exact is not None:
        return exact.quantity, exact.price
    return (
        from_units(int(fills.quantities[row]), int(fills.quantity_scales[row])),
        from_units(int(fills.prices[row]), int(fills.price_scales[row])),
    )


def _count_one_by_one(positions: list[Position], fills: FillColumns, groups: Groups) -> list[int]:
    """Count the fills of each position that go one at a time before columns can begin."""
    counts = [0] * len(positions)
    columns = (
        (fills.quantity_scales, [position.quantity_scale for position in positions]),
        (fills.price_scales, [position.price_scale for position in positions]),
    )
    for scales, known in columns:
        finest = numpy.maximum.reduceat(scales[groups.order], groups.starts)
        for number in numpy.flatnonzero(finest > numpy.array(known)).tolist():
            reached = int(numpy.argmax(scales[groups.of(number)] == finest[number])) + 1
            counts[number] = max(counts[number], reached)
    if fills.exact:
        known_by_text = numpy.isin(fills.rows, list(fills.exact))
        for number in range(len(positions)):
            if known_by_text[groups.of(number)].any():
                counts[number] = len(groups.of(number))
    return counts


def _in_columns(positions: list[Position], fills: FillColumns, groups: Groups) -> list[Position]:
    """Fold some positions at a time, so that their columns stay in the processor's cache."""
    stops = [*groups.starts[1:], len(groups.order)] if positions else []
    after: list[Position] = []
    begin = 0
    for number, stop in enumerate(stops):
        start = groups.starts[begin]
        if stop - start >= BLOCK or number + 1 == len(stops):
            starts = [each - start for each in groups.starts[begin : number + 1]]
            block = Groups(groups.order[start:stop], starts)
            after += _block(positions[begin : number + 1], fills, block)
            begin = number + 1
    return after


def _block(positions: list[Position], fills: FillColumns, groups: Groups) -> list[Position]:
    scales = ([each.quantity_scale for each in positions], [each.price_scale for each in positions])
    quantities, some = aligned(fills.quantities, fills.quantity_scales, scales[0], groups)
    prices, others = aligned(fills.prices, fills.price_scales, scales[1], groups)
    fit = some & others
    if fit.all():
        return apply_fills(positions, groups.starts, AlignedFills(quantities, prices))
    return [
        apply_fills([position], [0], AlignedFills(quantities, prices).part(start, start + length))[
            0
        ]
        if fits
        else one_by_one(position, fills, groups.of(number))
        for number, (position, start, length, fits) in enumerate(
            zip(positions, groups.starts, groups.lengths.tolist(), fit.tolist(), strict=True)
        )
    ]


def aligned(
    units: Integers, scales: Integers, wanted: list[int], groups: Groups
) -> tuple[Integers, NDArray[numpy.bool_]]:
    """Convert amounts to the scale wanted of each part; tells for each part whether int64 holds
    all."""
    found = units[groups.order]
    missing = numpy.repeat(numpy.array(wanted, dtype=scales.dtype), groups.lengths)
    missing -= scales[groups.order]
    if not missing.any():
        return found, numpy.ones(len(wanted), dtype=bool)
    within = numpy.minimum(missing, 18)
    sizes = numpy.abs(found.astype(float)) * 10.0**missing
    fit = numpy.maximum.reduceat(sizes, groups.starts) < FITS
    found *= POWERS[within]
    return found, fit
