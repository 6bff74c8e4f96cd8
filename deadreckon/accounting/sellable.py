"""Quantity of an instrument that can be sold: after fees in base currency, in whole lots.

What is left over is dust: too little for one order. The ledger's position is what was traded; it
books such a fee beside it, in its own currency.
"""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, canonical, ratio, round_down
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import OrderFilled


def received(fill: OrderFilled, listing: InstrumentListed | None) -> Decimal:
    """Return how a fill changes what is held (base units or contracts, sales negative); a spot
    venue may keep its fee from the coins."""
    traded = fill.quantity if fill.side == "buy" else fill.quantity.copy_negate()
    if listing is None or not takes_base(listing, fill.fee_currency):
        return traded
    return EXACT.subtract(traded, in_lot_units(fill.fee, listing))


def takes_base(listing: InstrumentListed, currency: str) -> bool:
    """Tell whether a fee in this currency is taken from what is held."""
    return listing.kind == "spot" and currency == listing.base_currency


def after_fees(quantity: Decimal, paid: Decimal, listing: InstrumentListed) -> Decimal:
    """Return what is left of a signed quantity after fees paid in the base currency."""
    if not paid or not takes_base(listing, listing.base_currency):
        return quantity
    return canonical(EXACT.subtract(quantity, in_lot_units(paid, listing)))


def in_lot_units(amount: Decimal, listing: InstrumentListed) -> Decimal:
    """Return an amount of the base currency in the unit of the instrument's quantities."""
    return ratio(amount, listing.contract_size, SCALE_MAX)


def whole_lots(quantity: Decimal, listing: InstrumentListed | None) -> Decimal:
    """Return the part of a signed quantity that is whole lots; the rest of it is dust."""
    return quantity if listing is None or not quantity else round_down(quantity, listing.lot_size)


def sellable(quantity: Decimal, listing: InstrumentListed | None) -> Decimal:
    """Return the part of a signed quantity that an order can close: nothing below the least
    quantity, else whole lots. An exit below the least notional is sent (docs/orders.md)."""
    lots = whole_lots(quantity, listing)
    return ZERO if listing is not None and abs(lots) < listing.minimum_quantity else lots
