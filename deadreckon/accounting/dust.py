"""Dust of a position: what is left of it and too small to sell, with its value at the mark."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.sellable import sellable
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.instruments import InstrumentListed


class Dust(Struct, frozen=True):
    """Part of a position that is too small to sell, and its value at the mark."""

    quantity: Annotated[str, Meta(description="signed; base units or contracts")]
    value: Annotated[str | None, Meta(description="in `currency`; null before the first price")]
    currency: Annotated[str, Meta(description="the instrument's quote currency")]


def dust_in(held: Decimal, listing: InstrumentListed, mark: Decimal | None) -> Dust | None:
    """Return the part of a quantity, after fees, that no order can close; None when there is
    none."""
    rest = EXACT.subtract(held, sellable(held, listing))
    if not rest:
        return None
    size = EXACT.multiply(rest, listing.contract_size)
    value = None if mark is None else text(EXACT.multiply(size, mark))
    return Dust(text(rest), value, listing.quote_currency)


def dust_of(book: Ledger, strategy: str, instrument: str) -> Dust | None:
    """Return the dust of a strategy's position; None when all of it can be sold."""
    price = ledger.mark(book, instrument)
    held = ledger.held_after_fees(book, strategy, instrument)
    return dust_in(held, book.listings[instrument], price.price if price else None)
