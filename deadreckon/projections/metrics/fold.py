"""Pure fold of the log into metrics: a restart or a rebuild gives the same figures."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting.halts import Halts, impose, in_force, reset_time
from deadreckon.contracts import (
    archive,
    clock,
    dedup,
    governance,
    market,
    orders,
    portfolio,
    signals,
    venues,
    views,
)
from deadreckon.contracts.amounts import EXACT, canonical, ratio
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.limits import LimitsSet
from deadreckon.projections.metrics.series import Series

_TWO = Decimal(2)
_BASIS_POINTS = Decimal(10_000)


class MetricsState(Struct):
    """The series, and what is needed to compute them: open orders, halts, trade ids."""

    series: Series = field(default_factory=Series)
    at: int = 0
    halts: dict[str, Halts] = field(default_factory=dict)  # by book
    enabled: dict[str, bool] = field(default_factory=dict)  # by book, as the limits in force say
    # Open order: its intent, until the first fill.
    intended: dict[str, int | None] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)  # by book: number of halts
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)  # by book: order and intent
    # Book, venue and trade id: decision time of the report.
    trades: RecentKeys[str] = field(default_factory=RecentKeys)


def initial() -> MetricsState:
    """Return the state before the first event."""
    return MetricsState()


def evolve(state: MetricsState, record: Recorded[Any]) -> MetricsState:
    """Fold one event into the metrics."""
    shape = type(record.event)
    state.at = record.at if shape is clock.ClockReset else max(state.at, record.at)
    name = NAMES.get(shape)
    if name is not None:  # events that are never written to the log are not counted
        state.series.count("log_events_total", name)
    fold = _FOLDS.get(shape)
    if fold is not None:
        fold(state, record)
    return state


def settled(state: MetricsState, sequence: int) -> Series:
    """Return the series at `sequence`, with the time-dependent ones added."""
    series = state.series
    for book in state.enabled.keys() | state.halts.keys():
        scopes = {halt.scope for halt in in_force(state.halts.get(book, {}), state.at).values()}
        for scope in ("close_only", "all"):
            series.set("trading_halted", Decimal(int(scope in scopes)), book, scope)
        enabled = state.enabled.get(book, False) and not scopes
        series.set("trading_enabled", Decimal(int(enabled)), book)
    for book, unknown in state.unknown.items():
        oldest = min(unknown.values(), default=state.at)
        age = EXACT.divide(Decimal(state.at - oldest), Decimal(NANOSECONDS))
        series.set("orders_unknown_open", Decimal(len(unknown)), book)
        series.set("orders_unknown_age_seconds", age, book)
    for book, count in state.open.items():
        series.set("orders_open", Decimal(count), book)
    series.set("log_time_seconds", EXACT.divide(Decimal(state.at), Decimal(NANOSECONDS)))
    series.set("log_sequence", Decimal(sequence))
    return series


def _bar(state: MetricsState, record: Recorded[market.BarClosed]) -> None:
    _market(state, record, "bar", record.event.close)


def _quote(state: MetricsState, record: Recorded[market.QuoteUpdated]) -> None:
    middle = EXACT.divide(EXACT.add(record.event.bid, record.event.ask), _TWO)
    _market(state, record, "quote", middle)


def _trade(state: MetricsState, record: Recorded[market.TradePrinted]) -> None:
    _market(state, record, "trade", record.event.price)


def _mark(state: MetricsState, record: Recorded[market.MarkUpdated]) -> None:
    _market(state, record, "mark", record.event.price)


def _market(state: MetricsState, record: Recorded[Any], kind: str, price: Decimal) -> None:
    state.series.count("market_data_events_total", record.source, kind)
    state.series.set("mark_price", price, record.event.instrument)


def _raised(state: MetricsState, record: Recorded[Any]) -> None:
    state.series.count("strategy_signals_total", record.book, record.event.strategy)


def _refused(state: MetricsState, record: Recorded[signals.SignalRefused]) -> None:
    state.series.count("signals_refused_total", record.book, record.event.rule)


def _messages_refused(state: MetricsState, record: Recorded[signals.MessagesRefused]) -> None:
    no = record.event
    state.series.count("signals_refused_total", record.book, no.rule)
    name = "producer_messages_refused_total"
    state.series.count(name, record.book, no.producer, by=no.count)


def _approved(state: MetricsState, record: Recorded[orders.OrderApproved]) -> None:
    state.series.count("orders_approved_total", record.book)


def _unroutable(state: MetricsState, record: Recorded[orders.OrderUnroutable]) -> None:
    state.series.count("orders_unroutable_total", record.book, record.event.rule)


def _submitting(state: MetricsState, record: Recorded[orders.OrderSubmitting]) -> None:
    state.series.count("orders_submitted_total", record.book, record.event.venue)
    if record.event.order_id not in state.intended:
        state.open[record.book] = state.open.get(record.book, 0) + 1
    state.intended[record.event.order_id] = record.at


def _accepted(state: MetricsState, record: Recorded[orders.OrderAccepted]) -> None:
    _known(state, record)


def _known(state: MetricsState, record: Recorded[Any]) -> None:
    """Note the venue's first answer about an order."""
    if record.book in state.unknown:
        state.unknown[record.book].pop(record.event.order_id, None)


