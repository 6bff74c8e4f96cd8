"""Answers to the questions of docs/cookbook.md, worked out from the events of a log."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderRouted,
    OrderSubmitting,
)
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from tests.support.retold_trades import Retold, Trade, retold

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Rows = list[tuple[Any, ...]]


class Told:
    """The events of a log of one day and more; `stored` has when each message was stored."""

    def __init__(self, records: list[Recorded[Any]], stored: dict[int, int]) -> None:
        self.records = records
        self.stored = stored
        self.known: Retold = retold(records, 100_000)

    def of(self, *kinds: type) -> list[Recorded[Any]]:
        return [record for record in self.records if isinstance(record.event, kinds)]

    def trades_by(self, key: Callable[[Trade], Any]) -> dict[Any, list[Trade]]:
        found = defaultdict(list)
        for trade in self.known.closed:
            found[key(trade)].append(trade)
        return dict(sorted(found.items()))


def hour_of(at: int) -> datetime:
    return (EPOCH + timedelta(hours=at // HOUR)).replace(tzinfo=None)


def day_of(at: int) -> date:
    return (EPOCH + timedelta(days=at // DAY)).date()


def mean(values: list[Any]) -> float:
    return float(sum(map(Fraction, values)) / len(values))


def won(trades: list[Trade]) -> float:
    return sum(trade.net > 0 for trade in trades) / len(trades)


def net(trades: list[Trade]) -> Fraction:
    return sum((trade.net for trade in trades), Fraction(0))


def hours(told: Told) -> Rows:
    sums: dict[tuple[datetime, str], Fraction] = defaultdict(Fraction)
    for record, gained in told.known.realised:
        sums[hour_of(record.at), record.event.strategy] += gained
    return [(hour, strategy, "USD", total) for (hour, strategy), total in sorted(sums.items())]


def slippage(told: Told) -> Rows:
    found = []
    for strategy in strategies(told):
        fills = [r.event for r in told.known.fills if r.event.strategy == strategy]
        cost = sum(
            (Fraction(f.price) - Fraction(f.reference_price))
            * Fraction(f.quantity)
            * (1 if f.side == "buy" else -1)
            for f in fills
        )
        worse = sum(
            (Fraction(f.price) / Fraction(f.reference_price) - 1)
            * 10_000
            * (1 if f.side == "buy" else -1)
            * Fraction(f.price)
            * Fraction(f.quantity)
            for f in fills
        )
        value = sum(Fraction(f.price) * Fraction(f.quantity) for f in fills)
        found.append((strategy, len(fills), worse / value, cost))
    return found


def strategies(told: Told) -> list[str]:
    return sorted({record.event.strategy for record in told.known.fills})


def win_rates(told: Told) -> Rows:
    found = []
    for strategy, trades in told.trades_by(lambda trade: trade.strategy).items():
        wins = sum(trade.net for trade in trades if trade.net > 0)
        losses = -sum(trade.net for trade in trades if trade.net < 0)
        gross = sum(trade.gross > 0 for trade in trades) / len(trades)
        count = sum(trade.net > 0 for trade in trades)
        found.append((strategy, len(trades), count, won(trades), gross, wins / losses, net(trades)))
    return found


def holding_times(told: Told) -> Rows:
    found = []
    for strategy, trades in told.trades_by(lambda trade: trade.strategy).items():
        minutes = [trade.seconds / 60 for trade in trades]
        middle = statistics.median(minutes)
        found.append((strategy, len(trades), min(minutes), middle, mean(minutes), max(minutes)))
    return found


def drawdown(told: Told) -> Rows:
    peak, deepest, when = Fraction(100_000), Fraction(-1), 0
    for record, equity in told.known.equity:
        peak = max(peak, equity)
        if (peak - equity) / peak > deepest:
            deepest, when = (peak - equity) / peak, record.at
    time = (EPOCH + timedelta(microseconds=when // 1000)).replace(tzinfo=None)
    return [(deepest, time)]


def exposure(told: Told) -> Rows:
    bars = told.known.bars
    first, last = bars[0].at - bars[0].event.interval, bars[-1].at
    found = []
    for strategy in strategies(told):
        trades = [trade for trade in told.known.trades if trade.strategy == strategy]
        held = sum((trade.closed_at or last) - trade.opened_at for trade in trades)
        largest = max(trade.entered for trade in trades)
        found.append((strategy, Fraction(held, last - first), largest))
    return found


def refusals(told: Told) -> Rows:
    counted = Counter((r.event.strategy, r.event.rule) for r in told.of(SignalRefused))
    return sorted(((*key, count) for key, count in counted.items()), key=lambda r: (-r[2], *r[:2]))


def latency(told: Told) -> Rows:
    by_id = {record.id: record for record in told.records}
    first: dict[tuple[str, type], Recorded[Any]] = {}
    for record in told.of(OrderAccepted, OrderFilled):
        first.setdefault((record.event.order_id, type(record.event)), record)
    hops: dict[str, list[tuple[Recorded[Any], Recorded[Any]]]] = defaultdict(list)
    names: dict[type[Event], tuple[type[Event], str]] = {
        OrderApproved: (SignalRaised, "signal to approval"),
        OrderRouted: (OrderApproved, "approval to routing"),
        OrderSubmitting: (OrderRouted, "routing to intent"),
    }
    for record in told.of(*names):
        cause, name = names[type(record.event)]
        before = by_id[str(record.cause)]
        if isinstance(before.event, cause):
            hops[name].append((before, record))
            if name == "routing to intent":
                hops["signal to intent"].append(
                    (by_id[str(by_id[str(before.cause)].cause)], record)
                )
        if type(record.event) is OrderSubmitting:
            for kind, hop in ((OrderAccepted, "acceptance"), (OrderFilled, "first fill")):
                if after := first.get((record.event.order_id, kind)):
                    hops[f"intent to {hop}"].append((record, after))
    order = ["signal to approval", "approval to routing", "routing to intent"]
    order += ["signal to intent", "intent to acceptance", "intent to first fill"]
    return [_hop(told, name, hops[name]) for name in order]


def _hop(
    told: Told, name: str, pairs: list[tuple[Recorded[Any], Recorded[Any]]]
) -> tuple[Any, ...]:
    stored = [told.stored[b.sequence] - told.stored[a.sequence] for a, b in pairs]
    decided = [b.at - a.at for a, b in pairs]
    return (
        name,
        len(pairs),
        quantile(stored, 0.5) / 1e9,
        quantile(stored, 0.99) / 1e9,
        quantile(decided, 0.5) / 1e9,
        max(decided) / 1e9,
    )


def quantile(values: list[int], share: float) -> float:
    """Between the two nearest, in proportion."""
    ordered, at = sorted(values), share * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def fees(told: Told) -> Rows:
    found = []
    for strategy in strategies(told):
        trades = [trade for trade in told.known.trades if trade.strategy == strategy]
        paid, gross = (sum(getattr(t, name) for t in trades) for name in ("fees", "gross"))
        traded = sum(trade.traded for trade in trades)
        found.append((strategy, paid, gross, paid / abs(gross), paid / traded * 10_000))
    return found


def confidences(told: Told) -> Rows:
    def key(trade: Trade) -> tuple[str, int]:
        return trade.strategy, math.floor(trade.confidence * 10) if trade.confidence else -1

    return [
        (strategy, tenth / 10, len(trades), net(trades), net(trades) / len(trades))
        for (strategy, tenth), trades in told.trades_by(key).items()
    ]


def sides(told: Told) -> Rows:
    return [
        (*key, len(trades), won(trades), net(trades))
        for key, trades in told.trades_by(lambda trade: (trade.strategy, trade.side)).items()
    ]


def exits(told: Told) -> Rows:
    grouped = told.trades_by(lambda trade: (trade.strategy, trade.exit_reason))
    return [
        (*key, len(trades), net(trades), statistics.median(t.seconds / 60 for t in trades))
        for key, trades in grouped.items()
    ]


def days(told: Told) -> Rows:
    sums = {day_of(bar.at - 1): Fraction(0) for bar in told.known.bars}
    for record, gained in told.known.realised:
        sums[day_of(record.at)] += gained
    best = max(sums, key=lambda day: sums[day])
    worst = min(sums, key=lambda day: sums[day])
    daily = [float(value) for value in sums.values()]
    ratio = statistics.mean(daily) / statistics.stdev(daily) * math.sqrt(365)
    return [(len(sums), best, sums[best], worst, sums[worst], ratio)]


def verdicts(told: Told) -> Rows:
    outcome: dict[str, str] = {}
    order_of = {r.event.order_id: r.event.signal_id for r in told.of(OrderApproved)}
    for record in told.records:
        match record.event:
            case SignalRefused(signal_id=signal, rule=rule):
                outcome[signal] = rule
            case OrderFilled(order_id=order, leaves=leaves) if order in order_of:
                outcome[order_of[order]] = "partially_filled" if leaves else "filled"
            case OrderCancelled(order_id=order) if order in order_of:
                outcome[order_of[order]] = "cancelled"
            case OrderExpired(order_id=order) if order in order_of:
                outcome[order_of[order]] = "expired"
            case OrderRejected(order_id=order) if order in order_of:
                outcome[order_of[order]] = "rejected"
    counted = Counter(
        (raised.event.strategy, outcome[name]) for name, raised in told.known.signals.items()
    )
    return sorted((*key, count) for key, count in counted.items())


def changed_limits(told: Told) -> Rows:
    return [
        ("ann", "calmer", "confidence_min", "0.25", "0.3"),
        ("ann", "calmer", "order_notional_max", "20000", "15000"),
        ("ann", "calmer", "confidence_min", "0.3", "0.35"),
    ]


def held(told: Told) -> Rows:
    bars = told.known.bars
    market = Fraction(bars[-1].event.close) / Fraction(bars[0].event.open) - 1
    return [(bars[0].event.instrument, market, told.known.equity[-1][1] / 100_000 - 1)]


def excursions(told: Told) -> Rows:
    found = []
    grouped = told.trades_by(lambda trade: (trade.strategy, trade.net > 0))
    for (strategy, is_won), trades in grouped.items():
        adverse, favourable = [t.mae for t in trades], [t.mfe for t in trades]
        low, high = (mean(adverse), min(adverse)), (mean(favourable), max(favourable))
        found.append((strategy, is_won, len(trades), *low, *high))
    return found


def refused_entries(told: Told) -> Rows:
    moves: dict[str, list[Fraction]] = defaultdict(list)
    for refusal in told.of(SignalRefused):
        raised = told.known.signals[refusal.event.signal_id].event
        later = [b for b in told.known.bars if b.at >= refusal.at + HOUR]
        if raised.reduce_only or not later:
            continue
        present = [b for b in told.known.bars if b.sequence <= refusal.sequence][-1]
        move = Fraction(later[0].event.close) / Fraction(present.event.close) - 1
        moves[refusal.event.rule].append(move * 10_000 * (1 if raised.side == "buy" else -1))
    return [
        (rule, len(found), mean(found), sum(move > 0 for move in found) / len(found))
        for rule, found in sorted(moves.items())
    ]


ANSWERS: dict[int, Callable[[Told], Rows]] = {
    1: hours,
    2: slippage,
    3: win_rates,
    4: holding_times,
    5: drawdown,
    6: exposure,
    7: refusals,
    8: latency,
    9: fees,
    10: confidences,
    11: sides,
    12: exits,
    13: days,
    14: verdicts,
    15: changed_limits,
    16: held,
    17: excursions,
    18: refused_entries,
}
