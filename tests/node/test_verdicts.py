"""A producer hears what became of its signals: each verdict once, and nothing of the past."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import CancelApproved, CancelMissed, OrderFilled
from deadreckon.contracts.signals import CancelRaised, SignalRefused
from deadreckon.contracts.subjects import verdict_subject
from deadreckon.contracts.verdicts import Verdict
from deadreckon.node.verdicts import VerdictView, verdicts_published
from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.memory import MemoryBus
from tests.contracts.samples import sample
from tests.stories import START, approved, at, signal


def record(event: Event, root: str = "r") -> Recorded[Any]:
    return msgspec.structs.replace(at(event, START), root=root)


def refusal(producer: str) -> Event:
    return msgspec.structs.replace(sample(SignalRefused), producer=producer, signal_id="s1")


def told(view: VerdictView) -> list[tuple[str, str, str]]:
    """(producer, signal, outcome) of everything that waits to be sent."""
    found: list[tuple[str, str, str]] = []
    while not view.waiting.empty():
        producer, verdict = view.waiting.get_nowait()
        found.append((producer, verdict.signal_id, verdict.outcome))
    return found


def test_an_approval_and_a_refusal_are_told_to_their_producer() -> None:
    view = VerdictView(0)
    order = msgspec.structs.replace(approved(), producer="ext", signal_id="s1", purpose="entry")
    view.fold(7, [record(refusal("ext")), record(order)])
    assert told(view) == [("ext", "s1", "refused"), ("ext", "s1", "approved")]


def test_a_refusal_carries_its_numbers_and_its_place() -> None:
    view = VerdictView(0)
    view.fold(7, [record(refusal("ext"))])
    _, verdict = view.waiting.get_nowait()
    assert (verdict.rule, verdict.limit, verdict.sequence) == ("rule 5 ü", Decimal(6_000), 7)
    assert (verdict.event_id, verdict.at) == (record(refusal("ext")).id, START)


def test_a_cancels_verdicts_go_to_whoever_wished_it() -> None:
    view = VerdictView(0)
    view.fold(1, [record(CancelRaised("c1", "ext", "ext", "s1"), root="c")])
    view.fold(2, [record(CancelApproved("o1", "c1", "ext", ""), root="c")])
    view.fold(3, [record(CancelMissed("o1", "c1", "it had ended"), root="c")])
    assert told(view) == [("ext", "c1", "approved"), ("ext", "c1", "missed")]


def test_in_house_wishes_and_flattening_orders_are_told_to_nobody() -> None:
    view = VerdictView(0)
    flattening = msgspec.structs.replace(approved(), producer="ext", purpose="flatten")
    view.fold(1, [record(signal(quantity=1)), record(refusal("")), record(flattening)])
    view.fold(2, [record(sample(OrderFilled))])
    assert told(view) == []


def test_what_was_in_the_log_at_the_start_is_not_told_again() -> None:
    view = VerdictView(after=7)
    view.fold(7, [record(refusal("ext"))])
    view.fold(8, [record(refusal("ext"))])
    assert len(told(view)) == 1


def test_a_wish_of_the_past_still_names_the_producer_of_its_verdict() -> None:
    view = VerdictView(after=7)
    view.fold(7, [record(CancelRaised("c1", "ext", "ext", "s1"), root="c")])
    view.fold(8, [record(CancelMissed("", "c1", "there is none"), root="c")])
    assert told(view) == [("ext", "c1", "missed")]


async def test_a_verdict_is_heard_on_the_producers_own_subject() -> None:
    bus = MemoryBus()
    heard = bus.listen(verdict_subject("desk", "ext"))
    async with verdicts_published(bus, "desk") as view:
        view.fold(1, [record(refusal("other")), record(refusal("ext"))])
        notice = await asyncio.wait_for(anext(aiter(heard)), 5)
    verdict = msgspec.json.decode(notice, type=Verdict)
    assert (verdict.signal_id, verdict.outcome) == ("s1", "refused")
    await bus.close()


async def test_a_log_that_is_away_costs_notices_and_nothing_else() -> None:
    class Away(MemoryBus):
        async def notify(self, subject: str, payload: bytes) -> None:
            raise UnavailableError("away")

    bus = Away()
    async with verdicts_published(bus, "desk") as view:
        view.fold(1, [record(refusal("ext"))])
        for _ in range(5):
            await asyncio.sleep(0)
        assert view.waiting.empty()
    await bus.close()