def _filled(state: MetricsState, record: Recorded[orders.OrderFilled]) -> None:
    fill = record.event
    if _is_repeat(state, record):
        return
    _known(state, record)
    state.series.count("fills_total", record.book, fill.strategy, fill.instrument)
    state.series.add("fees_paid", fill.fee, record.book, fill.fee_currency)
    if fill.reference_price:
        slip = EXACT.subtract(fill.price, fill.reference_price)
        worse = slip if fill.side == "buy" else EXACT.minus(slip)
        bps = ratio(EXACT.multiply(worse, _BASIS_POINTS), fill.reference_price, 6)
        state.series.observe("exec_slippage_bps", bps, record.book, fill.venue, fill.instrument)
    intended = state.intended.get(fill.order_id)
    if intended is not None:
        waited = EXACT.divide(Decimal(record.at - intended), Decimal(NANOSECONDS))
        state.series.observe("fill_latency_seconds", waited, record.book, fill.venue)
        state.intended[fill.order_id] = None  # only the time to the first fill is measured
    if not fill.leaves:
        state.series.count("orders_filled_total", record.book)
        _ended(state, record)


def _is_repeat(state: MetricsState, record: Recorded[orders.OrderFilled]) -> bool:
    trade = f"{record.book}\x1f{record.event.venue}\x1f{record.event.trade_id}"
    return dedup.is_repeat(state.trades, trade, record.at)


def _rejected(state: MetricsState, record: Recorded[orders.OrderRejected]) -> None:
    state.series.count("orders_rejected_total", record.book, record.event.rule)
    _ended(state, record)


def _cancelled(state: MetricsState, record: Recorded[orders.OrderCancelled]) -> None:
    state.series.count("orders_canceled_total", record.book, record.event.rule)
    _ended(state, record)


def _expired(state: MetricsState, record: Recorded[orders.OrderExpired]) -> None:
    state.series.count("orders_expired_total", record.book)
    _ended(state, record)


def _ended(state: MetricsState, record: Recorded[Any]) -> None:
    _known(state, record)
    if record.event.order_id in state.intended:
        del state.intended[record.event.order_id]
        state.open[record.book] -= 1


def _unknown(state: MetricsState, record: Recorded[orders.OrderUnknown]) -> None:
    state.series.count("orders_unknown_total", record.book)
    state.unknown.setdefault(record.book, {})[record.event.order_id] = record.event.since


def _overdue(state: MetricsState, record: Recorded[orders.OrderOverdue]) -> None:
    state.series.count("orders_overdue_total", record.book)


