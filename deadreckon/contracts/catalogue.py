"""Every event that may be written, by the name it has on the wire."""

from deadreckon.contracts import (
    archive,
    governance,
    history,
    instruments,
    life,
    market,
    models,
    orders,
    portfolio,
    signals,
    venues,
)
from deadreckon.contracts.event import Event

EVENTS: dict[str, type[Event]] = {
    "market.tape_opened": market.TapeOpened,
    "market.tape_ended": market.TapeEnded,
    "market.bar_closed": market.BarClosed,
    "market.quote_updated": market.QuoteUpdated,
    "market.trade_printed": market.TradePrinted,
    "market.mark_updated": market.MarkUpdated,
    "market.funding_rate_published": market.FundingRatePublished,
    "market.currency_rate_updated": market.CurrencyRateUpdated,
    "market.clock_ticked": market.ClockTicked,
    "instruments.instrument_listed": instruments.InstrumentListed,
    "instruments.instrument_delisted": instruments.InstrumentDelisted,
    "instruments.venue_configured": instruments.VenueConfigured,
    "signals.signal_raised": signals.SignalRaised,
    "signals.cancel_raised": signals.CancelRaised,
    "signals.replace_raised": signals.ReplaceRaised,
    "signals.signal_refused": signals.SignalRefused,
    "orders.order_approved": orders.OrderApproved,
    "orders.order_unroutable": orders.OrderUnroutable,
    "orders.order_routed": orders.OrderRouted,
    "orders.order_submitting": orders.OrderSubmitting,
    "orders.order_accepted": orders.OrderAccepted,
    "orders.order_rejected": orders.OrderRejected,
    "orders.order_triggered": orders.OrderTriggered,
    "orders.order_filled": orders.OrderFilled,
    "orders.order_cancelled": orders.OrderCancelled,
    "orders.order_expired": orders.OrderExpired,
    "orders.order_unknown": orders.OrderUnknown,
    "orders.order_overdue": orders.OrderOverdue,
    "orders.order_cancelling": orders.OrderCancelling,
    "orders.cancel_approved": orders.CancelApproved,
    "orders.cancel_missed": orders.CancelMissed,
    "orders.replace_approved": orders.ReplaceApproved,
    "orders.replace_routed": orders.ReplaceRouted,
    "orders.order_replaced": orders.OrderReplaced,
    "orders.bracket_armed": orders.BracketArmed,
    "orders.bracket_closed": orders.BracketClosed,
    "portfolio.position_changed": portfolio.PositionChanged,
    "portfolio.funding_paid": portfolio.FundingPaid,
    "portfolio.equity_marked": portfolio.EquityMarked,
    "portfolio.cash_deposited": portfolio.CashDeposited,
    "portfolio.cash_withdrawn": portfolio.CashWithdrawn,
    "portfolio.fee_charged": portfolio.FeeCharged,
    "portfolio.reporting_configured": portfolio.ReportingConfigured,
    "governance.limits_set": governance.LimitsSet,
    "governance.halt_requested": governance.HaltRequested,
    "governance.resume_requested": governance.ResumeRequested,
    "governance.halt_acknowledged": governance.HaltAcknowledged,
    "governance.resume_acknowledged": governance.ResumeAcknowledged,
    "governance.halt_imposed": governance.HaltImposed,
    "governance.flatten_requested": governance.FlattenRequested,
    "governance.cancel_requested": governance.CancelRequested,
    "governance.strategy_configured": governance.StrategyConfigured,
    "governance.operator_refused": governance.OperatorRefused,
    "models.regime_model_fitted": models.RegimeModelFitted,
    "models.regime_model_refused": models.RegimeModelRefused,
    "venues.venue_request_sending": venues.VenueRequestSending,
    "venues.venue_order_not_sent": venues.VenueOrderNotSent,
    "venues.venue_request_unanswered": venues.VenueRequestUnanswered,
    "venues.venue_order_missing": venues.VenueOrderMissing,
    "venues.venue_order_accepted": venues.VenueOrderAccepted,
    "venues.venue_order_rejected": venues.VenueOrderRejected,
    "venues.venue_trade_reported": venues.VenueTradeReported,
    "venues.venue_order_ended": venues.VenueOrderEnded,
    "venues.venue_cancel_rejected": venues.VenueCancelRejected,
    "venues.venue_report_refused": venues.VenueReportRefused,
    "venues.venue_reconciled": venues.VenueReconciled,
    "venues.venue_connection_changed": venues.VenueConnectionChanged,
    "life.stack_started": life.StackStarted,
    "life.stack_stopped": life.StackStopped,
    "archive.range_sealed": archive.RangeSealed,
}

NAMES: dict[type[Event], str] = {shape: name for name, shape in EVENTS.items()}


def version(name: str) -> int:
    """The version in which `name` is written today: one more than its last retired shape."""
    return 1 + max((v for kind, v in history.RETIRED if kind == name), default=0)


VERSIONS: dict[str, int] = {name: version(name) for name in EVENTS}

# What an operator may say at a door `log.<book>.op.<name>`; every other type is refused there.
OPERATOR_EVENTS = frozenset(
    {
        "instruments.instrument_listed",
        "instruments.instrument_delisted",
        "instruments.venue_configured",
        "portfolio.cash_deposited",
        "portfolio.cash_withdrawn",
        "portfolio.fee_charged",
        "portfolio.reporting_configured",
        "market.currency_rate_updated",
        "market.mark_updated",
        "market.funding_rate_published",
        "governance.limits_set",
        "governance.halt_requested",
        "governance.resume_requested",
        "governance.flatten_requested",
        "governance.cancel_requested",
        "governance.strategy_configured",
        "life.stack_started",
        "life.stack_stopped",
    }
)
