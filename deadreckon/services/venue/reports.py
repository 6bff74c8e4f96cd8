"""From what the venue says to events of the log, or to the refusal to believe it; pure."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Event
from deadreckon.contracts.venues import (
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueReportRefused,
    VenueTradeReported,
)
from deadreckon.services.venue.in_flight import (
    InFlightOrder,
    InFlightOrders,
    is_recorded,
    venue_name,
)
from deadreckon.venues.port import MalformedReportError, OrderStatus, VenueTrade

EVIDENCE_MAX = 512  # characters


def trade_events(desk: InFlightOrders, trade: VenueTrade) -> list[Event]:
    """A trade as the log shall have it; nothing when it has it already."""
    if is_recorded(desk, trade.place):
        return []
    order, past = desk.orders.get(trade.client_order_id), desk.past.get(trade.client_order_id)
    known = order.intent if order is not None else past
    if known is None:
        reason = f"a trade of {trade.client_order_id[:64]}, which nobody here intended"
        return [report_refusal(venue_name(desk), "unknown_order", reason, trade, trade.place)]
    if trade.quantity <= 0 or trade.price <= 0:
        reason = "a trade of something for something was expected"
        return [report_refusal(known.venue, "impossible_amount", reason, trade, trade.place)]
    return [
        VenueTradeReported(
            venue=known.venue,
            order_id=known.order_id,
            client_order_id=trade.client_order_id,
            trade_id=trade.trade_id,
            side=trade.side,
            quantity=trade.quantity,
            price=trade.price,
            liquidity=trade.liquidity,
            fee=trade.fee,
            fee_currency=trade.fee_currency,
            traded_at=trade.traded_at,
            place=trade.place,
        )
    ]


def status_events(order: InFlightOrder, standing: OrderStatus | None) -> list[Event]:
    """What is new in how an order stands; null means the venue does not know it."""
    intent = order.intent
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if standing is None and order.phase == "working":
        reason = "the venue does not know an order that it worked"
        return [report_refusal(intent.venue, "unknown_order", reason, intent.client_order_id)]
    if standing is None:
        return [VenueOrderMissing(*name)]
    news: list[Event] = []
    if not order.acknowledged:
        news.append(VenueOrderAccepted(*name, standing.venue_order_id))
    if standing.outcome is not None and order.filled is None:
        ended = VenueOrderEnded(*name, standing.outcome, standing.filled, standing.reason)
        news.append(ended)
    return news


def resurfaced_events(desk: InFlightOrders, there: list[OrderStatus]) -> list[Event]:
    """Orders in the venue's book that were given up here."""
    return [
        event
        for standing in there
        if (order := desk.abandoned.get(standing.client_order_id)) is not None
        for event in status_events(order, standing)
    ]


def checked_status(standing: OrderStatus | None, quantity: Decimal) -> OrderStatus | None:
    """What a venue says of an order of that quantity, unless it contradicts itself.

    More than was wanted may have traded: that is for fill to judge. Raises MalformedReportError.
    """
    if standing is None or (standing.open and standing.outcome is None and standing.filled >= 0):
        return standing
    ended = standing.outcome is not None and not standing.open and standing.filled >= 0
    if ended or (not standing.open and standing.outcome is None and standing.filled >= quantity):
        return standing
    reason = f"open, ended, or wholly filled with {quantity} was expected"
    raise MalformedReportError(reason, msgspec.json.encode(standing).decode()[:EVIDENCE_MAX])


def report_refusal(
    venue: str, rule: str, reason: str, evidence: Struct | str, place: int = 0
) -> VenueReportRefused:
    """The refusal to believe a report, with the start of it."""
    told = evidence if isinstance(evidence, str) else msgspec.json.encode(evidence).decode()
    return VenueReportRefused(venue, rule, reason, told[:EVIDENCE_MAX], place)
