"""Translation of a venue's reports into events of the log, or into the refusal of one; pure."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec import Struct

from deadreckon.contracts import dedup
from deadreckon.contracts.event import Event, carried
from deadreckon.contracts.venues import (
    VenueForeignTradeReported,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueReportRefused,
    VenueTradeReported,
)
from deadreckon.services.venue.in_flight import InFlightOrder, InFlightOrders, venue_name
from deadreckon.venues.port import MalformedReportError, OrderStatus, TradePage, VenueTrade

EVIDENCE_MAX = 512  # characters


def trade_events(state: InFlightOrders, page: TradePage) -> Iterator[Event]:
    """Translate the trades of a page that the log does not have yet, each folded before the next.

    The last of them carries the page's cursor, so that the log has all of the page or asks again.
    """
    new = {
        trade.trade_id: trade
        for trade in page.trades
        if dedup.find(state.trades, trade.trade_id) is None
    }
    last = next(reversed(new), "")
    for trade_id, trade in new.items():
        yield _trade_event(state, trade, page.cursor if trade_id == last else "")


def _trade_event(state: InFlightOrders, trade: VenueTrade, cursor: str) -> Event:
    order = state.orders.get(trade.client_order_id)
    known = dedup.find(state.past, trade.client_order_id) if order is None else order.intent
    venue, number = venue_name(state) if known is None else known.venue, state.numbered + 1
    if trade.quantity <= 0 or trade.price <= 0:
        reason = "a trade of something for something was expected"
        evidence = _encoded(trade)
        rule = "impossible_amount"
        return VenueReportRefused(venue, rule, reason, evidence, number, trade.trade_id, cursor)
    if known is None:
        return carried(VenueForeignTradeReported, trade, venue=venue, number=number, cursor=cursor)
    return carried(
        VenueTradeReported,
        trade,
        venue=venue,
        order_id=known.order_id,
        number=number,
        cursor=cursor,
    )


def status_events(order: InFlightOrder, status: OrderStatus | None) -> list[Event]:
    """Translate what is new in an order's status; None is a final "no such order"."""
    intent = order.intent
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if status is None and order.phase == "working":
        reason = "the venue does not know an order that it worked"
        return [report_refusal(intent.venue, "unknown_order", reason, intent.client_order_id)]
    if status is None:
        return [VenueOrderMissing(*name)]
    events: list[Event] = []
    if not order.acknowledged:
        events.append(VenueOrderAccepted(*name, status.venue_order_id))
    if status.outcome is not None and order.filled is None:
        events.append(VenueOrderEnded(*name, status.outcome, status.filled, status.reason))
    return events


def resurfaced_events(state: InFlightOrders, there: list[OrderStatus]) -> list[Event]:
    """Translate open orders at the venue that were given up here."""
    return [
        event
        for status in there
        if (order := state.abandoned.get(status.client_order_id)) is not None
        for event in status_events(order, status)
    ]


def checked_status(status: OrderStatus | None, quantity: Decimal) -> OrderStatus | None:
    """Return the status of an order of that quantity unless it contradicts itself.

    More than was ordered may have traded: that is for fill to judge. Raises MalformedReportError.
    """
    if status is None or (status.open and status.outcome is None and status.filled >= 0):
        return status
    ended = status.outcome is not None and not status.open and status.filled >= 0
    if ended or (not status.open and status.outcome is None and status.filled >= quantity):
        return status
    reason = f"open, ended, or wholly filled with {quantity} was expected"
    raise MalformedReportError(reason, _encoded(status))


def report_refusal(
    venue: str, rule: str, reason: str, evidence: Struct | str
) -> VenueReportRefused:
    """Refuse a report that is not a trade, with the start of what was received."""
    return VenueReportRefused(venue, rule, reason, _encoded(evidence))


def _encoded(evidence: Struct | str) -> str:
    found = evidence if isinstance(evidence, str) else msgspec.json.encode(evidence).decode()
    return found[:EVIDENCE_MAX]
