"""Inputs of producers and operators while the tape plays; they depend on the seed alone.

Producers send signals, cancel, replace, repeat themselves and send garbage; operators set limits,
halt, flatten and resume. Each input is published once, after a row of the tape, in order.
"""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import NANOSECONDS, Event
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltRequested,
    ResumeRequested,
    StrategyConfigured,
)
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes.tape import BarRow, Tape
from deadreckon.runtime.server.rights import OPERATORS_DOOR, OWN_PRODUCER
from deadreckon.strategies.loading import stamped

ACTOR = "crashtest"
OPERATOR_NAME = OPERATORS_DOOR  # the stack knows these two by itself, with rights of their own
PRODUCER = OWN_PRODUCER
SIGNAL_EVERY = 2  # rows between two messages of the producer, on average
FACT_EVERY = 20  # rows between two facts of the operator, on average
HALTED_FOR = 4  # rows that a halt lasts, on average
TICK = Decimal("0.01")


class ScriptedInput(Struct, frozen=True):
    """Inbound message, sent once `row` rows of the tape are settled. Payloads never repeat."""

    row: int
    subject: str
    payload: bytes


def make_inputs(tape: Tape, book: str, seed: int) -> list[ScriptedInput]:
    """Return every cue of a tape of bars, in order."""
    dice = random.Random(f"script|{seed}")
    author = _Author(dice, tape.header.instrument)
    facts, signals = operator_subject(book, OPERATOR_NAME), producer_subject(book, PRODUCER)
    cues = [
        ScriptedInput(0, facts, author.fact(event))
        for event in map(_with_code, opening(tape.header.instrument))
    ]
    for number, row in enumerate(tape.rows(), 1):
        assert isinstance(row, BarRow)
        if dice.randrange(HALTED_FOR if author.halted else FACT_EVERY) == 0:
            cues.append(ScriptedInput(number, facts, author.decree()))
        elif dice.randrange(SIGNAL_EVERY) == 0:
            cues.append(ScriptedInput(number, signals, author.message(row)))
    return cues


def _with_code(event: Event) -> Event:
    return stamped(event) if isinstance(event, StrategyConfigured) else event


def opening(instrument: str) -> Iterator[Event]:
    """Yield wide limits and hasty strategies, so that every service has much to do."""
    yield limits(Decimal(400))
    yield StrategyConfigured(
        strategy="hasty",
        kind="moving_average_cross",
        instrument=instrument,
        enabled=True,
        notional=Decimal(3_000),
        parameters={
            "fast": "2",
            "slow": "5",
            "cooldown_seconds": "180",
            "stop_loss_bps": "12",
            "take_profit_bps": "15",
        },
        actor=ACTOR,
        reason="crash test",
    )
    yield StrategyConfigured(
        strategy="moody",
        kind="hmm_regime",
        instrument=instrument,
        enabled=True,
        notional=Decimal(2_000),
        parameters={
            "states": "2",
            "window": "100",
            "refit_every": "60",
            "seeds": "1",
            "iterations": "5",
            "cooldown_seconds": "300",
        },
        actor=ACTOR,
        reason="crash test",
    )


def limits(daily_loss: Decimal) -> LimitsSet:
    """Return limits that are met now and then: counters, peaks and cooldowns move all the time."""
    return LimitsSet(
        actor=ACTOR,
        reason="crash test",
        order_notional_min=Decimal(50),
        order_notional_max=Decimal(9_000),
        exposure_instrument_max=Decimal(15_000),
        exposure_gross_max=Decimal(40_000),
        leverage_max=Decimal(2),
        drawdown_max=Decimal("0.02"),
        daily_loss_max=daily_loss,
        breaker_cooldown=600 * NANOSECONDS,
        order_gap_min=0,
        entries_per_minute=4,
        price_age_max=3600 * NANOSECONDS,
        confidence_min=Decimal("0.1"),
        quarantine_stops=4,
        quarantine_window=3600 * NANOSECONDS,
        quarantine_for=900 * NANOSECONDS,
        slippage_bps_max=Decimal(50),
        heat_max=Decimal("0.05"),
    )


