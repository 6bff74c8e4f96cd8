"""Definitions of all metrics: meaning, unit and labels.

Labels never hold the id of an order, signal or trade: the number of series must stay bounded.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

MeasureKind = Literal["counter", "gauge", "histogram"]

SERIES_MAX = 500  # of one metric; later label values are counted as `other`
OTHER = "other"
SLIPPAGE_BUCKETS = tuple(
    Decimal(edge) for edge in (-50, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10, 20, 50, 100)
)
SECONDS_BUCKETS = tuple(
    Decimal(edge)
    for edge in ("0", "0.01", "0.1", "0.5", "1", "5", "15", "60", "300", "900", "3600")
)


class MetricDefinition(Struct, frozen=True):
    """Definition of one metric; `edges` are the upper bounds of a histogram's buckets."""

    name: str
    kind: MeasureKind
    note: str
    labels: tuple[str, ...]
    edges: tuple[Decimal, ...] = ()


_BOOK = ("book",)
_MONEY = ("book", "currency")
_RULE = ("book", "rule")
_VENUE = ("book", "venue")
_REQUEST = ("book", "venue", "request")
_HELD = ("book", "strategy", "venue", "instrument")
_HELD_MONEY = (*_HELD, "currency")

METRICS: tuple[MetricDefinition, ...] = (
    MetricDefinition("log_events_total", "counter", "events in the log, by type", ("type",)),
    MetricDefinition(
        "market_data_events_total",
        "counter",
        "bars, quotes, trades and marks that decisions could use",
        ("source", "type"),
    ),
    MetricDefinition(
        "strategy_signals_total",
        "counter",
        "signals raised (trades, cancels and replaces)",
        ("book", "strategy"),
    ),
    MetricDefinition("signals_refused_total", "counter", "signals refused, by rule", _RULE),
    MetricDefinition(
        "producer_messages_refused_total",
        "counter",
        "messages beyond a producer's quota, which were not read",
        ("book", "producer"),
    ),
    MetricDefinition("orders_approved_total", "counter", "orders that risk let pass", _BOOK),
    MetricDefinition(
        "orders_unroutable_total", "counter", "approved orders without a way, by rule", _RULE
    ),
    MetricDefinition("orders_submitted_total", "counter", "intents recorded", ("book", "venue")),
    MetricDefinition("orders_filled_total", "counter", "orders filled whole", _BOOK),
    MetricDefinition("orders_rejected_total", "counter", "orders not taken, by rule", _RULE),
    MetricDefinition("orders_canceled_total", "counter", "orders cancelled, by rule", _RULE),
    MetricDefinition("orders_expired_total", "counter", "orders whose time ran out", _BOOK),
    MetricDefinition("orders_unknown_total", "counter", "requests whose outcome is unknown", _BOOK),
    MetricDefinition("orders_unknown_open", "gauge", "open orders whose outcome is unknown", _BOOK),
    MetricDefinition(
        "orders_unknown_age_seconds",
        "gauge",
        "log time since the intent of the oldest of them; 0 without any",
        _BOOK,
    ),
    MetricDefinition(
        "orders_overdue_total",
        "counter",
        "alarms that a venue owes an answer for longer than it is configured for",
        _BOOK,
    ),
    MetricDefinition(
        "orders_cancelling_total", "counter", "real venues asked to cancel, by rule", _RULE
    ),
    MetricDefinition("venue_connected", "gauge", "1 while the venue can be reached", _VENUE),
    MetricDefinition(
        "venue_requests_total",
        "counter",
        "requests that left for a venue (submit, cancel), every attempt",
        _REQUEST,
    ),
    MetricDefinition(
        "venue_requests_unanswered_total",
        "counter",
        "requests without an answer",
        _REQUEST,
    ),
    MetricDefinition(
        "venue_reports_refused_total",
        "counter",
        "reports of a venue that were refused, by rule",
        ("book", "venue", "rule"),
    ),
    MetricDefinition(
        "venue_strangers",
        "gauge",
        "orders at the venue that this log never intended, at the last reconciliation",
        _VENUE,
    ),
    MetricDefinition("orders_replaced_total", "counter", "orders changed at the venue", _BOOK),
    MetricDefinition(
        "cancels_missed_total", "counter", "cancels and replaces without an order", _BOOK
    ),
    MetricDefinition("orders_open", "gauge", "orders intended and not ended", _BOOK),
    MetricDefinition(
        "fills_total",
        "counter",
        "fills, each once for its (venue, trade id)",
        ("book", "strategy", "instrument"),
    ),
    MetricDefinition(
        "exec_slippage_bps",
        "histogram",
        "basis points of a fill against its undisturbed market price; positive is to our harm",
        ("book", "venue", "instrument"),
        edges=SLIPPAGE_BUCKETS,
    ),
    MetricDefinition(
        "fill_latency_seconds",
        "histogram",
        "decision time from the intent to the first fill",
        ("book", "venue"),
        edges=SECONDS_BUCKETS,
    ),
    MetricDefinition(
        "views_differed_total", "counter", "views found to differ from the log", ("view",)
    ),
    MetricDefinition(
        "views_rebuilt_total", "counter", "views made anew because they differed", ("view",)
    ),
    MetricDefinition(
        "brackets_closed_total", "counter", "brackets closed, by outcome", ("book", "outcome")
    ),
    MetricDefinition(
        "fees_paid",
        "gauge",
        "fees paid so far, less rebates, in `currency`",
        _MONEY,
    ),
    MetricDefinition(
        "funding_received",
        "gauge",
        "funding received so far (negative: paid), in `currency`",
        _HELD_MONEY,
    ),
    MetricDefinition(
        "pnl_realized",
        "gauge",
        "realised so far before fees and funding, in `currency`",
        _HELD_MONEY,
    ),
    MetricDefinition(
        "pnl_unrealized",
        "gauge",
        "unrealised at the last equity mark, in `currency`",
        _MONEY,
    ),
    MetricDefinition("equity", "gauge", "at the last equity mark, in `currency`", _MONEY),
    MetricDefinition("equity_peak", "gauge", "highest equity so far, in `currency`", _MONEY),
    MetricDefinition(
        "drawdown_ratio",
        "gauge",
        "(peak - equity) / peak at the last equity mark",
        _BOOK,
    ),
    MetricDefinition(
        "cash",
        "gauge",
        "cash in each currency at the last equity mark, not converted",
        _MONEY,
    ),
    MetricDefinition(
        "market_value",
        "gauge",
        "spot holdings at the last equity mark, in `currency`",
        _MONEY,
    ),
    MetricDefinition(
        "exposure_gross",
        "gauge",
        "sum of absolute notionals at the last equity mark, in `currency`",
        _MONEY,
    ),
    MetricDefinition(
        "exposure_net",
        "gauge",
        "sum of signed notionals at the last equity mark, in `currency`",
        _MONEY,
    ),
    MetricDefinition(
        "equity_unpriced",
        "gauge",
        "holdings without a mark or rate, missing from the last equity mark",
        _BOOK,
    ),
    MetricDefinition(
        "position_quantity",
        "gauge",
        "signed, base units or contracts",
        _HELD,
    ),
    MetricDefinition(
        "entry_price", "gauge", "average cost per unit, quote currency; 0 when flat", _HELD
    ),
    MetricDefinition(
        "mark_price", "gauge", "last close, quote middle, trade or mark", ("instrument",)
    ),
    MetricDefinition(
        "trading_enabled", "gauge", "1 when limits allow trading and nothing is halted", _BOOK
    ),
    MetricDefinition(
        "trading_halted", "gauge", "1 while a halt of this scope is in force", ("book", "scope")
    ),
    MetricDefinition(
        "halts_total",
        "counter",
        "halts, by rule (`operator` when a person halted)",
        ("book", "scope", "rule"),
    ),
    MetricDefinition(
        "order_notional_max",
        "gauge",
        "the limit in force on one order, reporting currency; absent without one",
        _BOOK,
    ),
    MetricDefinition(
        "risk_limit",
        "gauge",
        "every numeric limit in force, in the unit of the limit (docs/analytics.md, limits)",
        ("book", "limit"),
    ),
    MetricDefinition(
        "operator_refusals_total", "counter", "operators' messages that could not be read", _RULE
    ),
    MetricDefinition(
        "clock_steps_refused_total",
        "counter",
        "times that an edge did not write, too far from the log's, by rule; once an incident",
        ("edge", "rule"),
    ),
    MetricDefinition(
        "log_time_seconds", "gauge", "decision time of the last event, Unix seconds", ()
    ),
    MetricDefinition(
        "archive_sealed_sequence", "gauge", "last sequence of the log that is sealed", ()
    ),
    MetricDefinition(
        "log_sequence", "gauge", "last sequence of the log that is in these figures", ()
    ),
    MetricDefinition(
        "metric_series_omitted_total",
        "counter",
        f"observations without a series of their own: a metric has at most {SERIES_MAX}",
        ("metric",),
    ),
)

BY_NAME: dict[str, MetricDefinition] = {measure.name: measure for measure in METRICS}
