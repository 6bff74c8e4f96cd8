"""Columnar `average_cost.apply_fill`: positions after many fills, equal to the last integer.

Three things make columns fast without a second definition of cost (decision 0024):

* For every fill signed notional == change of cost - change of realised, so over many fills
  realised follows from the cost and the sum of notionals; it is never computed per fill.
* A fill that opens, closes or turns a position resets the cost to held x price, so earlier fills
  no longer matter. Only the fills after the last reset are processed.
* Of those, additions are sums. A reduction rounds, so reductions are processed one by one; but a
  reduction also brings different costs nearer to each other. Started from the least and the
  greatest possible cost, a long series of reductions ends in the same integer, which is then the
  cost whatever it was at first.

Products and sums are int64 where bounds prove that the true values fit. Any other position is
folded by `average_cost.apply_fill`, one fill at a time, in Python integers: nothing wraps.
"""

from collections.abc import Iterator, Sequence
from math import log
from typing import Any, NamedTuple

import numpy
from msgspec import structs
from numpy.typing import NDArray

from deadreckon.accounting import average_cost
from deadreckon.accounting.average_cost import Position
from deadreckon.contracts.amounts import divide_half_even
from deadreckon.contracts.fields import Side

Integers = NDArray[numpy.int64]

WORTHWHILE = 24  # fills per position from which columns are faster than one at a time
COST_MAX = 2**62
FITS = float(COST_MAX)  # bounds are floats; their error is below the margin left to 2**63
CONTRACTION = 12.0  # natural logarithm: then bounds 1 apart meet, in all but e**-12 of cases


class AlignedFills(NamedTuple):
    """Fills of several positions, grouped by position and in log order within each group.

    `quantities` are signed (a sale is negative), in units of each position's quantity scale,
    `prices` in those of its price scale.
    """

    quantities: Integers
    prices: Integers

    def part(self, start: int, stop: int) -> "AlignedFills":
        """Select the rows from `start` up to `stop`."""
        return AlignedFills(self.quantities[start:stop], self.prices[start:stop])


class _Course(NamedTuple):
    """Effect of each fill in int64 that may wrap; valid only for positions that `fits` marks."""

    held: Integers  # signed quantity after each fill
    notionals: Integers  # signed: quantity x price x contract
    resets: NDArray[numpy.bool_]  # fills after which the cost is held x price
    fits: Any  # by position: True when no true value exceeds int64


def apply_fills(
    positions: Sequence[Position], starts: Sequence[int], rows: AlignedFills
) -> list[Position]:
    """Return the positions after their fills; those of positions[n] begin at row starts[n].

    Every position has at least one fill.
    """
    stops = [*starts[1:], len(rows.quantities)]
    if len(rows.quantities) < WORTHWHILE * len(positions):
        return [
            one_by_one(position, rows.part(start, stop))
            for position, start, stop in zip(positions, starts, stops, strict=True)
        ]
    begins = numpy.asarray(starts, dtype=numpy.int64)
    course = _course(positions, begins, rows)
    sums = _exact_sums(course.notionals, begins)
    numbered = numpy.where(course.resets, numpy.arange(len(course.resets)), -1)
    lasts = numpy.maximum.reduceat(numbered, begins).tolist()
    after = []
    for number, position in enumerate(positions):
        start, stop = starts[number], stops[number]
        if course.fits[number]:
            cost = _cost(position, course, rows, (start, stop), lasts[number])
            after.append(_moved(position, int(course.held[stop - 1]), cost, sums[number]))
        else:
            after.append(one_by_one(position, rows.part(start, stop)))
    return after