class _Author:
    """Inventor of messages; remembers its signals, to cancel, change and repeat them."""

    def __init__(self, dice: random.Random, instrument: str) -> None:
        self._dice = dice
        self._instrument = instrument
        self._number = 0
        self._signals: list[dict[str, Any]] = []
        self.halted = False

    def fact(self, event: Event) -> bytes:
        """Encode an operator's fact with an id of its own."""
        self._number += 1
        return write_fact(f"cue-{self._number}", NAMES[type(event)], event)

    def decree(self) -> bytes:
        """Return a message of the operator, now and then one that cannot be parsed."""
        if not self.halted and self._dice.randrange(7) == 0:
            self._number += 1
            return b"{" + b" " * self._number
        return self.fact(self._decree())

    def _decree(self) -> Event:
        """Choose an operator's event; a halt never lasts longer than to the next one."""
        who: dict[str, Any] = {"actor": ACTOR, "reason": f"decree {self._number}"}
        if self.halted:
            self.halted = False
            return ResumeRequested(**who, reset_counters=self._dice.random() < 0.3)
        match self._dice.randrange(6):
            case 0:
                self.halted = True
                return HaltRequested(**who, scope="all")
            case 1:
                self.halted = True
                return HaltRequested(**who, scope="close_only")
            case 2:
                return FlattenRequested(**who)
            case 3:
                return limits(Decimal(self._dice.randrange(50, 600)))
            case 4:
                return CashDeposited("USDT", Decimal(self._dice.randrange(1, 500)), **who)
            case _:
                return ResumeRequested(**who)

    def message(self, row: BarRow) -> bytes:
        """Return one message of the producer; trailing spaces tell repeated ones apart."""
        match self._dice.randrange(12):
            case 0 | 1 if self._signals:
                content: Any = self._about("cancel", row)
            case 2 if self._signals:
                content = self._about("replace", row)
            case 3 if self._signals:
                content = self._dice.choice(self._signals[-20:])
            case 4:
                content = {"id": self._name(), "strategy": "ext", "quantity": 1}
            case 5:
                content = [self._signal(row) for _ in range(3)]
            case _:
                content = self._signal(row)
        self._number += 1
        return json.dumps(content).encode() + b" " * self._number

    def _name(self) -> str:
        self._number += 1
        return f"signal-{self._number}"

    def _about(self, what: str, row: BarRow) -> dict[str, Any]:
        target = self._dice.choice(self._signals[-6:])
        content = {
            "id": self._name(),
            "strategy": target["strategy"],
            "at": format_timestamp(row.at),
            "instrument": self._instrument,
            what: target["id"],
        }
        if what == "replace":
            content["quantity"] = str(self._size())
        return content

    def _size(self) -> Decimal:
        return Decimal(self._dice.randrange(5, 60)).scaleb(-3)

    def _signal(self, row: BarRow) -> dict[str, Any]:
        dice, close = self._dice, row.close
        side = dice.choice(["buy", "sell"])
        sign = 1 if side == "buy" else -1
        signal: dict[str, Any] = {
            "id": self._name(),
            "strategy": dice.choice(["ext", "ext", "other"]),
            "at": format_timestamp(row.at),
            "instrument": self._instrument,
            "side": side,
            "quantity": str(self._size()),
            "confidence": str(Decimal(dice.randrange(5, 100)).scaleb(-2)),
        }
        if dice.randrange(2):
            signal["order_type"] = "limit"
            signal["limit_price"] = _price(close, -sign * dice.randrange(0, 8))
        if dice.randrange(3):
            signal["stop_loss"] = _price(close, -sign * dice.randrange(10, 30))
        if dice.randrange(3):
            signal["take_profit"] = _price(close, sign * dice.randrange(5, 25))
        if dice.randrange(4) == 0:
            signal["ttl_seconds"] = dice.randrange(60, 600)
        self._signals.append(signal)
        return signal


def _price(close: Decimal, basis_points: int) -> str:
    """Format the close moved by so many basis points, on the tick."""
    return str((close * (10_000 + basis_points) / 10_000).quantize(TICK))
