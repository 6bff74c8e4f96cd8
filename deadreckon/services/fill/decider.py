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
from deadreckon.services.fill.market import Price
from deadreckon.services.fill.matching import match
from deadreckon.services.fill.paper_match import Terms
from deadreckon.services.fill.state import State

HEEDS = heeded.HEEDS


def initial() -> State:
    """Nothing is open, nothing held, nothing halted."""
    return State()


def evolve(state: State, said: Recorded[Any]) -> State:
    """Fold one event, in place; the same state comes back."""
    if said.at // DAY != state.day:
        order_store.forget(state, said.at)
    match said.event:
        case BarClosed() | QuoteUpdated() | TradePrinted():
            market.seen(state, said.event, said.at)
        case InstrumentListed() as listing:
            state.listings[listing.instrument] = listing
        case VenueConfigured() as venue:
            state.venues[venue.venue] = venue
        case HaltRequested() | HaltImposed() | LogDamaged():
            halts.imposed(state, said)
        case ResumeRequested():
            state.halts.clear()
        case CancelApproved() | CancelRequested():
            changes.withdraw(state, said.event.order_id)
        case _:
            _evolve_orders(state, said)
    return state


def _evolve_orders(state: State, said: Recorded[Any]) -> None:
    match said.event:
        case OrderFilled() as fill:
            order_store.filled(state, said)
            brackets.filled(state, said)
            if not fill.leaves:
                brackets.leg_ended(state, fill.order_id)
        case OrderAccepted(order_id=order_id):
            order_store.accepted(state, order_id, said.at)
        case OrderSubmitting():
            order_store.submitting(state, said)
        case OrderTriggered(order_id=order_id):
            order_store.triggered(state, order_id, said.at)
        case OrderReplaced() as change:
            order_store.replaced(state, change, said.at)
        case OrderCancelled(order_id=order_id, rule=rule):
            order_store.reported(state, order_id, "cancelled", said.at)
            brackets.leg_ended(state, order_id, rule)
        case OrderRejected(order_id=order_id, rule=rule):
            order_store.reported(state, order_id, "rejected", said.at)
            brackets.leg_ended(state, order_id, rule)
        case OrderExpired(order_id=order_id):
            order_store.reported(state, order_id, "expired", said.at)
        case OrderUnknown(order_id=order_id):
            order_store.reported(state, order_id, "unknown", said.at)
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
            _evolve_venues(state, said)


def _evolve_venues(state: State, said: Recorded[Any]) -> None:
    match said.event:
        case OrderCancelling():
            reports.cancelling(state, said)
        case OrderOverdue() as alarm:
            owed.alarmed(state, alarm)
        case VenueOrderEnded():
            reports.ending(state, said)
        case VenueCancelRejected(order_id=order_id):
            reports.cancel_answered(state, order_id, refused=True)
        case VenueRequestUnanswered(order_id=order_id, request="cancel"):
            reports.cancel_answered(state, order_id, refused=False)


def decide(state: State, said: Recorded[Any]) -> Sequence[Event]:
    """Answer one event, this service's own answers among them."""
    match said.event:
        case BarClosed() | QuoteUpdated() | TradePrinted():
            return _at_price(state, said) if state.instruments else ()
        case ClockTicked() | MarkUpdated() | FundingRatePublished() | CurrencyRateUpdated():
            return _at_time(state, said.at)
        case TapeOpened() | TapeEnded():
            return _at_time(state, said.at)
        case OrderRouted():
            return arrivals.submit(state, said)
        case OrderSubmitting():
            return arrivals.submitted(state, said)
        case OrderFilled():
            return consequences.follow(state, said)
        case OrderCancelled() | OrderRejected():
            return protection.close(state, said.event)
        case CancelApproved() as cancel:
            return changes.cancel_approved(state, cancel)
        case CancelRequested() as request:
            return changes.cancel_requested(state, request)
        case ReplaceRouted() as change:
            return changes.replace(state, change)
        case HaltRequested() | HaltImposed() | LogDamaged():
            return halts.obey(state, said)
        case ResumeRequested():
            return halts.resume(state, said)
        case InstrumentDelisted(instrument=instrument):
            return changes.delist(state, instrument)
        case VenueReconciled():
            return venue_discrepancies.of_strangers(state, said)
        case VenueReportRefused():
            return venue_discrepancies.of_refusal(state, said)
    return reports.answer(state, said) if type(said.event) in reports.REPORTS else ()


def _at_time(state: State, at: int) -> list[Event]:
    return [*arrivals.due(state, at).values(), *owed.overdue(state, at)]


def _at_price(state: State, said: Recorded[Price]) -> Sequence[Event]:
    """What time does to open orders comes first, then what the price does."""
    event = said.event
    fates = arrivals.due(state, said.at)
    orders = arrivals.at_market(state, event.instrument, fates)
    alarms = owed.overdue(state, said.at)
    if not orders:
        return [*fates.values(), *alarms]
    listing = state.listings[event.instrument]
    matched = match(
        event,
        said.at,
        orders,
        market=state.markets[event.instrument],
        held=state.positions.get(event.instrument, {}),
        terms=Terms(listing, state.venues[listing.venue]),
    )
    return [*fates.values(), *alarms, *matched]
