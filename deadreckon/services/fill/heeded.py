"""What fill looks at: all that moves or answers an order, a market or the time."""

from deadreckon.contracts.event import Event
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
from deadreckon.contracts.venues import (
    VenueReconciled,
    VenueReportRefused,
)
from deadreckon.services.fill.reports import REPORT_COLUMNS

HANDLES: frozenset[type[Event]] = frozenset(
    {
        *REPORT_COLUMNS,
        CancelRequested,
        HaltImposed,
        HaltRequested,
        LogDamaged,
        ResumeRequested,
        InstrumentDelisted,
        InstrumentListed,
        VenueConfigured,
        BarClosed,
        ClockTicked,
        CurrencyRateUpdated,
        FundingRatePublished,
        MarkUpdated,
        QuoteUpdated,
        TapeEnded,
        TapeOpened,
        TradePrinted,
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
        VenueReconciled,
        VenueReportRefused,
    }
)
