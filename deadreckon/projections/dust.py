"""Dust in the rows of `positions`: by the terms and the last price in the views."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.accounting.dust import dust_in
from deadreckon.accounting.sellable import after_fees, sellable
from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.instruments import InstrumentListed

Row = dict[str, Any]
Latest = Callable[[str, Row], Sequence[Row]]  # newest row of a table for its instrument


def with_dust(position: Row, latest: Latest) -> Row:
    """Return a row of `positions` with the key `dust` where some of it is too small to sell."""
    terms = latest("instruments", position)
    if not terms:
        return position
    listing = msgspec.convert(terms[0], InstrumentListed)
    fees: dict[str, Decimal] = msgspec.json.decode(position["fees_other"], type=dict[str, Decimal])
    paid = fees.get(listing.base_currency, ZERO)
    held = after_fees(Decimal(position["quantity"]), paid, listing)
    if held == sellable(held, listing):
        return position
    return position | {"dust": dust_in(held, listing, _mark(position, latest))}


def _mark(position: Row, latest: Latest) -> Decimal | None:
    """Return the last price of the instrument that the views have."""
    seen = [
        (row["sequence"], row["event_index"], row[column])
        for table, column in (("bars", "close"), ("marks", "price"))
        for row in latest(table, position)
    ]
    return Decimal(max(seen)[2]) if seen else None
