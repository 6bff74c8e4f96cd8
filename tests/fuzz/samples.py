"""What was recorded of good input: the seeds of bad input, and meaning that may be changed."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS
from deadreckon.contracts.inbound import write_fact
from tests.contracts.samples import sample
from tests.fuzz.mutator import AMOUNTS, TIMES
from tests.stories import INSTRUMENT

GOLDEN = Path(__file__).parent.parent / "contracts" / "golden"
ENTRY = {  # as docs/examples/producer.py writes it
    "id": "ext-20260302T000100-0",
    "strategy": "ext",
    "instrument": INSTRUMENT,
    "side": "buy",
    "quantity": "0.01",
    "at": "2026-03-02T00:01:00Z",
}
TERMS: list[dict[str, Any]] = [
    {},
    {"order_type": "limit", "limit_price": "99.5"},
    {"order_type": "stop", "stop_price": "101"},
    {"order_type": "stop_limit", "stop_price": "101", "limit_price": "102"},
    {"order_type": "limit", "limit_price": "99", "post_only": True},
    {"time_in_force": "ioc"},
    {"time_in_force": "fok"},
    {"reduce_only": True},
    {"stop_loss": "90", "take_profit": "110"},
    {"ttl_seconds": 60, "confidence": "0.5", "meta": {"why": "because"}},
]


@cache
def doors(door: str) -> list[bytes]:
    """The recorded messages of a door, good and bad ones."""
    found = json.loads((GOLDEN / "doors.json").read_text("utf-8"))
    return [_sent(case) for case in found if case["door"] == door]


def _sent(case: dict[str, str]) -> bytes:
    return bytes.fromhex(case["sent_hex"]) if "sent_hex" in case else case["sent"].encode()


@cache
def signals() -> list[bytes]:
    """What producers send: every kind of order, a cancel, a replace, a batch."""
    orders = [ENTRY | more for more in TERMS]
    cancel = {"id": "c1", "strategy": "ext", "at": ENTRY["at"], "cancel": ENTRY["id"]}
    change = {"id": "r1", "strategy": "ext", "at": ENTRY["at"], "replace": ENTRY["id"]}
    made = [*orders, cancel, change | {"quantity": "0.02"}, orders[:4]]
    return [json.dumps(content).encode() for content in made] * 3 + doors("in")


@cache
def facts() -> list[bytes]:
    """What operators say: one fact of every type that they may."""
    made = [write_fact(f"f-{name}", name, sample(EVENTS[name])) for name in sorted(OPERATOR_EVENTS)]
    return made * 3 + doors("op")


def reports() -> list[Path]:
    """One stored event of every type, as services record them."""
    return sorted(GOLDEN.glob("*.v*.json"))


def varied(random: Random) -> Callable[[Any], Any]:
    """Changes what a signal means: its id, instrument, time, size or kind of order."""

    def vary(content: Any) -> Any:
        if isinstance(content, list):
            return [vary(item) for item in content] + [dict(ENTRY)]
        if not isinstance(content, dict):
            return content
        return content | random.choice(_meanings(random))

    return vary


def _meanings(random: Random) -> list[dict[str, Any]]:
    amount = random.choice([*AMOUNTS, *(str(Decimal(10) ** n) for n in range(-4, 6))])
    name = random.choice(["quantity", "notional", "limit_price", "stop_loss", "confidence"])
    fresh = {"id": f"v{random.randrange(10**6)}", "at": ENTRY["at"], "instrument": INSTRUMENT}
    return [
        {"id": f"v{random.randrange(50)}", "quantity": amount},
        {"instrument": random.choice(["NOPE.PAPER", "BTCUSDT", "BTCUSDT.NOPE", "btcusdt.paper"])},
        {"at": random.choice(TIMES)},
        fresh | {"side": random.choice(["buy", "sell"]), "quantity": amount, "notional": None},
        fresh | random.choice(TERMS),
        fresh | {name: amount},
        fresh | {"strategy": random.choice(["ext", "two", "nobody"]), "quantity": "0.5"},
        {"id": f"v{random.randrange(10**6)}", "cancel": f"sound-{random.randrange(200)}"},
        {"id": f"v{random.randrange(10**6)}", "replace": f"sound-{random.randrange(200)}"},
    ]


def varied_fact(random: Random) -> Callable[[Any], Any]:
    """Changes what an operator's fact means: its id, or a field to what the type could hold."""

    def vary(content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
            return content
        data = dict(content["data"])
        for name in random.sample(sorted(data), min(len(data), random.choice([0, 1, 2]))):
            data[name] = _plausible(random, name, data[name])
        fact_id = random.choice([f"v{random.randrange(10**6)}", "x4", content.get("id")])
        return content | {"id": fact_id, "data": data}

    return vary


def _plausible(random: Random, name: str, old: Any) -> Any:
    if name in ("instrument", "instruments_allowed"):
        return random.choice([INSTRUMENT, "NOPE.PAPER", [INSTRUMENT]])
    if isinstance(old, bool) or old is None:
        return random.choice([True, False, None])
    if isinstance(old, int):
        return random.choice([0, 1, 10**9, 2**63 - 1])
    if isinstance(old, str):
        choices = [*AMOUNTS, INSTRUMENT, "PAPER", "USDT", "BTC", "all", "close_only", "spot"]
        return random.choice(choices)
    return old
