"""Columns of fills into a ledger, between the facts that stand among them: as if one by one."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy
from msgspec import structs

from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import FundingRatePublished
from deadreckon.replay.pnl.columns import Fills, Kind, sums_by
from deadreckon.replay.pnl.moving import Groups, amounts, grouped, moved
from deadreckon.services.portfolio import accounting, ledger
from deadreckon.services.portfolio.accounting import Position
from deadreckon.services.portfolio.booking import ImpossibleFillError, book_funding
from deadreckon.services.portfolio.holdings import Account, Holding, Ledger
from deadreckon.services.portfolio.money import Money, add, exact_units

Facts = Sequence[Recorded[Any]]
Key = tuple[str, str]  # strategy, instrument

FEE_SCALES = 32  # more decimals than an amount can have


class Stretch(NamedTuple):
    """Fills while no instrument changes, by holding, with the facts that stand among them.

    `places` tells for each fact before which fill it stands.
    """

    fills: Fills
    met: list[int]  # the kinds of which there is a fill
    facts: Facts
    places: list[int]
    keys: list[Key]
    groups: Groups


def book(into: Ledger, fills: Fills, facts: Facts) -> None:
    """Fold fills and facts (all that a ledger folds, but marks), both in log order.

    The ledger comes to what one event at a time would make of it, but for its memory of trades:
    repetitions must have been left out. Raises ImpossibleFillError.
    """
    for stretch in _stretches(into, fills, facts):
        for fact, place in zip(stretch.facts, stretch.places, strict=True):
            if isinstance(fact.event, FundingRatePublished):
                _fund(into, stretch, fact.event, place)
            else:
                ledger.evolve(into, fact)
        _check(into, stretch)
        _trade(into, stretch)
        _charge(into, stretch.fills)


def _stretches(into: Ledger, fills: Fills, facts: Facts) -> Iterator[Stretch]:
    """Parts of the log, each of which begins where an instrument changes."""
    sequences = numpy.array([fact.sequence for fact in facts], dtype=numpy.int64)
    places = numpy.searchsorted(fills.sequences, sequences).tolist()
    known = dict(into.listings)
    cuts = {0}
    for place, fact in zip(places, facts, strict=True):
        listing = fact.event
        if isinstance(listing, InstrumentListed) and known.get(listing.instrument) != listing:
            known[listing.instrument] = listing
            cuts.add(place)
    done = 0
    begins = sorted(cuts)
    ends = [*begins[1:], len(fills.sequences)]
    for begin, end in zip(begins, ends, strict=True):
        upto = len(facts) if begin == begins[-1] else int(numpy.searchsorted(places, end))
        among = [place - begin for place in places[done:upto]]
        yield _stretch(fills.part(slice(begin, end)), facts[done:upto], among)
        done = upto


def _stretch(fills: Fills, facts: Facts, places: list[int]) -> Stretch:
    numbers: dict[Key, int] = {}
    codes = numpy.zeros(len(fills.kinds), dtype=numpy.int64)
    met = _met(fills)
    for number in met:
        kind = fills.kinds[number]
        codes[number] = numbers.setdefault((kind.strategy, kind.instrument), len(numbers))
    groups = grouped(codes, fills.kind, len(numbers))
    return Stretch(fills, met, facts, places, list(numbers), groups)


def _met(fills: Fills) -> list[int]:
    there = numpy.zeros(len(fills.kinds), dtype=bool)
    there[fills.kind] = True
    return numpy.flatnonzero(there).tolist()


def _check(into: Ledger, stretch: Stretch) -> None:
    """Fills of what was never listed, or at another venue, cannot be."""
    fills = stretch.fills
    for number in stretch.met:
        kind: Kind = fills.kinds[number]
        listing = into.listings.get(kind.instrument)
        if listing is not None and listing.venue == kind.venue:
            continue
        first = int(fills.sequences[numpy.argmax(fills.kind == number)])
        told = "was never listed" if listing is None else f"is of {listing.venue}"
        raise ImpossibleFillError(
            f"message {first}: {kind.instrument} {told}, and is filled at {kind.venue}"
        )


def _trade(into: Ledger, stretch: Stretch) -> None:
    found = [_holding(into, *key) for key in stretch.keys]
    after = moved([each.position for each in found], stretch.fills, stretch.groups)
    for (_, instrument), holding, position in zip(stretch.keys, found, after, strict=True):
        listing = into.listings[instrument]
        gained, spent = _change(holding.position, position)
        account = into.accounts.setdefault(listing.quote_currency, Account())
        add(account.realised, gained, position.value_scale)
        cash = gained - spent if listing.kind == "spot" else gained
        add(account.cash, cash, position.value_scale)
        holding.position = position


def _change(before: Position, after: Position) -> tuple[int, int]:
    """What was realised and what was added to the cost, in the later value scale."""
    finer = 10 ** (after.value_scale - before.value_scale)
    return after.realised - before.realised * finer, after.cost - before.cost * finer


def _holding(into: Ledger, strategy: str, instrument: str) -> Holding:
    held_by = into.holdings.setdefault(instrument, {})
    if strategy not in held_by:
        held_by[strategy] = Holding(accounting.flat(into.listings[instrument]))
    return held_by[strategy]


def _charge(into: Ledger, fills: Fills) -> None:
    """The sum of fees of each kind and scale; a fee of 0 is none."""
    codes = fills.kind.astype(numpy.int64) * FEE_SCALES + fills.fee_scales
    count = len(fills.kinds) * FEE_SCALES
    charged = numpy.bincount(codes[fills.fees != 0], minlength=count)
    sums = sums_by(codes, fills.fees, count)
    for code in numpy.flatnonzero(charged).tolist():
        number, scale = divmod(code, FEE_SCALES)
        _pay(into, fills.kinds[number], sums[code], scale)
    if fills.told:
        for row in numpy.flatnonzero(numpy.isin(fills.rows, list(fills.told))).tolist():
            fee = fills.told[int(fills.rows[row])].fee
            if fee:
                _pay(into, fills.kinds[int(fills.kind[row])], *exact_units(fee))


def _pay(into: Ledger, kind: Kind, units: int, scale: int) -> None:
    account = into.accounts.setdefault(kind.fee_currency, Account())
    holding = into.holdings[kind.instrument][kind.strategy]
    add(account.cash, -units, scale)
    add(account.fees, units, scale)
    add(holding.fees.setdefault(kind.fee_currency, Money()), units, scale)


def _fund(into: Ledger, stretch: Stretch, published: FundingRatePublished, place: int) -> None:
    """Funding of what is held where it stands: before the fills from `place` on."""
    listing = into.listings.get(published.instrument)
    if listing is None or listing.kind != "perpetual":
        return
    numbers = {key: number for number, key in enumerate(stretch.keys)}
    held_by = dict.fromkeys(into.holdings.get(published.instrument, {}))
    held_by |= dict.fromkeys(key[0] for key in stretch.keys if key[1] == published.instrument)
    for strategy in held_by:
        holding = into.holdings.get(published.instrument, {}).get(strategy)
        position = holding.position if holding else accounting.flat(listing)
        quantity = accounting.quantity(position)
        number = numbers.get((strategy, published.instrument))
        if number is not None:
            quantity = EXACT.add(quantity, _traded(stretch, number, place))
        if quantity:
            held = _holding_of(position, canonical(quantity))
            amount = accounting.funding(held, published.mark, published.rate)
            book_funding(into, published.instrument, strategy, amount)


def _traded(stretch: Stretch, number: int, place: int) -> Decimal:
    """The signed quantity of a holding's fills before `place`."""
    rows = stretch.groups.of(number)
    total = Decimal(0)
    fills = stretch.fills.part(rows[: int(numpy.searchsorted(rows, place))])
    for scale in numpy.unique(fills.quantity_scales).tolist():
        mine = fills.quantities[fills.quantity_scales == scale]
        units = sums_by(numpy.zeros(len(mine), dtype=numpy.int64), mine, 1)[0]
        total = EXACT.add(total, Decimal(units).scaleb(-scale, EXACT))
    if fills.told:
        for row in range(len(fills.rows)):
            if int(fills.rows[row]) in fills.told:
                total = EXACT.add(total, amounts(fills, row)[0])
    return total


def _holding_of(position: Position, quantity: Decimal) -> Position:
    """A position that holds so much, as far as its notional is concerned."""
    units, scale = exact_units(quantity)
    return structs.replace(position, quantity=units, quantity_scale=scale)
