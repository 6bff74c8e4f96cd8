"""The metrics as a pure fold of the log: a restart or a rebuild gives the same figures."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts import (
    archive,
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
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.timestamps import DAY
from deadreckon.projections.metrics.series import Series

REMEMBERED = 7 * DAY  # of trade ids, as everywhere
_TWO = Decimal(2)
_BASIS_POINTS = Decimal(10_000)


class Halt(Struct):
    """A halt in force: its scope, and when it lifts by itself (nanoseconds UTC)."""

    scope: str
    until: int | None


class State(Struct):
    """The series, and what they need to be told apart: open orders, halts, trade ids."""

    series: Series = field(default_factory=Series)
    at: int = 0
    halts: dict[str, list[Halt]] = field(default_factory=dict)  # by book
    enabled: dict[str, bool] = field(default_factory=dict)  # by book, as the limits say
    intended: dict[str, int | None] = field(default_factory=dict)  # open order: intent, till a fill
    open: dict[str, int] = field(default_factory=dict)  # by book: how many of them
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)  # by book: order and intent
    trades: dict[str, int] = field(default_factory=dict)  # book, venue and trade id: when told


def initial() -> State:
    """No figures at all."""
    return State()


def evolve(state: State, said: Recorded[Any]) -> State:
    """The figures after an event."""
    shape = type(said.event)
    state.at = max(state.at, said.at)
    name = NAMES.get(shape)
    if name is not None:  # what is never written is not counted
        state.series.count("log_events_total", name)
    fold = _FOLDS.get(shape)
    if fold is not None:
        fold(state, said)
    return state


def settled(state: State, sequence: int) -> Series:
    """The series as a reader shall see them at `sequence`, with what depends on the time added."""
    series = state.series
    for book in state.enabled.keys() | state.halts.keys():
        scopes = {halt.scope for halt in state.halts.get(book, []) if _holds(halt, state.at)}
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


def _holds(halt: Halt, now: int) -> bool:
    return halt.until is None or now < halt.until


def _bar(state: State, said: Recorded[market.BarClosed]) -> None:
    _market(state, said, "bar", said.event.close)


def _quote(state: State, said: Recorded[market.QuoteUpdated]) -> None:
    middle = EXACT.divide(EXACT.add(said.event.bid, said.event.ask), _TWO)
    _market(state, said, "quote", middle)


def _trade(state: State, said: Recorded[market.TradePrinted]) -> None:
    _market(state, said, "trade", said.event.price)


def _mark(state: State, said: Recorded[market.MarkUpdated]) -> None:
    _market(state, said, "mark", said.event.price)


def _market(state: State, said: Recorded[Any], kind: str, price: Decimal) -> None:
    state.series.count("market_data_events_total", said.source, kind)
    state.series.set("mark_price", price, said.event.instrument)


def _wish(state: State, said: Recorded[Any]) -> None:
    state.series.count("strategy_signals_total", said.book, said.event.strategy)


def _refused(state: State, said: Recorded[signals.SignalRefused]) -> None:
    state.series.count("signals_refused_total", said.book, said.event.rule)


def _approved(state: State, said: Recorded[orders.OrderApproved]) -> None:
    state.series.count("orders_approved_total", said.book)


def _unroutable(state: State, said: Recorded[orders.OrderUnroutable]) -> None:
    state.series.count("orders_unroutable_total", said.book, said.event.rule)


def _submitting(state: State, said: Recorded[orders.OrderSubmitting]) -> None:
    state.series.count("orders_submitted_total", said.book, said.event.venue)
    if said.event.order_id not in state.intended:
        state.open[said.book] = state.open.get(said.book, 0) + 1
    state.intended[said.event.order_id] = said.at


def _accepted(state: State, said: Recorded[orders.OrderAccepted]) -> None:
    _known(state, said)


def _known(state: State, said: Recorded[Any]) -> None:
    """The venue has spoken of an order."""
    if said.book in state.unknown:
        state.unknown[said.book].pop(said.event.order_id, None)


def _filled(state: State, said: Recorded[orders.OrderFilled]) -> None:
    fill = said.event
    if _told_before(state, said):
        return
    _known(state, said)
    state.series.count("fills_total", said.book, fill.strategy, fill.instrument)
    state.series.add("fees_paid", fill.fee, said.book, fill.fee_currency)
    if fill.reference_price:
        slip = EXACT.subtract(fill.price, fill.reference_price)
        worse = slip if fill.side == "buy" else EXACT.minus(slip)
        bps = ratio(EXACT.multiply(worse, _BASIS_POINTS), fill.reference_price, 6)
        state.series.observe("exec_slippage_bps", bps, said.book, fill.venue, fill.instrument)
    intended = state.intended.get(fill.order_id)
    if intended is not None:
        waited = EXACT.divide(Decimal(said.at - intended), Decimal(NANOSECONDS))
        state.series.observe("fill_latency_seconds", waited, said.book, fill.venue)
        state.intended[fill.order_id] = None  # only the first fill is timed
    if not fill.leaves:
        state.series.count("orders_filled_total", said.book)
        _ended(state, said)


def _told_before(state: State, said: Recorded[orders.OrderFilled]) -> bool:
    trade = f"{said.book}\x1f{said.event.venue}\x1f{said.event.trade_id}"
    if trade in state.trades:
        return True
    state.trades[trade] = said.at
    while state.trades[oldest := next(iter(state.trades))] < said.at - REMEMBERED:
        del state.trades[oldest]
    return False


def _rejected(state: State, said: Recorded[orders.OrderRejected]) -> None:
    state.series.count("orders_rejected_total", said.book, said.event.rule)
    _ended(state, said)


def _cancelled(state: State, said: Recorded[orders.OrderCancelled]) -> None:
    state.series.count("orders_canceled_total", said.book, said.event.rule)
    _ended(state, said)


def _expired(state: State, said: Recorded[orders.OrderExpired]) -> None:
    state.series.count("orders_expired_total", said.book)
    _ended(state, said)


def _ended(state: State, said: Recorded[Any]) -> None:
    _known(state, said)
    if said.event.order_id in state.intended:
        del state.intended[said.event.order_id]
        state.open[said.book] -= 1


def _unknown(state: State, said: Recorded[orders.OrderUnknown]) -> None:
    state.series.count("orders_unknown_total", said.book)
    state.unknown.setdefault(said.book, {})[said.event.order_id] = said.event.since


def _overdue(state: State, said: Recorded[orders.OrderOverdue]) -> None:
    state.series.count("orders_overdue_total", said.book)


def _cancelling(state: State, said: Recorded[orders.OrderCancelling]) -> None:
    state.series.count("orders_cancelling_total", said.book, said.event.rule)


def _sending(state: State, said: Recorded[venues.VenueRequestSending]) -> None:
    state.series.count("venue_requests_total", said.book, said.event.venue, said.event.request)


def _unanswered(state: State, said: Recorded[venues.VenueRequestUnanswered]) -> None:
    lost = said.event
    state.series.count("venue_requests_unanswered_total", said.book, lost.venue, lost.request)


def _unbelievable(state: State, said: Recorded[venues.VenueReportRefused]) -> None:
    no = said.event
    state.series.count("venue_reports_refused_total", said.book, no.venue, no.rule)


def _reconciled(state: State, said: Recorded[venues.VenueReconciled]) -> None:
    strangers = Decimal(len(said.event.strangers))
    state.series.set("venue_strangers", strangers, said.book, said.event.venue)


def _connection(state: State, said: Recorded[venues.VenueConnectionChanged]) -> None:
    connected = Decimal(int(said.event.connected))
    state.series.set("venue_connected", connected, said.book, said.event.venue)


def _replaced(state: State, said: Recorded[orders.OrderReplaced]) -> None:
    state.series.count("orders_replaced_total", said.book)


def _missed(state: State, said: Recorded[orders.CancelMissed]) -> None:
    state.series.count("cancels_missed_total", said.book)


def _differed(state: State, said: Recorded[views.ViewDiffered]) -> None:
    state.series.count("views_differed_total", said.event.view)


def _rebuilt(state: State, said: Recorded[views.ViewRebuilt]) -> None:
    state.series.count("views_rebuilt_total", said.event.view)


def _bracket(state: State, said: Recorded[orders.BracketClosed]) -> None:
    state.series.count("brackets_closed_total", said.book, said.event.outcome)


def _position(state: State, said: Recorded[portfolio.PositionChanged]) -> None:
    held = said.event
    where = (said.book, held.strategy, held.venue, held.instrument)
    state.series.set("position_quantity", held.quantity, *where)
    state.series.set("entry_price", held.average_price, *where)
    state.series.set("pnl_realized", held.realised, *where, held.currency)
    state.series.set("funding_received", held.funding, *where, held.currency)


def _fee(state: State, said: Recorded[portfolio.FeeCharged]) -> None:
    state.series.add("fees_paid", said.event.amount, said.book, said.event.currency)


def _equity(state: State, said: Recorded[portfolio.EquityMarked]) -> None:
    mark, series = said.event, state.series
    for metric, amount in (
        ("equity", mark.equity),
        ("equity_peak", mark.peak),
        ("pnl_unrealized", mark.unrealised),
        ("market_value", mark.holdings),
        ("exposure_gross", mark.exposure_gross),
        ("exposure_net", mark.exposure_net),
    ):
        series.set(metric, amount, said.book, mark.currency)
    series.set("drawdown_ratio", mark.drawdown, said.book)
    series.set("equity_unpriced", Decimal(len(mark.unpriced)), said.book)
    series.clear("cash", said.book)
    for currency, amount in mark.cash_by_currency.items():
        series.set("cash", amount, said.book, currency)


def _limits(state: State, said: Recorded[governance.LimitsSet]) -> None:
    state.enabled[said.book] = said.event.trading_enabled
    state.series.clear("risk_limit", said.book)
    state.series.clear("order_notional_max", said.book)
    for name in said.event.__struct_fields__:
        limit = getattr(said.event, name)
        if isinstance(limit, Decimal) or type(limit) is int:
            state.series.set("risk_limit", canonical(Decimal(limit)), said.book, name)
    if said.event.order_notional_max is not None:
        state.series.set("order_notional_max", said.event.order_notional_max, said.book)


def _halt_requested(state: State, said: Recorded[governance.HaltRequested]) -> None:
    _halt(state, said, "operator", None)


def _halt_imposed(state: State, said: Recorded[governance.HaltImposed]) -> None:
    _halt(state, said, said.event.rule, said.event.until)


def _halt(state: State, said: Recorded[Any], rule: str, until: int | None) -> None:
    state.series.count("halts_total", said.book, said.event.scope, rule)
    _in_force(state, said, Halt(said.event.scope, until))


def _damaged(state: State, said: Recorded[governance.LogDamaged]) -> None:
    state.series.count("halts_total", said.book, "all", "log_damaged")
    _in_force(state, said, Halt("all", None))


def _in_force(state: State, said: Recorded[Any], halt: Halt) -> None:
    others = [o for o in state.halts.get(said.book, []) if o != halt and _holds(o, said.at)]
    state.halts[said.book] = [*others, halt]


def _resumed(state: State, said: Recorded[governance.ResumeRequested]) -> None:
    state.halts[said.book] = []


def _operator(state: State, said: Recorded[governance.OperatorRefused]) -> None:
    state.series.count("operator_refusals_total", said.book, said.event.rule)


def _sealed(state: State, said: Recorded[archive.RangeSealed]) -> None:
    state.series.set("archive_sealed_sequence", Decimal(said.event.last))


_FOLDS: dict[type[Event], Callable[[State, Recorded[Any]], None]] = {
    market.BarClosed: _bar,
    market.QuoteUpdated: _quote,
    market.TradePrinted: _trade,
    market.MarkUpdated: _mark,
    signals.SignalRaised: _wish,
    signals.CancelRaised: _wish,
    signals.ReplaceRaised: _wish,
    signals.SignalRefused: _refused,
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
    governance.LimitsSet: _limits,
    governance.HaltRequested: _halt_requested,
    governance.HaltImposed: _halt_imposed,
    governance.LogDamaged: _damaged,
    governance.ResumeRequested: _resumed,
    governance.OperatorRefused: _operator,
    archive.RangeSealed: _sealed,
}
