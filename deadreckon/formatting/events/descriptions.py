"""Registry of descriptions by event type; a test holds it to the catalogue."""

from collections.abc import Callable
from typing import Any

from deadreckon.contracts import archive, instruments, life, models, views
from deadreckon.contracts import clock as times
from deadreckon.contracts import governance as rules
from deadreckon.contracts import market as prices
from deadreckon.contracts import orders as order
from deadreckon.contracts import portfolio as book
from deadreckon.contracts import signals as signal
from deadreckon.contracts import venues as real
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet
from deadreckon.formatting.events import (
    clock,
    governance,
    market,
    orders,
    portfolio,
    signals,
    venues,
)
from deadreckon.formatting.events.style import ShortStyle, Style
from deadreckon.formatting.text import safe_text

Description = Callable[[Recorded[Any], Style], str]

DESCRIPTIONS: dict[type[Event], Description] = {
    prices.TapeOpened: market.tape_opened,
    prices.TapeEnded: market.tape_ended,
    prices.BarOpened: market.bar_opened,
    prices.BarClosed: market.bar,
    prices.QuoteUpdated: market.quote,
    prices.TradePrinted: market.trade,
    prices.MarkUpdated: market.mark,
    prices.FundingRatePublished: market.funding,
    prices.CurrencyRateUpdated: market.currency,
    prices.ClockTicked: market.tick,
    times.ClockConfigured: clock.configured,
    times.ClockAcceptRequested: clock.accept_requested,
    times.ClockResetRequested: clock.reset_requested,
    times.ClockStepRefused: clock.step_refused,
    times.ClockStepAccepted: clock.step_accepted,
    times.ClockReset: clock.reset,
    instruments.InstrumentListed: market.listing,
    instruments.InstrumentDelisted: market.delisting,
    instruments.VenueConfigured: market.venue,
    signal.SignalReceived: signals.received,
    signal.CancelReceived: signals.cancel_received,
    signal.ReplaceReceived: signals.replace_received,
    signal.SignalMalformed: signals.malformed,
    signal.MessageOverQuota: signals.over_quota,
    signal.SignalRaised: signals.raised,
    signal.CancelRaised: signals.cancel_raised,
    signal.ReplaceRaised: signals.replace_raised,
    signal.DecisionDeferred: signals.deferred,
    signal.SignalRefused: signals.refused,
    signal.MessagesRefused: signals.messages_refused,
    order.OrderApproved: orders.approved,
    order.OrderUnroutable: orders.unroutable,
    order.OrderRouted: orders.routed,
    order.OrderSubmitting: orders.submitting,
    order.OrderAccepted: orders.accepted,
    order.OrderRejected: orders.rejected,
    order.OrderTriggered: orders.triggered,
    order.OrderFilled: orders.filled,
    order.OrderCancelled: orders.cancelled,
    order.OrderExpired: orders.expired,
    order.OrderUnknown: orders.unknown,
    order.OrderOverdue: orders.overdue,
    order.OrderCancelling: orders.cancelling,
    order.CancelApproved: orders.cancel_approved,
    order.CancelMissed: orders.cancel_missed,
    order.ReplaceApproved: orders.replace_approved,
    order.ReplaceRouted: orders.replace_routed,
    order.OrderReplaced: orders.replaced,
    order.BarSettled: orders.bar_settled,
    order.BracketArmed: orders.bracket_armed,
    order.BracketClosed: orders.bracket_closed,
    book.PositionChanged: portfolio.position,
    book.FundingPaid: portfolio.funding,
    book.EquityMarked: portfolio.equity,
    book.CashDeposited: portfolio.deposited,
    book.CashWithdrawn: portfolio.withdrawn,
    book.FeeCharged: portfolio.fee,
    book.ReportingConfigured: portfolio.reporting,
    LimitsSet: governance.limits,
    ProducerQuotaSet: governance.quota,
    rules.HaltRequested: governance.halt_requested,
    rules.HaltImposed: governance.halt_imposed,
    rules.HaltAcknowledged: governance.halt_acknowledged,
    rules.ResumeRequested: governance.resume_requested,
    rules.ResumeAcknowledged: governance.resume_acknowledged,
    rules.FlattenRequested: governance.flatten,
    rules.CancelRequested: governance.cancel,
    rules.StrategyConfigured: governance.strategy,
    rules.OperatorMalformed: governance.operator_malformed,
    rules.OperatorRefused: governance.operator_refused,
    rules.LogDamaged: governance.damaged,
    models.RegimeModelFitted: governance.model_fitted,
    models.RegimeModelRefused: governance.model_refused,
    real.VenueRequestSending: venues.sending,
    real.VenueOrderNotSent: venues.not_sent,
    real.VenueRequestUnanswered: venues.unanswered,
    real.VenueOrderMissing: venues.missing,
    real.VenueOrderAccepted: venues.accepted,
    real.VenueOrderRejected: venues.rejected,
    real.VenueTradeReported: venues.trade,
    real.VenueOrderEnded: venues.ended,
    real.VenueCancelRejected: venues.cancel_rejected,
    real.VenueForeignTradeReported: venues.foreign_trade,
    real.VenueReportRefused: venues.refused,
    real.VenueReconciled: venues.reconciled,
    real.VenueConnectionChanged: venues.connection,
    life.StackStarted: governance.started,
    life.StackStopped: governance.stopped,
    archive.RangeSealed: governance.range_sealed,
    views.ViewDiffered: governance.view_differed,
    views.ViewRebuilt: governance.view_rebuilt,
}


def describe(record: Recorded[Any], style: Style) -> str:
    """Describe an event in one line, without its publisher and its time."""
    return DESCRIPTIONS[type(record.event)](record, style)


def describe_briefly(record: Recorded[Any], style: ShortStyle) -> str:
    """Describe a single event in one short line, with its strategy and instrument."""
    text = describe(record, style)
    names = (getattr(record.event, name, None) for name in ("strategy", "instrument"))
    about = " ".join(name for name in names if isinstance(name, str) and name not in text)
    return safe_text(f"{about}: {text}" if about else text)