def settled_costs(
    positions: Sequence[Position], starts: Sequence[int], rows: AlignedFills
) -> list[int | None]:
    """Return each cost after the fills if they determine it on their own, else None.

    The cost in each given position is the upper bound of its cost before these fills.
    """
    stops = [*starts[1:], len(rows.quantities)]
    begins = numpy.asarray(starts, dtype=numpy.int64)
    course = _course(positions, begins, rows)
    numbered = numpy.where(course.resets, numpy.arange(len(course.resets)), -1)
    lasts = numpy.maximum.reduceat(numbered, begins).tolist()
    found: list[int | None] = []
    for number, position in enumerate(positions):
        part = (starts[number], stops[number])
        if not course.fits[number]:
            found.append(None)
        elif lasts[number] >= 0:
            found.append(_cost(position, course, rows, part, lasts[number]))
        else:
            found.append(_met(position, course, rows, slice(*part)))
    return found


def one_by_one(position: Position, rows: AlignedFills) -> Position:
    """Return the position after its fills, applied one at a time in Python integers."""
    for quantity, price in zip(rows.quantities.tolist(), rows.prices.tolist(), strict=True):
        side: Side = "buy" if quantity > 0 else "sell"
        position = average_cost.apply_fill(position, side, abs(quantity), price)
    return position


def _moved(position: Position, quantity: int, cost: int, notional: int) -> Position:
    realised = position.realised + cost - position.cost - notional
    return structs.replace(position, quantity=quantity, cost=cost, realised=realised)


def _course(positions: Sequence[Position], begins: Integers, rows: AlignedFills) -> _Course:
    lengths = numpy.diff(begins, append=len(rows.quantities))
    quantities, prices = rows
    contracts = [position.contract for position in positions]
    if any(contract != 1 for contract in contracts):
        prices = prices * numpy.repeat(_wrapped(contracts), lengths)
    running = numpy.cumsum(quantities)
    opening = _wrapped([position.quantity for position in positions])
    held = running + numpy.repeat(opening - (running[begins] - quantities[begins]), lengths)
    before = held - quantities
    return _Course(
        held=held,
        notionals=quantities * prices,
        resets=(held == 0) | (before == 0) | ((before ^ held) < 0),
        fits=_fits(positions, begins, rows, held),
    )


def _wrapped(integers: Sequence[int]) -> Integers:
    """Convert integers to int64; those that do not fit become 0, and `_fits` rejects them."""
    held = [integer if abs(integer) < COST_MAX else 0 for integer in integers]
    return numpy.array(held, dtype=numpy.int64)


def _fits(
    positions: Sequence[Position], begins: Integers, rows: AlignedFills, held: Integers
) -> Any:
    """Tell, by position, if no quantity, notional or cost can exceed int64.

    A cost is at most the held quantity at the highest price, plus half a unit for each fill that
    rounds. A fill's quantity is at most twice the quantity held before or after it.
    """
    opened = numpy.array([abs(position.quantity) for position in positions], dtype=float)
    cost = numpy.array([abs(position.cost) for position in positions], dtype=float)
    contract = numpy.array([position.contract for position in positions], dtype=float)
    moved = numpy.add.reduceat(_sizes(rows.quantities), begins)
    dearest = numpy.maximum.reduceat(_sizes(rows.prices), begins) * contract
    dearest = numpy.maximum(dearest, cost / numpy.maximum(opened, 1.0))
    most = numpy.maximum(numpy.maximum.reduceat(_sizes(held), begins), opened)
    return (opened + moved < FITS) & (2 * most * dearest + len(held) < FITS) & (contract < FITS)


def _sizes(integers: Integers) -> NDArray[numpy.float64]:
    return numpy.abs(integers.astype(numpy.float64))


def _exact_sums(values: Integers, begins: Integers) -> list[int]:
    """Sum each group as Python integers: halves of 32 bits cannot wrap below 2**31 rows."""
    high = numpy.add.reduceat(values >> 32, begins).tolist()
    low = numpy.add.reduceat(values & 0xFFFFFFFF, begins).tolist()
    return [(above << 32) + below for above, below in zip(high, low, strict=True)]