def _cancelling(state: MetricsState, record: Recorded[orders.OrderCancelling]) -> None:
    state.series.count("orders_cancelling_total", record.book, record.event.rule)


def _sending(state: MetricsState, record: Recorded[venues.VenueRequestSending]) -> None:
    state.series.count(
        "venue_requests_total", record.book, record.event.venue, record.event.request
    )


def _unanswered(state: MetricsState, record: Recorded[venues.VenueRequestUnanswered]) -> None:
    lost = record.event
    state.series.count("venue_requests_unanswered_total", record.book, lost.venue, lost.request)


def _unbelievable(state: MetricsState, record: Recorded[venues.VenueReportRefused]) -> None:
    no = record.event
    state.series.count("venue_reports_refused_total", record.book, no.venue, no.rule)


def _foreign(state: MetricsState, record: Recorded[venues.VenueForeignTradeReported]) -> None:
    venue = record.event.venue
    state.series.count("venue_reports_refused_total", record.book, venue, "unknown_order")


def _reconciled(state: MetricsState, record: Recorded[venues.VenueReconciled]) -> None:
    external = Decimal(len(record.event.strangers))
    state.series.set("venue_strangers", external, record.book, record.event.venue)


def _connection(state: MetricsState, record: Recorded[venues.VenueConnectionChanged]) -> None:
    connected = Decimal(int(record.event.connected))
    state.series.set("venue_connected", connected, record.book, record.event.venue)


def _replaced(state: MetricsState, record: Recorded[orders.OrderReplaced]) -> None:
    state.series.count("orders_replaced_total", record.book)


def _missed(state: MetricsState, record: Recorded[orders.CancelMissed]) -> None:
    state.series.count("cancels_missed_total", record.book)


def _differed(state: MetricsState, record: Recorded[views.ViewDiffered]) -> None:
    state.series.count("views_differed_total", record.event.view)


def _rebuilt(state: MetricsState, record: Recorded[views.ViewRebuilt]) -> None:
    state.series.count("views_rebuilt_total", record.event.view)


def _bracket(state: MetricsState, record: Recorded[orders.BracketClosed]) -> None:
    state.series.count("brackets_closed_total", record.book, record.event.outcome)


def _position(state: MetricsState, record: Recorded[portfolio.PositionChanged]) -> None:
    held = record.event
    where = (record.book, held.strategy, held.venue, held.instrument)
    state.series.set("position_quantity", held.quantity, *where)
    state.series.set("entry_price", held.average_price, *where)
    state.series.set("pnl_realized", held.realised, *where, held.currency)
    state.series.set("funding_received", held.funding, *where, held.currency)


def _fee(state: MetricsState, record: Recorded[portfolio.FeeCharged]) -> None:
    state.series.add("fees_paid", record.event.amount, record.book, record.event.currency)


def _equity(state: MetricsState, record: Recorded[portfolio.EquityMarked]) -> None:
    mark, series = record.event, state.series
    for metric, amount in (
        ("equity", mark.equity),
        ("equity_peak", mark.peak),
        ("pnl_unrealized", mark.unrealised),
        ("market_value", mark.holdings),
        ("exposure_gross", mark.exposure_gross),
        ("exposure_net", mark.exposure_net),
    ):
        series.set(metric, amount, record.book, mark.currency)
    series.set("drawdown_ratio", mark.drawdown, record.book)
    series.set("equity_unpriced", Decimal(len(mark.unpriced)), record.book)
    series.clear("cash", record.book)
    for currency, amount in mark.cash_by_currency.items():
        series.set("cash", amount, record.book, currency)


