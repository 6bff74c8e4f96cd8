"""Postings of fill columns to a ledger, between the other events: the same as one by one."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy
from msgspec import structs

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.columnar.fill_columns import FillColumns, FillKey, sums_by
from deadreckon.accounting.columnar.reordering import Groups, amounts, grouped
from deadreckon.accounting.columnar.totals import positions_after
from deadreckon.accounting.ledger_state import CurrencyAccount, Holding, Ledger
from deadreckon.accounting.money import Money, add, exact_units
from deadreckon.accounting.postings import ImpossibleFillError, book_funding
from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import FundingRatePublished

OtherEvents = Sequence[Recorded[Any]]
HoldingKey = tuple[str, str]  # strategy, instrument

FEE_SCALES = 32  # more decimals than an amount can have


class FillRange(NamedTuple):
    """Fills while no instrument changes, by holding, with the other events between them.

    `indexes` has, for each event, the index of the fill that it precedes.
    """

    fills: FillColumns
    facts: OtherEvents
    indexes: list[int]
    keys: list[HoldingKey]
    number_of: Any  # for each kind of fill, which of the keys it belongs to

    def groups(self) -> Groups:
        """Group the fills by key, in log order."""
        return grouped(self.number_of, self.fills.kind, len(self.keys))


def book(into: Ledger, fills: FillColumns, facts: OtherEvents) -> None:
    """Fold fills and facts (all that a ledger folds, except marks), both in log order.

    The ledger becomes what one event at a time would make of it, except for its memory of trades:
    repetitions must have been left out. Raises ImpossibleFillError.
    """
    for stretch in _stretches(into, fills, facts):
        groups: Groups | None = None  # to put fills in order takes a while
        for fact, index in zip(stretch.facts, stretch.indexes, strict=True):
            if isinstance(fact.event, FundingRatePublished):
                groups = groups or stretch.groups()
                _fund(into, stretch, groups, fact.event, index)
            else:
                ledger.evolve(into, fact)
        _check(into, stretch)
        _trade(into, stretch)
        _charge(into, stretch.fills)


def _stretches(into: Ledger, fills: FillColumns, facts: OtherEvents) -> Iterator[FillRange]:
    """Yield the parts of the log, each of which begins where an instrument changes."""
    sequences = numpy.array([fact.sequence for fact in facts], dtype=numpy.int64)
    indexes = numpy.searchsorted(fills.sequences, sequences).tolist()
    known = dict(into.listings)
    cuts = {0}
    for index, fact in zip(indexes, facts, strict=True):
        listing = fact.event
        if isinstance(listing, InstrumentListed) and known.get(listing.instrument) != listing:
            known[listing.instrument] = listing
            cuts.add(index)
    done = 0
    begins = sorted(cuts)
    ends = [*begins[1:], len(fills.sequences)]
    for begin, end in zip(begins, ends, strict=True):
        upto = len(facts) if begin == begins[-1] else int(numpy.searchsorted(indexes, end))
        among = [index - begin for index in indexes[done:upto]]
        yield _stretch(fills.part(slice(begin, end)), facts[done:upto], among)
        done = upto


def _stretch(fills: FillColumns, facts: OtherEvents, indexes: list[int]) -> FillRange:
    numbers: dict[HoldingKey, int] = {}
    number_of = numpy.zeros(len(fills.kinds), dtype=numpy.int64)
    for number in _met(fills):
        kind = fills.kinds[number]
        number_of[number] = numbers.setdefault((kind.strategy, kind.instrument), len(numbers))
    return FillRange(fills, facts, indexes, list(numbers), number_of)


def _met(fills: FillColumns) -> list[int]:
    there = numpy.zeros(len(fills.kinds), dtype=bool)
    there[fills.kind] = True
    return numpy.flatnonzero(there).tolist()


def _check(into: Ledger, stretch: FillRange) -> None:
    """Raise ImpossibleFillError for fills of an instrument never listed, or at another venue."""
    for number in _met(stretch.fills):
        fault = fault_of(into, stretch.fills.kinds[number])
        if fault:
            first = int(stretch.fills.sequences[numpy.argmax(stretch.fills.kind == number)])
            raise ImpossibleFillError(f"message {first}: {fault}")


def fault_of(into: Ledger, kind: FillKey) -> str:
    """Return the reason why such a fill cannot be; empty when it can."""
    listing = into.listings.get(kind.instrument)
    if listing is not None and listing.venue == kind.venue:
        return ""
    listed = "was never listed" if listing is None else f"is of {listing.venue}"
    return f"{kind.instrument} {listed}, and is filled at {kind.venue}"


def _trade(into: Ledger, stretch: FillRange) -> None:
    before = [holding_of(into, *key).position for key in stretch.keys]
    after = positions_after(before, stretch.fills, stretch.number_of)
    for key, position in zip(stretch.keys, after, strict=True):
        take_position(into, key, position)


def take_position(into: Ledger, key: HoldingKey, position: Position) -> None:
    """Set a holding's position; cash and what its currency realised follow."""
    strategy, instrument = key
    holding = holding_of(into, strategy, instrument)
    listing = into.listings[instrument]
    gained, spent = _change(holding.position, position)
    account = into.accounts.setdefault(listing.quote_currency, CurrencyAccount())
    add(account.realised, gained, position.value_scale)
    cash = gained - spent if listing.kind == "spot" else gained
    add(account.cash, cash, position.value_scale)
    holding.position = position


