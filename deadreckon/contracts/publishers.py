"""Publishers of the log: for each type of event, the services that may write it."""

from fnmatch import fnmatchcase

from deadreckon.contracts.catalogue import OPERATOR_EVENTS
from deadreckon.contracts.subjects import token

VENUE_PREFIX = "venue-"  # of a venue edge: one service for each configured account at a venue
VENUE_EDGES = f"{VENUE_PREFIX}*"

SERVICES = {
    "market": "brings what a tape or a venue tells of the market; its time is everybody's clock",
    "clock": "says that time passes where no tape does; its time is everybody's clock as well",
    "trainer": "fits regime models to closed bars",
    "signal": "reads producers' signals and runs the in-house strategies",
    "risk": "weighs every wish against the limits in force",
    "router": "puts approved orders in the venue's own terms",
    "fill": "owns the order table, the brackets and the paper venue",
    "portfolio": "keeps positions, cash and equity",
    VENUE_EDGES: "sends to one venue what fill intended, and records its answers",
    "governance": "answers operators and stops what performs badly",
    "verifier": "holds the views against the log, and says where they differ",
    "sealer": "puts closed days of the log into the archive, sealed; it decides nothing",
}

PUBLISHERS: dict[str, tuple[str, ...]] = {
    "market.tape_opened": ("market",),
    "market.tape_ended": ("market",),
    "market.bar_closed": ("market",),
    "market.quote_updated": ("market",),
    "market.trade_printed": ("market",),
    "market.mark_updated": ("market",),
    "market.funding_rate_published": ("market",),
    "market.currency_rate_updated": ("market",),
    "market.clock_ticked": ("clock",),
    "instruments.instrument_listed": (),
    "instruments.instrument_delisted": (),
    "instruments.venue_configured": (),
    "signals.signal_raised": ("signal",),
    "signals.cancel_raised": ("signal",),
    "signals.replace_raised": ("signal",),
    "signals.signal_refused": ("signal", "risk"),
    "orders.order_approved": ("risk",),
    "orders.order_unroutable": ("router",),
    "orders.order_routed": ("router",),
    "orders.order_submitting": ("fill",),
    "orders.order_accepted": ("fill",),
    "orders.order_rejected": ("fill",),
    "orders.order_triggered": ("fill",),
    "orders.order_filled": ("fill",),
    "orders.order_cancelled": ("fill",),
    "orders.order_expired": ("fill",),
    "orders.order_unknown": ("fill",),
    "orders.order_overdue": ("fill",),
    "orders.order_cancelling": ("fill",),
    "orders.cancel_approved": ("risk",),
    "orders.cancel_missed": ("risk", "router", "fill"),
    "orders.replace_approved": ("risk",),
    "orders.replace_routed": ("router",),
    "orders.order_replaced": ("fill",),
    "orders.bracket_armed": ("fill",),
    "orders.bracket_closed": ("fill",),
    "portfolio.position_changed": ("portfolio",),
    "portfolio.funding_paid": ("portfolio",),
    "portfolio.equity_marked": ("portfolio",),
    "portfolio.cash_deposited": (),
    "portfolio.cash_withdrawn": (),
    "portfolio.fee_charged": (),
    "portfolio.reporting_configured": (),
    "governance.limits_set": (),
    "governance.halt_requested": (),
    "governance.resume_requested": (),
    "governance.halt_acknowledged": ("risk", "fill"),
    "governance.resume_acknowledged": ("risk", "fill"),
    "governance.halt_imposed": ("risk", "fill", "governance"),
    "governance.flatten_requested": (),
    "governance.cancel_requested": (),
    "governance.strategy_configured": (),
    "governance.operator_refused": ("governance",),
    "models.regime_model_fitted": ("trainer",),
    "models.regime_model_refused": ("trainer",),
    "venues.venue_request_sending": (VENUE_EDGES,),
    "venues.venue_order_not_sent": (VENUE_EDGES,),
    "venues.venue_request_unanswered": (VENUE_EDGES,),
    "venues.venue_order_missing": (VENUE_EDGES,),
    "venues.venue_order_accepted": (VENUE_EDGES,),
    "venues.venue_order_rejected": (VENUE_EDGES,),
    "venues.venue_trade_reported": (VENUE_EDGES,),
    "venues.venue_order_ended": (VENUE_EDGES,),
    "venues.venue_cancel_rejected": (VENUE_EDGES,),
    "venues.venue_report_refused": (VENUE_EDGES,),
    "venues.venue_reconciled": (VENUE_EDGES,),
    "venues.venue_connection_changed": (VENUE_EDGES,),
    "life.stack_started": (),
    "life.stack_stopped": (),
    "archive.range_sealed": ("sealer",),
    "views.view_differed": ("verifier",),
    "views.view_rebuilt": ("verifier",),
}


def publishers_of(name: str) -> tuple[str, ...]:
    """Everybody who may say an event of this type, operators last."""
    operators = ("operators",) if name in OPERATOR_EVENTS else ()
    return PUBLISHERS[name] + operators


def events_of(service: str) -> list[str]:
    """List the types of event that a service, or a pattern of services, may publish."""
    pattern = publisher_pattern(service)
    return [name for name, services in PUBLISHERS.items() if pattern in services]


def publisher_pattern(service: str) -> str | None:
    """Find the entry of SERVICES that covers a service; None for a name that no entry covers.

    >>> publisher_pattern("risk"), publisher_pattern("venue-a"), publisher_pattern("nobody")
    ('risk', 'venue-*', None)
    """
    return next((entry for entry in SERVICES if fnmatchcase(service, entry)), None)


def is_venue_edge(service: str) -> bool:
    """Tell whether a service is the edge of a configured venue."""
    return fnmatchcase(service, VENUE_EDGES)


def venue_edge(venue: str) -> str:
    """Name the edge of a configured venue. Raises ValueError for what cannot be in a subject."""
    return VENUE_PREFIX + token(venue, "venue")
