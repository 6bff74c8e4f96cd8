"""Owns the order table, the brackets and the paper venue; obeys halts and hears real venues."""

from collections.abc import Sequence
from typing import Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    CancelRequested,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeRequested,
)
from deadreckon.contracts.instruments import (
    InstrumentDelisted,
    InstrumentListed,
    VenueConfigured,
)
from deadreckon.contracts.market import (
    BarClosed,
    ClockTicked,
    CurrencyRateUpdated,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TapeEnded,
    TapeOpened,
    TradePrinted,
)
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    CancelApproved,
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderCancelling,
    OrderExpired,
    OrderFilled,
    OrderOverdue,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
    OrderUnroutable,
    ReplaceRouted,
)
from deadreckon.contracts.timestamps import DAY
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueOrderEnded,
    VenueReconciled,
    VenueReportRefused,
    VenueRequestUnanswered,
)
from deadreckon.services.fill import (
    arrivals,
    brackets,
    changes,
    consequences,
    halts,
    heeded,
    market,
    order_store,
    protection,
    reports,
    venue_discrepancies,
)
from deadreckon.services.fill import overdue as owed
from deadreckon.services.fill.market import PriceEvent
from deadreckon.services.fill.matching import match
from deadreckon.services.fill.paper_match import Terms
from deadreckon.services.fill.state import State

HANDLES = heeded.HANDLES


def initial() -> State:
    """Nothing is open, nothing held, nothing halted."""
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    """Fold one event, in place; the same state comes back."""
    if record.at // DAY != state.day:
        order_store.forget(state, record.at)
    match record.event:
        case BarClosed() | QuoteUpdated() | TradePrinted():
            market.record_price(state, record.event, record.at)
        case InstrumentListed() as listing:
            state.listings[listing.instrument] = listing
        case VenueConfigured() as venue:
            state.venues[venue.venue] = venue
        case HaltRequested() | HaltImposed() | LogDamaged():
            halts.imposed(state, record)
        case ResumeRequested():
            state.halts.clear()
        case CancelApproved() | CancelRequested():
            changes.withdraw(state, record.event.order_id)
        case _:
            _evolve_orders(state, record)
    return state


def _evolve_orders(state: State, record: Recorded[Any]) -> None:
    match record.event:
        case OrderFilled() as fill:
            order_store.filled(state, record)
            brackets.filled(state, record)
            if not fill.leaves:
                brackets.leg_ended(state, fill.order_id)
        case OrderAccepted(order_id=order_id):
            order_store.accepted(state, order_id, record.at)
        case OrderSubmitting():
            order_store.submitting(state, record)
        case OrderTriggered(order_id=order_id):
            order_store.triggered(state, order_id, record.at)
        case OrderReplaced() as change:
            order_store.replaced(state, change, record.at)
        case OrderCancelled(order_id=order_id, rule=rule):
            order_store.reported(state, order_id, "cancelled", record.at)
            brackets.leg_ended(state, order_id, rule)
        case OrderRejected(order_id=order_id, rule=rule):
            order_store.reported(state, order_id, "rejected", record.at)
            brackets.leg_ended(state, order_id, rule)
        case OrderExpired(order_id=order_id):
            order_store.reported(state, order_id, "expired", record.at)
        case OrderUnknown(order_id=order_id):
            order_store.reported(state, order_id, "unknown", record.at)
        case BracketArmed() as bracket:
            brackets.armed(state, bracket)
        case BracketClosed(bracket_id=bracket_id):
            brackets.closed(state, bracket_id)
        case OrderApproved(order_id=order_id):
            state.approved[order_id] = False
        case OrderUnroutable(order_id=order_id):
            state.approved.pop(order_id, None)
        case OrderRouted() as order:
            order_store.routed(state, order)
        case _:
            _evolve_venues(state, record)


def _evolve_venues(state: State, record: Recorded[Any]) -> None:
    match record.event:
        case OrderCancelling():
            reports.record_cancelling(state, record)
        case OrderOverdue() as alarm:
            owed.record_alarm(state, alarm)
        case VenueOrderEnded():
            reports.record_ending(state, record)
        case VenueCancelRejected(order_id=order_id):
            reports.record_cancel_answer(state, order_id, refused=True)
        case VenueRequestUnanswered(order_id=order_id, request="cancel"):
            reports.record_cancel_answer(state, order_id, refused=False)


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    """Answer one event, this service's own answers among them."""
    match record.event:
        case BarClosed() | QuoteUpdated() | TradePrinted():
            return _at_price(state, record) if state.instruments else ()
        case ClockTicked() | MarkUpdated() | FundingRatePublished() | CurrencyRateUpdated():
            return _at_time(state, record.at)
        case TapeOpened() | TapeEnded():
            return _at_time(state, record.at)
        case OrderRouted():
            return arrivals.submit(state, record)
        case OrderSubmitting():
            return arrivals.submitted(state, record)
        case OrderFilled():
            return consequences.fill_consequences(state, record)
        case OrderCancelled() | OrderRejected():
            return protection.close(state, record.event)
        case CancelApproved() as cancel:
            return changes.cancel_approved(state, cancel)
        case CancelRequested() as request:
            return changes.cancel_requested(state, request)
        case ReplaceRouted() as change:
            return changes.replace(state, change)
        case HaltRequested() | HaltImposed() | LogDamaged():
            return halts.obey(state, record)
        case ResumeRequested():
            return halts.resume(state, record)
        case InstrumentDelisted(instrument=instrument):
            return changes.delist(state, instrument)
        case VenueReconciled():
            return venue_discrepancies.halt_for_external_orders(state, record)
        case VenueReportRefused():
            return venue_discrepancies.halt_for_refused_report(state, record)
    return (
        reports.events_of_report(state, record)
        if type(record.event) in reports.REPORT_COLUMNS
        else ()
    )


def _at_time(state: State, at: int) -> list[Event]:
    return [*arrivals.due_events(state, at).values(), *owed.overdue_alarms(state, at)]


def _at_price(state: State, record: Recorded[PriceEvent]) -> Sequence[Event]:
    """What time does to open orders comes first, then what the price does."""
    event = record.event
    fates = arrivals.due_events(state, record.at)
    orders = arrivals.orders_at_market(state, event.instrument, fates)
    alarms = owed.overdue_alarms(state, record.at)
    if not orders:
        return [*fates.values(), *alarms]
    listing = state.listings[event.instrument]
    matched = match(
        event,
        record.at,
        orders,
        market=state.markets[event.instrument],
        held=state.positions.get(event.instrument, {}),
        terms=Terms(listing, state.venues[listing.venue]),
    )
    return [*fates.values(), *alarms, *matched]
