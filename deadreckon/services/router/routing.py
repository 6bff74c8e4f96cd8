"""One approved order in the venue's own terms, or the rule that keeps it from going there."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import SCALE_MAX, round_down
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded, carried
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import OrderApproved, OrderRouted, OrderUnroutable
from deadreckon.services.router import rounding
from deadreckon.services.router.rounding import children_of
from deadreckon.services.router.state import Listing, State

FINEST = Decimal(1).scaleb(-SCALE_MAX)  # a price of 18 decimals times a lot has more than that


class RoundedPrices(Struct, frozen=True):
    """An order's prices on the venue's ticks (quote currency)."""

    limit: Decimal | None
    stop: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None


def route(state: State, record: Recorded[OrderApproved]) -> list[Event]:
    """Return the children to send, or the one refusal; guards in order of precedence."""
    order = record.event
    listing = state.listings.get(order.instrument)
    if listing is None:
        return [_unroutable(order, "known_instrument", "the instrument was never listed")]
    if listing.delisted_by is not None:
        reason = "the instrument may no longer be traded"
        return [_unroutable(order, "delisted", reason, set_by=listing.delisted_by)]
    venue = state.venues.get(listing.listed.venue)
    if venue is None:
        return [_unroutable(order, "known_venue", "nobody configured the venue")]
    prices = _on_ticks(order, listing.listed)
    lots = _lots(order, prices, listing.listed)
    refusal = _vanished(order, prices, listing) or _too_small(order, prices, lots, listing)
    if refusal is not None:
        return [refusal]
    sizes = [lots]
    if venue.split_notional is not None and order.time_in_force != "fok":  # all or nothing is one
        most = rounding.affordable_lots(
            venue.split_notional, _dearest(order, prices), listing.listed
        )
        least = rounding.least_lots(_expected(order, prices), listing.listed)
        sizes = children_of(lots, most, least)
    return [_child(record, listing.listed, prices, child, sizes) for child in range(len(sizes))]


def _on_ticks(order: OrderApproved, listed: InstrumentListed) -> RoundedPrices:
    side, tick = order.side, listed.tick_size
    closing: Side = "sell" if side == "buy" else "buy"
    stop_rule = rounding.exit_stop if order.reduce_only else rounding.entry_stop
    return RoundedPrices(
        limit=order.limit_price and rounding.limit_price(order.limit_price, side, tick),
        stop=order.stop_price and stop_rule(order.stop_price, side, tick),
        stop_loss=order.stop_loss and rounding.exit_stop(order.stop_loss, closing, tick),
        take_profit=order.take_profit and rounding.limit_price(order.take_profit, closing, tick),
    )


def _dearest(order: OrderApproved, prices: RoundedPrices) -> Decimal:
    """Return the highest price of a trade: a notional divided by it is never exceeded."""
    return max(order.reference_price, prices.limit or Decimal(0), prices.stop or Decimal(0))


def _expected(order: OrderApproved, prices: RoundedPrices) -> Decimal:
    """Return the price at which a venue weighs an order against its least notional."""
    return prices.limit or prices.stop or order.reference_price


def _lots(order: OrderApproved, prices: RoundedPrices, listed: InstrumentListed) -> int:
    if order.quantity is not None:
        return rounding.whole_lots(order.quantity, listed)
    assert order.notional is not None, f"{order.order_id} has neither quantity nor notional"
    return rounding.affordable_lots(order.notional, _dearest(order, prices), listed)


def _vanished(
    order: OrderApproved, prices: RoundedPrices, listing: Listing
) -> OrderUnroutable | None:
    ordered = (order.limit_price, order.stop_price, order.stop_loss, order.take_profit)
    rounded = (prices.limit, prices.stop, prices.stop_loss, prices.take_profit)
    for before, after in zip(ordered, rounded, strict=True):
        if before is not None and not after:
            return _unroutable(
                order,
                "minimum_price",
                f"{before} is less than one tick",
                limit=listing.listed.tick_size,
                measured=before,
                set_by=listing.set_by,
            )
    return None


def _too_small(
    order: OrderApproved, prices: RoundedPrices, lots: int, listing: Listing
) -> OrderUnroutable | None:
    """Refuse an order under the least notional, except an exit: venues let positions be closed."""
    listed = listing.listed
    quantity = rounding.quantity_of(lots, listed)
    if not lots or quantity < listed.minimum_quantity:
        return _unroutable(
            order,
            "minimum_quantity",
            f"{quantity} after rounding down to lots of {listed.lot_size}",
            limit=max(listed.minimum_quantity, listed.lot_size),
            measured=quantity,
            set_by=listing.set_by,
        )
    notional = rounding.notional_of(lots, _expected(order, prices), listed)
    if notional < listed.minimum_notional and not order.reduce_only:
        return _unroutable(
            order,
            "minimum_notional",
            f"{quantity} at {_expected(order, prices)} is worth less than the venue takes",
            limit=listed.minimum_notional,
            measured=round_down(notional, FINEST),  # finer than any table holds, and below still
            set_by=listing.set_by,
        )
    return None


def _unroutable(
    order: OrderApproved,
    rule: str,
    reason: str,
    *,
    limit: Decimal | None = None,
    measured: Decimal | None = None,
    set_by: str | None = None,
) -> OrderUnroutable:
    return carried(
        OrderUnroutable,
        order,
        rule=rule,
        limit=limit,
        measured=measured,
        limit_set_by=set_by,
        reason=reason,
    )


def _child(
    record: Recorded[OrderApproved],
    listed: InstrumentListed,
    prices: RoundedPrices,
    child: int,
    sizes: list[int],
) -> OrderRouted:
    order = record.event
    alone = len(sizes) == 1
    return carried(
        OrderRouted,
        order,
        order_id=order.order_id if alone else derive_id(order.order_id, "child", child),
        parent_id=order.order_id,
        child=child,
        children=len(sizes),
        client_order_id=derive_id(record.id, "client", child),
        venue=listed.venue,
        symbol=listed.symbol,
        quantity=rounding.quantity_of(sizes[child], listed),
        limit_price=prices.limit,
        stop_price=prices.stop,
        stop_loss=prices.stop_loss,
        take_profit=prices.take_profit,
    )
