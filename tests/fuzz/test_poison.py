"""What no service wrote lies in a service's domain: the book halts, and all else goes on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.contracts.codec import decode_commit, encode_commit
from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.governance import HaltAcknowledged, LogDamaged
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.domain import FencedOutError, ForeignMessageError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import RecoveryError
from deadreckon.runtime.service.service import Service
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.tools.doctor import _content
from tests.fuzz.budget import SEED, share
from tests.fuzz.mutator import Mutator
from tests.fuzz.target import IN, fuzzed_stack
from tests.fuzz.test_inbound import bad_signals
from tests.sessions.player import audited, decoded

DOMAINS = [*((BOOK, name) for name in ("signal", "risk", "fill", "portfolio")), (SHARED, "market")]


@cache
def played() -> tuple[Stored, ...]:
    """A short sound life of a desk."""
    return tuple(asyncio.run(_play()))


@pytest.fixture
def log() -> list[Stored]:
    with ThreadPoolExecutor(1) as beside:  # where no event loop runs
        return list(beside.submit(played).result())


async def _play() -> list[Stored]:
    async with fuzzed_stack("poison") as stack:
        await stack.prepare()
        for _ in range(3):
            await stack.throw(IN, bad_signals("poison", 0, 5))
            await stack.tick()
        return list(stack.log)


def last_commit(log: list[Stored], book: str, service: str) -> tuple[Stored, Commit]:
    mine = [it for it in log if it.subject.startswith(f"log.{book}.{service}.events")]
    return mine[-1], decode_commit(mine[-1].payload)


def following(stored: Stored, commit: Commit) -> Commit:
    """What its writer could say next, in its chain."""
    return msgspec.structs.replace(
        commit, id="f" * 32, n=commit.n + 1, previous=digest(stored.payload)
    )


def flipped(stored: Stored, commit: Commit, mutator: Mutator) -> bytes:
    return mutator.bytes(encode_commit(following(stored, commit)))


def alien(stored: Stored, commit: Commit, mutator: Mutator) -> bytes:
    return mutator.payload(encode_commit(following(stored, commit)))


def unchained(stored: Stored, commit: Commit, mutator: Mutator) -> bytes:
    wrong = mutator.random.choice([0, -1, commit.n, commit.n + 2, 2**63])
    return encode_commit(msgspec.structs.replace(following(stored, commit), n=wrong))


def unknown_event(stored: Stored, commit: Commit, mutator: Mutator) -> bytes:
    changed: dict[str, Any] = mutator.random.choice([{"type": "orders.nope"}, {"v": 99}, {"v": 0}])
    events = [msgspec.structs.replace(commit.events[0], **changed)]
    found = msgspec.structs.replace(following(stored, commit), events=events)
    return encode_commit(found)


def forged_answers(stored: Stored, commit: Commit, mutator: Mutator) -> bytes:
    answers = mutator.random.choice(
        [[], [(1, 0, 99)], [(10**6, 0, 1)], [(-1, -1, len(commit.events))], [(1, 0, -3)]]
    )
    found = msgspec.structs.replace(following(stored, commit), answers=answers)
    return encode_commit(found)


Poison = Callable[[Stored, Commit, Mutator], bytes]
BROKEN: list[Poison] = [flipped, alien, unchained, unknown_event]


def poisoned(log: list[Stored], poison: Poison, number: int) -> tuple[str, list[Stored], bool]:
    """The log with such a message behind it; whose it seems to be, and whether it is damage."""
    mutator = Mutator(f"poison/{poison.__name__}/{SEED}", number)
    book, service = mutator.random.choice(DOMAINS)
    stored, commit = last_commit(log, book, service)
    payload = poison(stored, commit, mutator)
    found = [*log, Stored(len(log) + 1, stored.subject, payload)]
    return service, found, bool(decoded(found)[-1].damage)


async def read_on(log: list[Stored], name: str) -> Service:
    """One service that meets the log and goes on behind it."""
    bus = MemoryBus(MemoryLog(list(log)))
    feed = Feed(bus)
    [service] = assemble((name,), bus, feed, book=BOOK, mode="paper")
    assert isinstance(service, Service)
    await feed.start()
    try:
        await service.replay()
        await service.take_turn(len(log))
        log[:] = bus.log.messages
    finally:
        await feed.stop()
    return service


@pytest.mark.parametrize("poison", BROKEN)
async def test_whatever_lies_in_a_domain_everybody_else_reads_on_and_the_book_halts(
    poison: Poison, log: list[Stored]
) -> None:
    for number in range(max(3, share(1) // 10)):
        owner, found, damaged = poisoned(log, poison, number)
        place = len(found)
        for name in RANK:
            record = list(found)
            try:
                service = await read_on(record, name)
            except (ForeignMessageError, FencedOutError, RecoveryError):
                assert name == owner, f"{poison.__name__} {number}"
                continue
            assert service.position == place
            if damaged and name in ("risk", "fill"):
                events = [it.event for it in decoded(record)[-1].facts]
                assert any(isinstance(it, HaltAcknowledged) for it in events), number


@pytest.mark.parametrize("poison", [*BROKEN, forged_answers])
async def test_doctor_and_audit_name_the_message(poison: Poison, log: list[Stored]) -> None:
    for number in range(10):
        _, found, damaged = poisoned(log, poison, number)
        findings = [it async for it in _content(MemoryBus(MemoryLog(found)))]
        chains = next(it for it in findings if it.what == "chains")
        report = audited(found)
        if damaged:
            assert not chains.sound
            assert f"{len(found)}: " in chains.seen
            assert report.damages
        facts = [
            it.event
            for message in decoded(found)
            for it in Ingress(BOOK, "paper", reads_signals=False).records_of(message)
        ]
        assert any(isinstance(it, LogDamaged) for it in facts) == damaged


@pytest.mark.parametrize("name", ["signal", "risk", "fill", "portfolio"])
async def test_forged_answers_stop_the_service_they_are_ascribed_to_in_words(
    name: str, log: list[Stored]
) -> None:
    stored, commit = last_commit(log, BOOK, name)
    for number in range(5):
        payload = forged_answers(stored, commit, Mutator("forged", number))
        with pytest.raises((RecoveryError, ForeignMessageError)):
            await read_on([*log, Stored(len(log) + 1, stored.subject, payload)], name)


def test_the_way_on_is_in_the_runbook() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")
    assert "## Poison: a domain's message cannot be read" in runbook
