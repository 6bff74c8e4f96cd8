"""Every fill, once for each (book, venue, trade_id)."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import rounded_product

READS = (OrderFilled,)


class FillRow(TableRow, frozen=True, array_like=True, gc=False):
    """One fill. Prices in quote currency."""

    fill_id: Annotated[str, "VENUE:trade_id"] = ""
    order_id: Annotated[str, "the order that traded"] = ""
    trade_id: Annotated[str, "the venue's own id of the trade"] = ""
    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    venue: Annotated[str, "where it traded"] = ""
    strategy: Annotated[str, "strategy whose position it changed"] = ""
    side: Annotated[str, "buy or sell"] = ""
    quantity: Annotated[Decimal, "base units or contracts"] = Decimal(0)
    price: Annotated[Decimal, "quote currency"] = Decimal(0)
    value: Annotated[
        Decimal, "quantity x price, rounded half-even to 18 decimals; x contract_size is notional"
    ] = Decimal(0)
    fee: Annotated[Decimal, "in fee_currency; negative is a rebate"] = Decimal(0)
    fee_currency: Annotated[str, "currency of the fee"] = ""
    leaves: Annotated[Decimal, "what was still open of the order after it"] = Decimal(0)
    liquidity: Annotated[str, "maker or taker"] = ""
    reference_price: Annotated[Decimal, "undisturbed market price, quote currency"] = Decimal(0)


def initial() -> FillRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: FillRow, record: Recorded[Any]) -> FillRow:
    """Return the row of a fill."""
    fill: OrderFilled = record.event
    return FillRow(
        *origin(record),
        fill_id=f"{fill.venue}:{fill.trade_id}",
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        instrument=fill.instrument,
        venue=fill.venue,
        strategy=fill.strategy,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        value=rounded_product(fill.quantity, fill.price),
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        leaves=fill.leaves,
        liquidity=fill.liquidity,
        reference_price=fill.reference_price,
    )


_BLANK = FillRow()