def _change(before: Position, after: Position) -> tuple[int, int]:
    """Return what was realised and what was added to the cost, in the later value scale."""
    finer = 10 ** (after.value_scale - before.value_scale)
    return after.realised - before.realised * finer, after.cost - before.cost * finer


def holding_of(into: Ledger, strategy: str, instrument: str) -> Holding:
    """Return what a strategy holds of a listed instrument, which may be nothing yet."""
    held_by = into.holdings.setdefault(instrument, {})
    if strategy not in held_by:
        held_by[strategy] = Holding(average_cost.flat(into.listings[instrument]))
    return held_by[strategy]


def _charge(into: Ledger, fills: FillColumns) -> None:
    """Book the sum of the fees of each kind and scale; a fee of 0 is not booked."""
    codes = fills.kind.astype(numpy.int64) * FEE_SCALES + fills.fee_scales
    count = len(fills.kinds) * FEE_SCALES
    charged = numpy.bincount(codes[fills.fees != 0], minlength=count)
    sums = sums_by(codes, fills.fees, count)
    for code in numpy.flatnonzero(charged).tolist():
        number, scale = divmod(code, FEE_SCALES)
        pay(into, fills.kinds[number], sums[code], scale)
    if fills.exact:
        for row in numpy.flatnonzero(numpy.isin(fills.rows, list(fills.exact))).tolist():
            fee = fills.exact[int(fills.rows[row])].fee
            if fee:
                pay(into, fills.kinds[int(fills.kind[row])], *exact_units(fee))


def pay(into: Ledger, kind: FillKey, units: int, scale: int) -> None:
    """Take a fee of `units` of 10**-scale from the cash of its currency."""
    account = into.accounts.setdefault(kind.fee_currency, CurrencyAccount())
    holding = into.holdings[kind.instrument][kind.strategy]
    add(account.cash, -units, scale)
    add(account.fees, units, scale)
    add(holding.fees.setdefault(kind.fee_currency, Money()), units, scale)


def _fund(
    into: Ledger, stretch: FillRange, groups: Groups, published: FundingRatePublished, index: int
) -> None:
    """Book funding on what is held at that point: before the fills from `index` on."""
    listing = into.listings.get(published.instrument)
    if listing is None or listing.kind != "perpetual":
        return
    numbers = {key: number for number, key in enumerate(stretch.keys)}
    held_by = dict.fromkeys(into.holdings.get(published.instrument, {}))
    held_by |= dict.fromkeys(key[0] for key in stretch.keys if key[1] == published.instrument)
    for strategy in held_by:
        holding = into.holdings.get(published.instrument, {}).get(strategy)
        position = holding.position if holding else average_cost.flat(listing)
        quantity = average_cost.quantity(position)
        number = numbers.get((strategy, published.instrument))
        if number is not None:
            quantity = EXACT.add(quantity, _traded(stretch.fills, groups.of(number), index))
        if quantity:
            held = _of_quantity(position, canonical(quantity))
            amount = average_cost.funding(held, published.mark, published.rate)
            book_funding(into, published.instrument, strategy, amount)


def _traded(all_fills: FillColumns, rows: Any, index: int) -> Decimal:
    """Return the signed quantity of the fills of a holding that come before `index`."""
    total = Decimal(0)
    fills = all_fills.part(rows[: int(numpy.searchsorted(rows, index))])
    for scale in numpy.unique(fills.quantity_scales).tolist():
        mine = fills.quantities[fills.quantity_scales == scale]
        units = sums_by(numpy.zeros(len(mine), dtype=numpy.int64), mine, 1)[0]
        total = EXACT.add(total, Decimal(units).scaleb(-scale, EXACT))
    if fills.exact:
        for row in range(len(fills.rows)):
            if int(fills.rows[row]) in fills.exact:
                total = EXACT.add(total, amounts(fills, row)[0])
    return total


def _of_quantity(position: Position, quantity: Decimal) -> Position:
    """Return a position that holds this quantity, as far as its notional is concerned."""
    units, scale = exact_units(quantity)
    return structs.replace(position, quantity=units, quantity_scale=scale)
