"""Positions after many fills by sums, for the order of most fills does not matter.

Quantities and notionals add up in any order. Only the cost of what is held at the end depends on
one, and mostly the last fills determine it (see `positions`): only those are put in order. What
they leave open is put in order as a whole.
"""

from typing import Any, NamedTuple

import numpy
from msgspec import structs

from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.columnar.fill_columns import FillColumns, sums_by
from deadreckon.accounting.columnar.positions import COST_MAX, AlignedFills, settled_costs
from deadreckon.accounting.columnar.reordering import Groups, aligned, grouped, moved

WORTHWHILE = 100_000  # fills from which sums are faster than order
LAST_SHARE = 16  # one in so many fills, from the end, is looked at for what settles the costs
SCALE_MAX = 32  # more decimals than an amount can have
CODES_MAX = 1 << 22  # holdings times scales times scales


class Sum(NamedTuple):
    """Position without its cost, and the notional that its cost and realised profit share."""

    position: Position
    before: Position
    notional: int

    def at_cost(self, cost: int) -> Position:
        """Return the position with this cost."""
        realised = self.before.realised + cost - self.before.cost - self.notional
        return structs.replace(self.position, cost=cost, realised=realised)


def positions_after(before: list[Position], fills: FillColumns, number_of: Any) -> list[Position]:
    """Return the positions after their fills; `number_of` gives each kind its position."""
    if len(fills.rows) < WORTHWHILE or not _sums_fit(fills, len(before)):
        return moved(before, fills, grouped(number_of, fills.kind, len(before)))
    sums = _sums(before, fills, number_of)
    found = {number: it.at_cost(0) for number, it in sums.items() if not it.position.quantity}
    begin = len(fills.rows) - len(fills.rows) // LAST_SHARE
    last = fills.part(slice(begin, None))
    found |= _settled(sums, found, last, number_of, _dearest(fills))
    left = [number for number in range(len(before)) if number not in found]
    if left:
        indexes = numpy.full(len(before), -1)
        indexes[left] = numpy.arange(len(left))
        theirs = fills.part(indexes[number_of][fills.kind] >= 0)
        groups = grouped(indexes[number_of], theirs.kind, len(left))
        found |= zip(left, moved([before[it] for it in left], theirs, groups), strict=True)
    return [found[number] for number in range(len(before))]


def _sums_fit(fills: FillColumns, count: int) -> bool:
    """Return True when no notional can leave int64 and there are not too many sums."""
    if fills.exact or count * SCALE_MAX * SCALE_MAX > CODES_MAX:
        return False
    largest = max(int(fills.quantities.max()), -int(fills.quantities.min()))
    dearest = max(int(fills.prices.max()), -int(fills.prices.min()))
    return largest * dearest < COST_MAX


def _sums(before: list[Position], fills: FillColumns, number_of: Any) -> dict[int, Sum]:
    """Sum the fills of positions whose scales no fill widens: rounding depends on the scale."""
    scales = fills.quantity_scales * SCALE_MAX + fills.price_scales
    codes = number_of.astype(numpy.int32)[fills.kind] * (SCALE_MAX * SCALE_MAX) + scales
    count = len(before) * SCALE_MAX * SCALE_MAX
    met = numpy.flatnonzero(numpy.bincount(codes, minlength=count))
    indexes = numpy.zeros(count, dtype=numpy.intp)
    indexes[met] = numpy.arange(len(met))
    codes = indexes[codes]
    quantities = sums_by(codes, fills.quantities, len(met))
    notionals = sums_by(codes, fills.quantities * fills.prices, len(met))
    found: dict[int, Sum] = {}
    fine = set()
    for index, code in enumerate(met.tolist()):
        number, quantity_scale, price_scale = (
            code // (SCALE_MAX * SCALE_MAX),
            code // SCALE_MAX % SCALE_MAX,
            code % SCALE_MAX,
        )
        position = before[number]
        finer = position.quantity_scale - quantity_scale
        closer = position.price_scale - price_scale
        if finer < 0 or closer < 0:
            fine.add(number)
            continue
        known = found.get(number) or Sum(position, position, 0)
        held = known.position.quantity + quantities[index] * 10**finer
        value = notionals[index] * 10 ** (finer + closer) * position.contract
        after = structs.replace(position, quantity=held)
        found[number] = Sum(after, position, known.notional + value)
    return {number: it for number, it in found.items() if number not in fine}


def _settled(
    sums: dict[int, Sum],
    flat: dict[int, Position],
    last: FillColumns,
    number_of: Any,
    dearest: float,
) -> dict[int, Position]:
    """Return the positions whose cost the last fills determine."""
    there = numpy.zeros(len(number_of), dtype=bool)
    there[last.kind] = True
    met = sorted(set(number_of[there].tolist()) & sums.keys() - flat.keys())
    if not met:
        return {}
    indexes = numpy.full(int(number_of.max()) + 1, -1)
    indexes[met] = numpy.arange(len(met))
    theirs = last.part(indexes[number_of][last.kind] >= 0)
    groups = grouped(indexes[number_of], theirs.kind, len(met))
    wanted = [sums[number] for number in met]
    begun, rows, fit = _begun(wanted, theirs, groups, dearest)
    costs = settled_costs(begun, groups.starts, rows)
    return {
        number: it.at_cost(cost)
        for number, it, cost, fits in zip(met, wanted, costs, fit, strict=True)
        if cost is not None and fits
    }


def _dearest(fills: FillColumns) -> float:
    """Return an upper bound of all prices, in quote currency."""
    steps = 10.0 ** -numpy.arange(SCALE_MAX)
    prices = fills.prices * steps[fills.price_scales]
    return max(float(prices.max()), -float(prices.min())) * (1 + 1e-9)


def _most(it: Sum, quantity: int, dearest: float) -> int:
    """Return an upper bound of what the cost of a position can have been."""
    price = int(dearest * 10**it.position.price_scale) + 1
    if it.before.quantity:
        opened = it.before.quantity * it.position.contract
        price = max(price, abs(it.before.cost) // abs(opened) + 1)
    return quantity * price * it.position.contract


def _begun(
    wanted: list[Sum], last: FillColumns, groups: Groups, dearest: float
) -> tuple[list[Position], AlignedFills, Any]:
    """Return the positions before the last fills, each with the upper bound of its cost; those
    fills in the positions' scales; and whether they fit."""
    finest = [it.position.quantity_scale for it in wanted]
    closest = [it.position.price_scale for it in wanted]
    quantities, some = aligned(last.quantities, last.quantity_scales, finest, groups)
    prices, others = aligned(last.prices, last.price_scales, closest, groups)
    moves = numpy.add.reduceat(quantities, groups.starts).tolist()
    held = [it.position.quantity - move for it, move in zip(wanted, moves, strict=True)]
    begun = [
        structs.replace(it.position, quantity=quantity, cost=_most(it, quantity, dearest))
        for it, quantity in zip(wanted, held, strict=True)
    ]
    return begun, AlignedFills(quantities, prices), (some & others).tolist()