def _limits(state: MetricsState, record: Recorded[LimitsSet]) -> None:
    state.enabled[record.book] = record.event.trading_enabled
    state.series.clear("risk_limit", record.book)
    state.series.clear("order_notional_max", record.book)
    for name in record.event.__struct_fields__:
        limit = getattr(record.event, name)
        if isinstance(limit, Decimal) or type(limit) is int:
            state.series.set("risk_limit", canonical(Decimal(limit)), record.book, name)
    if record.event.order_notional_max is not None:
        state.series.set("order_notional_max", record.event.order_notional_max, record.book)


def _halt_requested(state: MetricsState, record: Recorded[governance.HaltRequested]) -> None:
    _halt(state, record, record.event.scope, "operator")


def _halt_imposed(state: MetricsState, record: Recorded[governance.HaltImposed]) -> None:
    _halt(state, record, record.event.scope, record.event.rule)


def _damaged(state: MetricsState, record: Recorded[governance.LogDamaged]) -> None:
    _halt(state, record, "all", "log_damaged")


def _halt(state: MetricsState, record: Recorded[Any], scope: str, rule: str) -> None:
    state.series.count("halts_total", record.book, scope, rule)
    impose(state.halts.setdefault(record.book, {}), record)


def _resumed(state: MetricsState, record: Recorded[governance.ResumeRequested]) -> None:
    state.halts[record.book] = {}


def _operator(state: MetricsState, record: Recorded[governance.OperatorRefused]) -> None:
    state.series.count("operator_refusals_total", record.book, record.event.rule)


def _clock(state: MetricsState, record: Recorded[clock.ClockStepRefused]) -> None:
    state.series.count("clock_steps_refused_total", record.source, record.event.rule)


def _reset_time(state: MetricsState, record: Recorded[clock.ClockReset]) -> None:
    dedup.recall(state.trades)
    for halts in state.halts.values():
        reset_time(halts, record.at)


def _sealed(state: MetricsState, record: Recorded[archive.RangeSealed]) -> None:
    state.series.set("archive_sealed_sequence", Decimal(record.event.last))


_FOLDS: dict[type[Event], Callable[[MetricsState, Recorded[Any]], None]] = {
    market.BarClosed: _bar,
    market.QuoteUpdated: _quote,
    market.TradePrinted: _trade,
    market.MarkUpdated: _mark,
    signals.SignalRaised: _raised,
    signals.CancelRaised: _raised,
    signals.ReplaceRaised: _raised,
    signals.SignalRefused: _refused,
    signals.MessagesRefused: _messages_refused,
    orders.OrderApproved: _approved,
    orders.OrderUnroutable: _unroutable,
    orders.OrderSubmitting: _submitting,
    orders.OrderFilled: _filled,
    orders.OrderRejected: _rejected,
    orders.OrderCancelled: _cancelled,
    orders.OrderExpired: _expired,
    orders.OrderAccepted: _accepted,
    orders.OrderUnknown: _unknown,
    orders.OrderOverdue: _overdue,
    orders.OrderCancelling: _cancelling,
    venues.VenueRequestSending: _sending,
    venues.VenueRequestUnanswered: _unanswered,
    venues.VenueReportRefused: _unbelievable,
    venues.VenueForeignTradeReported: _foreign,
    venues.VenueReconciled: _reconciled,
    venues.VenueConnectionChanged: _connection,
    orders.OrderReplaced: _replaced,
    orders.CancelMissed: _missed,
    views.ViewDiffered: _differed,
    views.ViewRebuilt: _rebuilt,
    orders.BracketClosed: _bracket,
    portfolio.PositionChanged: _position,
    portfolio.FeeCharged: _fee,
    portfolio.EquityMarked: _equity,
    LimitsSet: _limits,
    governance.HaltRequested: _halt_requested,
    governance.HaltImposed: _halt_imposed,
    governance.LogDamaged: _damaged,
    governance.ResumeRequested: _resumed,
    governance.OperatorRefused: _operator,
    clock.ClockStepRefused: _clock,
    clock.ClockReset: _reset_time,
    archive.RangeSealed: _sealed,
}
