"""Decider of the order table, brackets, the paper venue, halts and the reports of real venues."""

from collections.abc import Callable, Sequence
from typing import Any

from deadreckon.accounting.halts import impose
from deadreckon.accounting.halts import reset_time as reset_halts
from deadreckon.contracts.clock import ClockReset
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
    BarOpened,
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
    BarSettled,
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
from deadreckon.contracts.signals import DecisionDeferred
from deadreckon.contracts.timestamps import DAY
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueForeignTradeReported,
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
    market,
    order_store,
    overdue,
    protection,
    reports,
    venue_discrepancies,
)
from deadreckon.services.fill.market import PriceEvent
from deadreckon.services.fill.matching import match
from deadreckon.services.fill.paper_match import Terms
from deadreckon.services.fill.state import State


def initial() -> State:
    """Return the state before the first event: nothing open, nothing held, nothing halted."""
    return State()


def awaits_price(state: State) -> bool:
    """Tell whether the paper venue has an order, which the next price may fill."""
    return any(not order.edge for orders in state.orders.values() for order in orders.values())


def evolve(state: State, record: Recorded[Any]) -> State:
    """Fold one event, in place; return the same state."""
    if record.at // DAY != state.day and type(record.event) is not ClockReset:
        order_store.forget(state, record.at)
    if fold := _FOLDS.get(type(record.event)):
        fold(state, record)
    return state


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    """Answer one event, this service's own answers among them."""
    answer = _ANSWERS.get(type(record.event))
    return answer(state, record) if answer else ()


# Folds that are more than one call.


def _price(state: State, record: Recorded[PriceEvent]) -> None:
    market.record_price(state, record.event, record.at)


def _marked(state: State, record: Recorded[MarkUpdated]) -> None:
    if market.is_stated_price(state, record.event):
        market.record_price(state, record.event, record.at)


def _listed(state: State, record: Recorded[InstrumentListed]) -> None:
    state.listings[record.event.instrument] = record.event


def _configured(state: State, record: Recorded[VenueConfigured]) -> None:
    state.venues[record.event.venue] = record.event


def _reset_time(state: State, record: Recorded[ClockReset]) -> None:
    reset_halts(state.halts, record.at)
    order_store.reset_time(state, record.at)


def _halted(state: State, record: Recorded[HaltRequested | HaltImposed | LogDamaged]) -> None:
    impose(state.halts, record)


def _resumed(state: State, record: Recorded[ResumeRequested]) -> None:
    state.halts.clear()


def _withdrawn(state: State, record: Recorded[CancelApproved | CancelRequested]) -> None:
    changes.withdraw(state, record.event.order_id)


def _approved(state: State, record: Recorded[OrderApproved]) -> None:
    state.approved[record.event.order_id] = False


def _unroutable(state: State, record: Recorded[OrderUnroutable]) -> None:
    state.approved.pop(record.event.order_id, None)


def _filled(state: State, record: Recorded[OrderFilled]) -> None:
    order_store.filled(state, record)
    brackets.filled(state, record)
    if not record.event.leaves:
        brackets.leg_ended(state, record.event.order_id)


def _cancelled(state: State, record: Recorded[OrderCancelled]) -> None:
    order_store.reported(state, record.event.order_id, "cancelled", record.at)
    brackets.leg_ended(state, record.event.order_id, record.event.rule)


def _rejected(state: State, record: Recorded[OrderRejected]) -> None:
    order_store.reported(state, record.event.order_id, "rejected", record.at)
    brackets.leg_ended(state, record.event.order_id, record.event.rule)


def _cancel_unanswered(state: State, record: Recorded[VenueRequestUnanswered]) -> None:
    if record.event.request == "cancel":
        reports.record_cancel_answer(state, record.event.order_id, refused=False)


# Answers that are more than one call.


def _at_price(state: State, record: Recorded[PriceEvent]) -> Sequence[Event]:
    """Answer a price: first what its time does to open orders, then the price itself."""
    if not state.instruments:
        return ()
    event = record.event
    ends = arrivals.due_events(state, record.at)
    orders = arrivals.orders_at_market(state, event.instrument, ends)
    alarms = overdue.overdue_alarms(state, record.at)
    if not orders:
        return [*ends.values(), *alarms]
    listing = state.listings[event.instrument]
    terms = Terms(listing, state.venues[listing.venue])
    matched = match(
        event,
        record.at,
        orders,
        market=state.markets[event.instrument],
        held=state.positions.get(event.instrument, {}),
        terms=terms.at_stated_price() if isinstance(event, MarkUpdated) else terms,
    )
    return [*ends.values(), *alarms, *matched]


