"""Every kind of message costs the one who reads it no more steps than a good one of its size."""

import json
import sys
from typing import Any

import pytest

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.limits import ProducerQuotaSet
from deadreckon.contracts.market import ClockTicked
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.signal import decider as signal
from tests.stories import START
from tests.support.messages import StoredLog

GOOD = {"strategy": "ext", "instrument": "BTCUSDT.PAPER", "side": "buy", "quantity": "1"}
AT_ONCE = 20
BIG = 100_000  # bytes: a few of those will do


def good(number: int) -> bytes:
    return json.dumps(GOOD | {"id": f"s{number}"}).encode()


def signal_with(**more: Any) -> bytes:
    return json.dumps(GOOD | {"id": "a"} | more).encode()


SIZE = len(good(100))
KINDS = {
    "empty": b"",
    "garbage": b"x",
    "not UTF-8": b"\xff\xfe" * 40,
    "blank": b" " * 80,
    "a number": b"1" * 80,
    "no object": b'"signal"',
    "an empty batch": b"[]",
    "half a signal": good(1)[:60],
    "too deep": b"[" * 80,
    "deep": b"[" * 16 + b"]" * 16,
    "a field twice": good(1)[:-1] + b',"side":"sell"}',
    "an unknown field": signal_with(stoploss="1"),
    "a float": signal_with(quantity=0.1),
    "a bad time": signal_with(at="yesterday"),
    "a bad number": signal_with(quantity="1e999"),
    "the same again": signal_with(),
    "another body": signal_with(meta={"n": "1"}),
    "a cancel of nothing": json.dumps({"id": "c", "strategy": "x", "cancel": "y"}).encode(),
    "a mebibyte of garbage": b"x" * 1_000_000,
    "a mebibyte of brackets": b"[" * 1_000_000,
    "a mebibyte of blanks": b" " * 1_000_000,
}


class Reading:
    """What signal does with a message, from its bytes to the bytes of its answers."""

    def __init__(self, limit: int | None = None) -> None:
        self.log = StoredLog()
        self.intake = Ingress("desk", "paper", reads_signals=True)
        self.runner = DeciderRunner("signal", "desk", signal)
        self.decoding = Decoding()
        self.log.commit("clock", ClockTicked(), book="shared", when=START)
        self.take()
        if limit is not None:
            quota = ProducerQuotaSet("ann", "test", limit)
            payload = write_fact("f", "governance.producer_quota_set", quota)
            self.log.put("log.desk.op.cli", payload)
            self.take()

    def take(self) -> None:
        for record in self.intake.records_of(self.decoding.decode(self.log.stored[-1])):
            for answer in self.runner.answer(record):
                wrap(answer)

    def steps(self, payload: bytes) -> int:
        """Calls of functions, Python's own too, until a message is answered."""
        self.log.put("log.desk.in.bob", payload)
        count = 0

        def called(_: Any, event: str, __: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            self.take()
        finally:
            sys.setprofile(before)
        return count


def most(reading: Reading, payloads: list[bytes]) -> int:
    """The dearest of some messages, once everything is warm."""
    payloads = payloads[:4] if len(payloads[0]) > BIG else payloads
    costs = [reading.steps(payload) for payload in payloads]
    return max(costs[len(costs) // 2 :])


@pytest.fixture(scope="module")
def of_a_good_one() -> int:
    return most(Reading(), [good(number) for number in range(AT_ONCE)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_costs_no_more_steps_than_a_good_one_of_its_size(
    kind: str, of_a_good_one: int
) -> None:
    payload = KINDS[kind]
    cost = most(Reading(), [payload] * AT_ONCE)
    assert cost <= of_a_good_one * max(1, len(payload) // SIZE)


@pytest.mark.parametrize("kind", ["good", *KINDS])
def test_a_message_beyond_the_quota_costs_a_third_whatever_it_holds(
    kind: str, of_a_good_one: int
) -> None:
    payload = KINDS.get(kind, good(1))
    assert most(Reading(limit=0), [payload] * AT_ONCE) <= of_a_good_one / 3
