"""Trades, equity and signals worked out from the events of a log alone, in exact fractions.

It shares no code with the projections: fills move positions here by their own prices.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting
from deadreckon.contracts.signals import SignalRaised


@dataclass
class Trade:
    strategy: str
    side: str
    opened_at: int
    entry: OrderSubmitting
    confidence: Fraction | None
    sign: int
    closed_at: int | None = None
    exit_reason: str = ""
    held: Fraction = Fraction(0)
    flow: Fraction = Fraction(0)  # money in less money out, before fees
    traded: Fraction = Fraction(0)
    entered: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    mae: Fraction = Fraction(0)
    mfe: Fraction = Fraction(0)

    @property
    def gross(self) -> Fraction:
        return self.flow

    @property
    def net(self) -> Fraction:
        return self.flow - self.fees

    @property
    def seconds(self) -> Fraction:
        assert self.closed_at is not None
        return Fraction(self.closed_at - self.opened_at, 10**9)

    def see(self, price: Fraction) -> None:
        worth = self.flow + self.held * price
        self.mae, self.mfe = min(self.mae, worth), max(self.mfe, worth)


@dataclass
class Retold:
    """A log of one instrument whose contract is one unit, without funding and coin fees."""

    trades: list[Trade] = field(default_factory=list)
    equity: list[tuple[Recorded[Any], Fraction]] = field(default_factory=list)  # after each fill
    realised: list[tuple[Recorded[Any], Fraction]] = field(default_factory=list)  # net, each fill
    bars: list[Recorded[BarClosed]] = field(default_factory=list)
    fills: list[Recorded[OrderFilled]] = field(default_factory=list)
    intents: dict[str, OrderSubmitting] = field(default_factory=dict)
    signals: dict[str, Recorded[SignalRaised]] = field(default_factory=dict)

    @property
    def closed(self) -> list[Trade]:
        return [trade for trade in self.trades if trade.closed_at is not None]


def retold(records: Iterable[Recorded[Any]], deposited: int) -> Retold:
    """Work a log through, one event after the other."""
    found, held = Retold(), dict[str, Trade]()
    for record in records:
        match record.event:
            case SignalRaised(signal_id=name):
                found.signals.setdefault(name, record)
            case OrderSubmitting(order_id=order) as intent:
                found.intents[order] = intent
            case BarClosed() as bar:
                found.bars.append(record)
                for trade in held.values():
                    trade.see(Fraction(bar.high))
                    trade.see(Fraction(bar.low))
            case OrderFilled():
                found.fills.append(record)
                _fill(found, held, record)
                close = Fraction(found.bars[-1].event.close)
                worth = sum((trade.net for trade in found.trades), Fraction(deposited))
                worth += sum((trade.held * close for trade in held.values()), Fraction(0))
                found.equity.append((record, worth))
    return found


def _fill(found: Retold, held: dict[str, Trade], record: Recorded[OrderFilled]) -> None:
    fill, intent = record.event, found.intents[record.event.order_id]
    sign = 1 if fill.side == "buy" else -1
    quantity, price, fee = Fraction(fill.quantity), Fraction(fill.price), Fraction(fill.fee)
    gained = -fee
    trade = held.get(fill.strategy)
    if trade is not None and trade.sign != sign:
        part = min(quantity, abs(trade.held))
        share = fee * part / quantity
        gained += (price - _average(trade)) * part * trade.sign
        _move(trade, sign * part, price, share)
        quantity, fee = quantity - part, fee - share
        if not trade.held:
            trade.closed_at, trade.exit_reason = record.at, _reason(intent)
            del held[fill.strategy]
        trade = None
    if quantity:
        if trade is None:
            signal = found.signals.get(intent.signal_id)
            confidence = signal.event.confidence if signal else None
            side = "long" if sign > 0 else "short"
            trade = Trade(
                fill.strategy,
                side,
                record.at,
                intent,
                None if confidence is None else Fraction(confidence),
                sign,
            )
            held[fill.strategy] = trade
            found.trades.append(trade)
        trade.entered += quantity * price
        _move(trade, sign * quantity, price, fee)
    found.realised.append((record, gained))


def _average(trade: Trade) -> Fraction:
    """What was paid for each unit that is held, as long as nothing was taken off before."""
    return abs(trade.flow / trade.held)


def _move(trade: Trade, signed: Fraction, price: Fraction, fee: Fraction) -> None:
    trade.held += signed
    trade.flow -= signed * price
    trade.traded += abs(signed) * price
    trade.fees += fee
    trade.see(price)


def _reason(intent: OrderSubmitting) -> str:
    if intent.purpose != "entry":
        return intent.purpose
    return "exit" if intent.reduce_only else "reversal"
