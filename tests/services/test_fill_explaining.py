"""Whatever is said of an open order in a market event is what the paper venue did with it."""

import asyncio
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import (
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderTriggered,
)
from deadreckon.replay.refold import Refold
from deadreckon.services.fill import decider
from deadreckon.services.fill.explaining import explain
from deadreckon.services.fill.state import State
from tests import sessions
from tests.sessions.player import Session, decoded
from tests.sessions.random_sessions import RandomScript

SCRIPTS = sorted(
    path.stem
    for path in (Path(sessions.__file__).parent / "scripts").glob("*.py")
    if path.stem != "__init__"
)
TRADED = (OrderFilled, OrderTriggered)
ENDED = (OrderExpired, OrderRejected, OrderCancelled)
WAITS = {"limit_not_reached", "stop_not_reached", "on_its_way", "no_volume", "at_its_venue"}


@pytest.mark.slow
def test_what_trades_meets_its_price_and_what_waits_does_not_trade() -> None:
    seen: Counter[str] = Counter()

    def look(state: State, record: Recorded[Any]) -> None:
        if isinstance(record.event, BarClosed | QuoteUpdated | TradePrinted):
            compare(state, record, seen)

    scripts = [(name, import_module(f"tests.sessions.scripts.{name}").SCRIPT) for name in SCRIPTS]
    chances = [(f"chance {seed}", RandomScript(seed).script()) for seed in range(15)]
    for name, script in [*scripts, *chances]:
        session = Session(name, script)
        asyncio.run(session.play())
        rehearsal = Refold("fill", decider, look)
        for message in decoded(session.log):
            rehearsal.take(message)
        rehearsal.end()
    assert seen.keys() >= {
        "meets_its_price",
        "limit_not_reached",
        "stop_not_reached",
        "at_its_venue",
        "ends_now",
    }


def compare(state: State, record: Recorded[Any], seen: Counter[str]) -> None:
    answers = decider.decide(state, record)
    traded = {event.order_id for event in answers if isinstance(event, TRADED)}
    ended = {event.order_id for event in answers if isinstance(event, ENDED)}
    for order in explain(state, record):
        seen[order.waiting] += 1
        if order.order_id in traded:
            assert order.waiting == "meets_its_price"
        if order.waiting in WAITS:
            assert order.order_id not in traded
        if order.waiting == "ends_now":
            assert order.order_id in ended
        if order.waiting in ("limit_not_reached", "stop_not_reached"):
            assert order.figures["missing"] >= 0
