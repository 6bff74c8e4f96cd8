"""A domain has one writer; what somebody else has written there is a rival's, or an incident."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deadreckon.contracts.codec import encode_commit
from deadreckon.contracts.envelope import Commit
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import Domain, FencedOutError, ForeignMessageError
from deadreckon.runtime.log.feed import Decoding
from tests.runtime.conftest import LogStore

RISK = "log.desk.risk.events"


@pytest_asyncio.fixture
async def bus(place: LogStore) -> AsyncIterator[Bus]:
    yield await place.open()
    await place.close()


async def at_work(bus: Bus) -> Domain:
    """A writer that has recovered, and has said something since."""
    domain = Domain(bus, "desk", "risk", "test")
    await domain.recover()
    await domain.append((1, domain.sequence, 0), [], [])
    return domain


def commit(n: int, previous: str) -> bytes:
    return encode_commit(
        Commit(
            id="forged",
            n=n,
            first=1,
            to=1,
            part=0,
            previous=previous,
            code="x",
            answers=[],
            events=[],
        )
    )


async def test_an_alien_message_stops_its_writer_and_names_the_place(bus: Bus) -> None:
    domain = await at_work(bus)
    await bus.append(RISK, b"no commit at all")

    with pytest.raises(ForeignMessageError, match=r"log\.desk\.risk\.>: message 2 .* is no commit"):
        await domain.append((2, 2, 0), [], [])
    assert (await bus.info()).last == 2


async def test_an_alien_message_keeps_its_writer_from_starting(bus: Bus) -> None:
    await at_work(bus)
    await bus.append(RISK, b"no commit at all")

    with pytest.raises(ForeignMessageError, match="message 2"):
        await Domain(bus, "desk", "risk", "test").recover()


@pytest.mark.parametrize(
    ("n", "previous"), [(1, ""), (2, "of another chain")], ids=["counted anew", "not chained"]
)
async def test_a_forged_commit_is_an_incident_and_no_rival(n: int, previous: str, bus: Bus) -> None:
    domain = await at_work(bus)
    await bus.append(RISK, commit(n, previous))

    with pytest.raises(ForeignMessageError, match=f"says that it is commit {n}"):
        await domain.append((2, 2, 0), [], [])


async def test_a_rival_that_took_over_is_no_incident(bus: Bus) -> None:
    domain = await at_work(bus)
    rival = await at_work(bus)
    with pytest.raises(FencedOutError, match="another instance wrote commit 2"):
        await domain.append((2, 2, 0), [], [])
    await rival.append((2, 2, 0), [], [])
    with pytest.raises(FencedOutError, match="another instance wrote commit 3"):
        await domain.append((2, 2, 0), [], [])


async def test_everybody_who_reads_is_told_of_the_damage(bus: Bus) -> None:
    domain = await at_work(bus)
    await bus.append(RISK, b"no commit at all")
    await bus.append(RISK, commit(2, "of another chain"))
    reader = await bus.read(0)
    decoding = Decoding()
    stored: list[Stored] = []
    while len(stored) < domain.sequence + 2:
        stored += await reader.next(1.0)
    await reader.close()

    damages = [decoding.decode(each).damage for each in stored]
    assert damages[0] == ""
    assert "not a commit" in damages[1]
    assert "does not continue" in damages[2]