def _cost(
    position: Position, course: _Course, rows: AlignedFills, part: tuple[int, int], last: int
) -> int:
    """Compute the cost after all fills of a position, from its last reset or its opening cost."""
    start, stop = part
    cost = position.cost
    if last >= 0:
        start = last + 1
        cost = int(course.held[last]) * int(rows.prices[last]) * position.contract
    if start == stop:
        return cost
    reductions, sign = _reductions(cost, position.contract, course, rows, slice(start, stop))
    if reductions is None:
        return cost + int(course.notionals[start:stop].sum())
    return sign * reductions.after(sign * cost)


def _met(position: Position, course: _Course, rows: AlignedFills, part: slice) -> int | None:
    """Compute the cost of a position without a reset; None unless its reductions determine it."""
    reductions, sign = _reductions(position.cost, position.contract, course, rows, part)
    cost = None if reductions is None else reductions.settled()
    return None if cost is None else sign * cost


class _Reductions(NamedTuple):
    """Reductions of a position that stays long, with the notional added between them."""

    added: Integers  # notional added since the previous reduction
    reduced: Integers  # quantity of the reduction, more than 0
    held: Integers  # quantity before the reduction
    rest: int  # notional added after the last reduction
    dearest: int  # upper bound of the cost of one unit

    def after(self, cost: int) -> int:
        """Compute the cost after all reductions, given the cost before the first."""
        found = self.settled()
        return self._follow(cost, iter(self._steps(0))) + self.rest if found is None else found

    def settled(self) -> int | None:
        """Compute the cost after all reductions if it does not depend on the first; else None."""
        distance = numpy.cumsum(-numpy.log1p(-self.reduced[::-1] / self.held[::-1]))
        most = int(self.held.max()) * self.dearest + len(self.held)
        needed = int(numpy.searchsorted(distance, log(2 * most + 1) + CONTRACTION)) + 1
        if needed > len(self.held):
            return None
        found = self._from_bounds(len(self.held) - needed, most)
        return None if found is None else found + self.rest

    def _from_bounds(self, start: int, most: int) -> int | None:
        """Compute the cost from bounds at reduction `start`; None if the bounds do not meet.

        Reductions keep the order of two costs, so once the bounds are equal every cost between
        them is equal too.
        """
        low, high = -most, most
        steps = iter(self._steps(start))
        for number, (added, reduced, held) in enumerate(steps):
            if number:  # the bounds include what was added before the first reduction
                low, high = low + added, high + added
            low -= divide_half_even(low * reduced, held)
            high -= divide_half_even(high * reduced, held)
            if low == high:
                return self._follow(low, steps)
        return None

    def _follow(self, cost: int, steps: Iterator[tuple[int, int, int]]) -> int:
        for added, reduced, held in steps:
            cost += added
            cost -= divide_half_even(cost * reduced, held)
        return cost

    def _steps(self, start: int) -> Iterator[tuple[int, int, int]]:
        columns = (self.added[start:], self.reduced[start:], self.held[start:])
        return zip(*(column.tolist() for column in columns), strict=True)


def _reductions(
    cost: int, contract: int, course: _Course, rows: AlignedFills, part: slice
) -> tuple[_Reductions | None, int]:
    """Collect the reductions of rows without a reset, as for a long position, and the sign.

    The sign is -1 for a short position, which is negated. `cost` is the cost before these rows,
    or its upper bound. The first item is None when no row reduces the position.
    """
    held = course.held[part]
    sign = 1 if held[0] > 0 else -1
    quantities, held = sign * rows.quantities[part], sign * held
    additions = sign * course.notionals[part]
    at = numpy.flatnonzero(quantities < 0)
    if not len(at):
        return None, sign
    additions[at] = 0
    running = numpy.cumsum(additions)
    reduced = -quantities[at]
    begun = int(held[0] - quantities[0])
    prices = rows.prices[part]
    dearest = max(int(prices.max()), -int(prices.min())) * contract
    return (
        _Reductions(
            added=numpy.diff(running[at], prepend=0),
            reduced=reduced,
            held=held[at] + reduced,
            rest=int(numpy.diff(running[[at[-1], -1]])[0]),
            dearest=max(dearest, abs(cost) // begun + 1) + 1,
        ),
        sign,
    )
