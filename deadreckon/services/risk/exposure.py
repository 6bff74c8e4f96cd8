"""The worst that can come of what is held and promised: per stake, and summed over the book.

A stake lies between `low` and `high`: all sells in flight filled, or all buys. Exits and protection
bring it towards zero first, so that an entry against the position may start from nothing. Stakes
are summed by their worst case: a long of one strategy never hides a short of another, and a long of
one instrument never a short of another. Only `net` lets them offset, in its worse direction.
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
    """What a stake can be worth at the mark, short negative, in the reporting currency."""

    low: Decimal
    high: Decimal

    @property
    def worst(self) -> Decimal:
        """The bigger of both ends, without its sign."""
        return max(self.low.copy_abs(), self.high.copy_abs())


class WorstCases(Struct):
    """Worst cases in the reporting currency, and how many positions there are or may be.

    `borrowed` is short spot; `spent` what spot buys in flight take from the cash of a currency, in
    that currency. `unpriced` are instruments without a mark or rate: the sums lack them.
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


def low_quantity(stake: Exposure) -> Decimal:
    """The least a stake can come to before entries: exits and protection never cross zero."""
    held = stake.held
    if held > 0:
        held = max(_subtract(held, _add(stake.sells.exits, stake.sells.protection)), ZERO)
    return held


def high_quantity(stake: Exposure) -> Decimal:
    """The most a stake can come to before entries."""
    held = stake.held
    if held < 0:
        held = min(_add(held, _add(stake.buys.exits, stake.buys.protection)), ZERO)
    return held


def extent(stake: Exposure, mark: Decimal, unit: Decimal) -> Extent:
    """Both ends of a stake at a mark (quote currency); `unit` is the value of quantity x price."""
    low = _subtract(_multiply(low_quantity(stake), mark), _value(stake.sells, mark))
    high = _add(_multiply(high_quantity(stake), mark), _value(stake.buys, mark))
    return Extent(_multiply(low, unit), _multiply(high, unit))


def _value(flight: InFlight, mark: Decimal) -> Decimal:
    """Entries in flight at the worse of the prices they were weighed with and today's mark."""
    return max(flight.value, _multiply(flight.entries, mark))


def with_entry(stake: Exposure, side: Side, share: OrderShare, orders: int = 1) -> Exposure:
    """A copy of the stake with one more entry in flight."""
    flight = side_of(stake, side)
    grown = InFlight(
        _add(flight.entries, share.quantity),
        _add(flight.value, share.value),
        _add(flight.stopped, share.stopped),
        _add(flight.bare, share.bare),
        flight.exits,
        flight.protection,
    )
    return _with(stake, side, grown, stake.entry_orders + orders)


def without_entry(stake: Exposure, side: Side, share: OrderShare) -> Exposure:
    """A copy of the stake with one entry less in flight."""
    taken_out = OrderShare(
        share.quantity.copy_negate(),
        share.value.copy_negate(),
        share.stopped.copy_negate(),
        share.bare.copy_negate(),
    )
    return with_entry(stake, side, taken_out, -1)


def with_exit(stake: Exposure, side: Side, quantity: Decimal) -> Exposure:
    """A copy of the stake with more exits in flight; a negative quantity takes some out."""
    flight = replace(side_of(stake, side))
    flight.exits = _add(flight.exits, quantity)
    return _with(stake, side, flight, stake.entry_orders)


def _with(stake: Exposure, side: Side, flight: InFlight, orders: int) -> Exposure:
    return Exposure(
        stake.strategy,
        stake.instrument,
        stake.venue,
        stake.held,
        flight if side == "buy" else stake.buys,
        flight if side == "sell" else stake.sells,
        orders,
        stake.flatten_orders,
    )


def exposures_with(state: State, after: Exposure) -> Iterator[Exposure]:
    """Every stake of the book, one of them as it would be."""
    replaced = key_of(after.strategy, after.instrument)
    for key, stake in state.stakes.items():
        if key != replaced:
            yield stake
    yield after


def worst_cases_with(state: State, after: Exposure) -> WorstCases:
    """The worst cases of the whole book, with one stake as it would be."""
    book = WorstCases()
    for stake in exposures_with(state, after):
        _sum(state, book, stake)
    return book


def _sum(state: State, book: WorstCases, stake: Exposure) -> None:
    mark = ledger.mark(state.ledger, stake.instrument)
    unit = unit_value(state.ledger, stake.instrument)
    if mark is None or unit is None:
        book.unpriced.append(stake.instrument)
        return
    found = extent(stake, mark.price, unit)
    worst = found.worst
    _raise(book.instruments, stake.instrument, worst)
    _raise(book.strategies, stake.strategy, worst)
    _raise(book.venues, stake.venue, worst)
    book.gross = _add(book.gross, worst)
    book.low = _add(book.low, found.low)
    book.high = _add(book.high, found.high)
    if state.ledger.listings[stake.instrument].kind == "spot":
        _borrow(state, book, stake, found, mark.price)


def _borrow(state: State, book: WorstCases, stake: Exposure, found: Extent, mark: Decimal) -> None:
    """Spot bought in flight takes cash, spot sold beyond what is held is borrowed."""
    listing = state.ledger.listings[stake.instrument]
    book.borrowed = _subtract(book.borrowed, min(found.low, ZERO))
    covering = _subtract(high_quantity(stake), stake.held)
    cost = _add(_value(stake.buys, mark), _multiply(covering, mark))
    _raise(book.spent, listing.quote_currency, _multiply(cost, listing.contract_size))


def _raise(sums: dict[str, Decimal], name: str, amount: Decimal) -> None:
    sums[name] = _add(sums.get(name, ZERO), amount)


def is_open(stake: Exposure) -> bool:
    """Whether something is held, or an entry is on its way."""
    return bool(stake.held or stake.buys.entries or stake.sells.entries)


def may_be_long(stake: Exposure) -> bool:
    """Whether the stake is long, or can become so."""
    return stake.held > 0 or _add(high_quantity(stake), stake.buys.entries) > 0


def may_be_short(stake: Exposure) -> bool:
    """Whether the stake is short, or can become so."""
    return stake.held < 0 or _subtract(low_quantity(stake), stake.sells.entries) < 0
