"""Worst cases of what is held and promised: per exposure, and summed over the book.

An exposure lies between `low` and `high`: all sells in flight filled, or all buys. Exits and
protection bring it towards zero first, so that an entry against the position may start from
nothing. Exposures are summed by their worst case: a long of one strategy never hides a short of
another, nor a long of one instrument a short of another. Only `net` lets them offset, in its worse
direction.
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ROUNDING, ZERO
from deadreckon.contracts.fields import Side
from deadreckon.services.risk.sizes import unit_value
from deadreckon.services.risk.state import Exposure, InFlight, OrderShare, State, key_of, side_of

_add = ROUNDING.add
_subtract = ROUNDING.subtract
_multiply = ROUNDING.multiply


class Extent(Struct, frozen=True):
    """Least and greatest worth of an exposure at the mark, in reporting currency."""

    low: Decimal
    high: Decimal

    @property
    def worst(self) -> Decimal:
        """The bigger of both ends, without its sign."""
        return max(self.low.copy_abs(), self.high.copy_abs())


class WorstCases(Struct):
    """Worst cases in reporting currency, and the instruments that could not be valued.

    `borrowed` is short spot; `spent` is what spot buys in flight take from the cash of a currency,
    in that currency. `unpriced` are instruments without a mark or rate: the sums leave them out.
    """

    instruments: dict[str, Decimal] = {}
    strategies: dict[str, Decimal] = {}
    venues: dict[str, Decimal] = {}
    gross: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO
    borrowed: Decimal = ZERO
    spent: dict[str, Decimal] = {}
    unpriced: list[str] = []

    @property
    def net(self) -> Decimal:
        """The worse direction, without its sign."""
        return max(self.low.copy_abs(), self.high.copy_abs())


def low_quantity(exposure: Exposure) -> Decimal:
    """Return the least quantity before entries: exits and protection never cross zero."""
    held = exposure.held
    if held > 0:
        held = max(_subtract(held, _add(exposure.sells.exits, exposure.sells.protection)), ZERO)
    return held


def high_quantity(exposure: Exposure) -> Decimal:
    """Return the greatest quantity before entries."""
    held = exposure.held
    if held < 0:
        held = min(_add(held, _add(exposure.buys.exits, exposure.buys.protection)), ZERO)
    return held


def extent(exposure: Exposure, mark: Decimal, unit: Decimal) -> Extent:
    """Return both ends of an exposure at a mark; `unit` is the worth of quantity x price."""
    low = _subtract(_multiply(low_quantity(exposure), mark), _value(exposure.sells, mark))
    high = _add(_multiply(high_quantity(exposure), mark), _value(exposure.buys, mark))
    return Extent(_multiply(low, unit), _multiply(high, unit))


def _value(flight: InFlight, mark: Decimal) -> Decimal:
    """Return the worth of entries in flight, at the worse of their checked price and the mark."""
    return max(flight.value, _multiply(flight.entries, mark))


def with_entry(exposure: Exposure, side: Side, share: OrderShare, orders: int = 1) -> Exposure:
    """Copy the exposure with one more entry in flight."""
    flight = side_of(exposure, side)
    grown = InFlight(
        _add(flight.entries, share.quantity),
        _add(flight.value, share.value),
        _add(flight.stopped, share.stopped),
        _add(flight.bare, share.bare),
        flight.exits,
        flight.protection,
    )
    return _with(exposure, side, grown, exposure.entry_orders + orders)


def without_entry(exposure: Exposure, side: Side, share: OrderShare) -> Exposure:
    """Copy the exposure with one entry less in flight."""
    taken_out = OrderShare(
        share.quantity.copy_negate(),
        share.value.copy_negate(),
        share.stopped.copy_negate(),
        share.bare.copy_negate(),
    )
    return with_entry(exposure, side, taken_out, -1)


def with_exit(
    exposure: Exposure, side: Side, quantity: Decimal, *, waits: bool = False
) -> Exposure:
    """Copy the exposure with more exits in flight; a negative quantity removes some."""
    flight = replace(side_of(exposure, side))
    if waits:
        flight.protection = _add(flight.protection, quantity)
    else:
        flight.exits = _add(flight.exits, quantity)
    return _with(exposure, side, flight, exposure.entry_orders)


def _with(exposure: Exposure, side: Side, flight: InFlight, orders: int) -> Exposure:
    return Exposure(
        exposure.strategy,
        exposure.instrument,
        exposure.venue,
        exposure.held,
        flight if side == "buy" else exposure.buys,
        flight if side == "sell" else exposure.sells,
        orders,
        exposure.flatten_orders,
    )


def exposures_with(state: State, after: Exposure) -> Iterator[Exposure]:
    """Yield every exposure of the book, one of them as it would be."""
    replaced = key_of(after.strategy, after.instrument)
    for key, exposure in state.exposures.items():
        if key != replaced:
            yield exposure
    yield after


def worst_cases_with(state: State, after: Exposure) -> WorstCases:
    """Return the worst cases of the whole book, with one exposure as it would be."""
    book = WorstCases()
    for exposure in exposures_with(state, after):
        _sum(state, book, exposure)
    return book


def _sum(state: State, book: WorstCases, exposure: Exposure) -> None:
    mark = ledger.mark(state.ledger, exposure.instrument)
    unit = unit_value(state.ledger, exposure.instrument)
    if mark is None or unit is None:
        book.unpriced.append(exposure.instrument)
        return
    found = extent(exposure, mark.price, unit)
    worst = found.worst
    _raise(book.instruments, exposure.instrument, worst)
    _raise(book.strategies, exposure.strategy, worst)
    _raise(book.venues, exposure.venue, worst)
    book.gross = _add(book.gross, worst)
    book.low = _add(book.low, found.low)
    book.high = _add(book.high, found.high)
    if state.ledger.listings[exposure.instrument].kind == "spot":
        _borrow(state, book, exposure, found, mark.price)


def _borrow(
    state: State, book: WorstCases, exposure: Exposure, found: Extent, mark: Decimal
) -> None:
    """Add the cash that spot buys in flight take, and spot that is sold beyond what is held."""
    listing = state.ledger.listings[exposure.instrument]
    book.borrowed = _subtract(book.borrowed, min(found.low, ZERO))
    covering = _subtract(high_quantity(exposure), exposure.held)
    cost = _add(_value(exposure.buys, mark), _multiply(covering, mark))
    _raise(book.spent, listing.quote_currency, _multiply(cost, listing.contract_size))


def _raise(sums: dict[str, Decimal], name: str, amount: Decimal) -> None:
    sums[name] = _add(sums.get(name, ZERO), amount)


def is_open(exposure: Exposure) -> bool:
    """Tell whether something is held, or an entry is on its way."""
    return bool(exposure.held or exposure.buys.entries or exposure.sells.entries)


def may_be_long(exposure: Exposure) -> bool:
    """Tell whether the exposure is long, or can become long."""
    return exposure.held > 0 or _add(high_quantity(exposure), exposure.buys.entries) > 0


def may_be_short(exposure: Exposure) -> bool:
    """Tell whether the exposure is short, or can become short."""
    return exposure.held < 0 or _subtract(low_quantity(exposure), exposure.sells.entries) < 0