def _at_mark(state: State, record: Recorded[MarkUpdated]) -> Sequence[Event]:
    is_price = market.is_stated_price(state, record.event)
    return _at_price(state, record) if is_price else _at_time(state, record)


def _settled(state: State, record: Recorded[DecisionDeferred]) -> list[Event]:
    """The bar was answered before this, so that its fills stand in the log before this answer."""
    waited = record.event
    return [BarSettled(waited.bar, waited.instrument, waited.strategies)]


def _at_time(state: State, record: Recorded[Any]) -> list[Event]:
    due = arrivals.due_events(state, record.at).values()
    return [*due, *overdue.overdue_alarms(state, record.at)]


Fold = Callable[[State, Recorded[Any]], object]
Handler = Callable[[State, Recorded[Any]], Sequence[Event]]

_PRICES: tuple[type[Event], ...] = (BarOpened, BarClosed, QuoteUpdated, TradePrinted)
# Events that only let time pass; the ends of a tape do too.
_TIMES: tuple[type[Event], ...] = (
    ClockTicked,
    FundingRatePublished,
    CurrencyRateUpdated,
    TapeOpened,
    TapeEnded,
)
_HALTS: tuple[type[Event], ...] = (HaltRequested, HaltImposed, LogDamaged)

_FOLDS: dict[type[Event], Fold] = {
    **dict.fromkeys(_PRICES, _price),
    **dict.fromkeys(_HALTS, _halted),
    MarkUpdated: _marked,
    InstrumentListed: _listed,
    VenueConfigured: _configured,
    ResumeRequested: _resumed,
    CancelApproved: _withdrawn,
    CancelRequested: _withdrawn,
    OrderApproved: _approved,
    OrderUnroutable: _unroutable,
    OrderRouted: lambda state, it: order_store.routed(state, it.event),
    OrderSubmitting: order_store.submitting,
    OrderAccepted: lambda state, it: order_store.accepted(state, it.event.order_id, it.at),
    OrderUnknown: lambda state, it: order_store.reported(
        state, it.event.order_id, "unknown", it.at
    ),
    OrderTriggered: lambda state, it: order_store.triggered(state, it.event.order_id, it.at),
    OrderReplaced: lambda state, it: order_store.replaced(state, it.event, it.at),
    ClockReset: _reset_time,
    OrderFilled: _filled,
    OrderCancelled: _cancelled,
    OrderRejected: _rejected,
    OrderExpired: lambda state, it: order_store.reported(
        state, it.event.order_id, "expired", it.at
    ),
    BracketArmed: lambda state, it: brackets.armed(state, it.event),
    BracketClosed: lambda state, it: brackets.closed(state, it.event.bracket_id),
    OrderCancelling: reports.record_cancelling,
    OrderOverdue: lambda state, it: overdue.record_alarm(state, it.event),
    VenueOrderEnded: reports.record_ending,
    VenueCancelRejected: lambda state, it: reports.record_cancel_answer(
        state, it.event.order_id, refused=True
    ),
    VenueRequestUnanswered: _cancel_unanswered,
}

_ANSWERS: dict[type[Event], Handler] = {
    **dict.fromkeys(_PRICES, _at_price),
    **dict.fromkeys(_TIMES, _at_time),
    **dict.fromkeys(_HALTS, halts.obey),
    **dict.fromkeys(reports.REPORT_COLUMNS, reports.events_of_report),
    MarkUpdated: _at_mark,
    ResumeRequested: halts.resume,
    InstrumentDelisted: lambda state, it: changes.delist(state, it.event.instrument),
    DecisionDeferred: _settled,
    OrderRouted: arrivals.submit,
    OrderSubmitting: arrivals.submitted,
    OrderFilled: consequences.fill_consequences,
    OrderCancelled: lambda state, it: protection.close(state, it.event),
    OrderRejected: lambda state, it: protection.close(state, it.event),
    CancelApproved: lambda state, it: changes.cancel_approved(state, it.event),
    CancelRequested: lambda state, it: changes.cancel_requested(state, it.event),
    ReplaceRouted: lambda state, it: changes.replace(state, it.event),
    VenueReconciled: venue_discrepancies.halt_for_external_orders,
    VenueReportRefused: venue_discrepancies.halt_for_refused_report,
    VenueForeignTradeReported: venue_discrepancies.halt_for_foreign_trade,
}

HANDLES = frozenset({*_FOLDS, *_ANSWERS})
