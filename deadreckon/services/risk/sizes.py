"""Sizes of orders: how big one can become, and at which price it is valued before it trades."""

from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.valuation import converted
from deadreckon.contracts.amounts import EXACT, ROUNDING, SCALE_MAX, ZERO
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk.state import OrderShare

_FINEST = Decimal(1).scaleb(-SCALE_MAX)


class Size(NamedTuple):
    """The most an order can become: base units or contracts, and quote currency for the prices."""

    quantity: Decimal
    price: Decimal  # what the quantity is valued at: the worst of mark, limit and stop
    entry_price: Decimal  # where it is expected to trade


def size(
    order: SignalRaised | OrderApproved, reference: Decimal, listing: InstrumentListed
) -> Size:
    """Return the size of a signal or an approved order at the mark `reference`.

    The router divides a notional by the dearest of mark, limit and stop, which may be a tick
    better. The size is computed a tick below and cut at 18 decimals, finer than any lot: so it is
    never less than what is sent, and a limit that is met exactly is met and not passed.
    """
    prices = [price for price in (order.limit_price, order.stop_price) if price is not None]
    expected = order.limit_price or order.stop_price or reference
    if order.quantity is not None:
        return Size(order.quantity, max([reference, *prices]), expected)
    assert order.notional is not None, "a size is a quantity or a notional"
    price = max([reference, *(EXACT.subtract(price, listing.tick_size) for price in prices)])
    units = ROUNDING.divide(order.notional, EXACT.multiply(price, listing.contract_size))
    return Size(units.quantize(_FINEST, ROUND_DOWN, ROUNDING), price, expected)


def share_of(
    side: Side, quantity: Decimal, value: Decimal, price: Decimal, stop_loss: Decimal | None
) -> OrderShare:
    """Return what an order counts for in flight; beyond its stop nothing is at risk."""
    if stop_loss is None:
        return OrderShare(quantity, value, bare=ROUNDING.multiply(quantity, price))
    above, below = (price, stop_loss) if side == "buy" else (stop_loss, price)
    distance = max(ROUNDING.subtract(above, below), ZERO)
    return OrderShare(quantity, value, stopped=ROUNDING.multiply(quantity, distance))


def unit_value(book: Ledger, instrument: str) -> Decimal | None:
    """Return the worth of one unit of quantity x price in reporting currency; None if unknown."""
    listing = book.listings.get(instrument)
    unit = ledger.rate(book, listing.quote_currency) if listing else None
    return None if unit is None or listing is None else EXACT.multiply(unit, listing.contract_size)


def notional(book: Ledger, order: SignalRaised | OrderApproved, size: Size) -> Decimal | None:
    """Return the order's notional in reporting currency; None when its currency has no rate.

    A quantity is valued at the worst of mark, limit and stop.
    """
    if order.quantity is not None:
        return ledger.notional(book, order.instrument, size.quantity, size.price)
    assert order.notional is not None, "a size is a quantity or a notional"
    listing = book.listings.get(order.instrument)
    unit = ledger.rate(book, listing.quote_currency) if listing else None
    return None if unit is None else converted(order.notional, unit)
