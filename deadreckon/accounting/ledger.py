"""A book's positions, cash and marks, folded from the log; risk, portfolio and audit share it.

Spot: a fill turns cash into cost, so cash moves by the notional. Linear perpetual: cash moves by
what is realised, and by funding. A fee always leaves the cash of its own currency, whichever that
is: a fee in the base currency of a spot buy leaves a little of that currency owed, which offsets
the holding in equity without touching its cost.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from deadreckon.accounting import average_cost
from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.equity import (
    Equity,
    Worth,
    cash_by_currency,
    equity,
    net_deposits,
    net_worth,
    realised_net,
)
from deadreckon.accounting.ledger_state import CurrencyAccount, Holding, Ledger, Mark
from deadreckon.accounting.money import worth
from deadreckon.accounting.postings import FOLDS, ImpossibleFillError
from deadreckon.accounting.sellable import after_fees
from deadreckon.accounting.valuation import mark, notional, rate
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled

__all__ = [
    "CurrencyAccount",
    "Equity",
    "Holding",
    "ImpossibleFillError",
    "Ledger",
    "Mark",
    "Position",
    "PositionKey",
    "Worth",
    "cash_by_currency",
    "equity",
    "evolve",
    "held",
    "held_total",
    "holding",
    "holdings",
    "initial",
    "is_new_fill",
    "mark",
    "net_deposits",
    "net_worth",
    "notional",
    "position",
    "positions",
    "rate",
    "realised_net",
]

PositionKey = tuple[str, str, str]  # strategy, venue, instrument


def initial() -> Ledger:
    """Return a ledger with nothing listed, nothing held and no reporting currency."""
    return Ledger()


def evolve(ledger: Ledger, record: Recorded[Any]) -> Ledger:
    """Fold one recorded event into the ledger, in place, and return the ledger.

    Raises ImpossibleFillError for a fill of an instrument never listed, or at another venue.
    """
    fold = FOLDS.get(type(record.event))
    if fold is not None:
        fold(ledger, record)
    return ledger


def position(ledger: Ledger, strategy: str, instrument: str) -> Position | None:
    """Return the position of a strategy; None when it never traded the instrument."""
    found = holding(ledger, strategy, instrument)
    return None if found is None else found.position


def holding(ledger: Ledger, strategy: str, instrument: str) -> Holding | None:
    """Return the position with its fees and funding; None when there never was one."""
    return ledger.holdings.get(instrument, {}).get(strategy)


def holdings(ledger: Ledger) -> Iterator[tuple[PositionKey, Holding]]:
    """Yield every holding, flat ones too, sorted by instrument and strategy."""
    for instrument, held_by in sorted(ledger.holdings.items()):
        venue = ledger.listings[instrument].venue
        for strategy, found in sorted(held_by.items()):
            yield (strategy, venue, instrument), found


def positions(ledger: Ledger) -> Iterator[tuple[PositionKey, Position]]:
    """Yield every position, flat ones too, sorted by instrument and strategy."""
    for key, found in holdings(ledger):
        yield key, found.position


def held(ledger: Ledger, strategy: str, instrument: str) -> Decimal:
    """Return the signed quantity of one strategy (base units or contracts)."""
    found = position(ledger, strategy, instrument)
    return ZERO if found is None else average_cost.quantity(found)


def held_after_fees(ledger: Ledger, strategy: str, instrument: str) -> Decimal:
    """Return the signed quantity of one strategy, less what a spot venue has kept of it as fees."""
    found = holding(ledger, strategy, instrument)
    if found is None:
        return ZERO
    quantity = average_cost.quantity(found.position)
    listing = ledger.listings[instrument]
    fees = found.fees.get(listing.base_currency)
    return quantity if fees is None else after_fees(quantity, worth(fees), listing)


def kept_from_coins(ledger: Ledger) -> dict[str, Decimal]:
    """Return the fees that spot venues have kept from what they delivered, by base currency."""
    found: dict[str, Decimal] = {}
    for instrument, held_by in ledger.holdings.items():
        listing = ledger.listings[instrument]
        for one in held_by.values() if listing.kind == "spot" else ():
            if (fees := one.fees.get(listing.base_currency)) is not None:
                total = found.get(listing.base_currency, ZERO)
                found[listing.base_currency] = EXACT.add(total, worth(fees))
    return found


def held_total(ledger: Ledger, instrument: str) -> Decimal:
    """Return the signed quantity, net over all strategies (base units or contracts)."""
    total = ZERO
    for found in ledger.holdings.get(instrument, {}).values():
        total = EXACT.add(total, average_cost.quantity(found.position))
    return canonical(total)


def is_new_fill(ledger: Ledger, record: Recorded[OrderFilled]) -> bool:
    """Return True when the last folded fill changed the ledger; False for a known trade.

    Call it right after `evolve` of the same fill.
    """
    return ledger.newest_fill == record.id
