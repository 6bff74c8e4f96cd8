"""The archive and the log that goes on from it are one log, or none at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from deadreckon.archive.jobs.pruning import PruneError, PrunePolicy, prune_log
from deadreckon.archive.location import FOLDER, has_archive, is_archive_only
from deadreckon.archive.manifests import ArchiveManifest, digest_of
from deadreckon.archive.open_log import check_whole, open_bus, owner_bus, stack_bus
from deadreckon.archive.sealed import SealedLog
from deadreckon.archive.segments import Archive, write_log
from deadreckon.archive.spliced_log import SplicedLog
from deadreckon.archive.whole_log import whole_log
from deadreckon.contracts.archive import RangeSealed
from deadreckon.contracts.subjects import domain, operator_subject
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import (
    Bus,
    ConfigurationError,
    DeniedError,
    Fence,
    FencedError,
    HoleError,
    Stored,
)
from deadreckon.runtime.log.feed import ChainLink, Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OPERATOR
from tests.stories import START, bar
from tests.support.messages import StoredLog

DAYS = 6
ROWS = 40  # messages of the market a day
SEALED = 4 * 2 * ROWS + 1  # the first four days


def recorded() -> list[Stored]:
    """Some days of a log: a market, a service that answers, an operator on the first day."""
    log = StoredLog()
    log.put(operator_subject("desk", "demo"), b'{"first": "day"}')
    for day in range(DAYS):
        for row in range(ROWS):
            log.market(bar(close=100 + row), START + day * DAY + row)
            log.commit("risk")
    with TemporaryDirectory() as scratch:
        log.commit(
            "sealer", word(write_log(Path(scratch), stored(log)[:SEALED])[-1]), book="shared"
        )
    return stored(log)


def stored(log: StoredLog) -> list[Stored]:
    return [Stored(it.sequence, it.subject, it.payload, 10**18 + it.sequence) for it in log.stored]


def word(manifest: ArchiveManifest) -> RangeSealed:
    """What the sealer says of a range."""
    return RangeSealed(
        number=manifest.number,
        first=manifest.first,
        last=manifest.last,
        day=manifest.day,
        messages=manifest.messages,
        events=manifest.events,
        root=manifest.root,
        manifest=digest_of(manifest),
        public_key=manifest.public_key,
    )


@pytest.fixture(scope="module")
def whole() -> list[Stored]:
    return recorded()


@pytest.fixture
def data(tmp_path: Path, whole: list[Stored]) -> Path:
    """A folder whose archive holds all but the last two days."""
    folder = Folder(tmp_path / "desk").create()
    write_log(folder.root / FOLDER, whole[:SEALED])
    return folder.root


def live_from(whole: list[Stored], first: int) -> MemoryBus:
    return MemoryBus(MemoryLog(whole[first - 1 :]))


@pytest.fixture
async def annals(data: Path, whole: list[Stored]) -> AsyncIterator[Bus]:
    """The log, of which the first two days are in the archive alone."""
    bus = await whole_log(data, live_from(whole, seam(data) + 1))
    assert isinstance(bus, SplicedLog)
    yield bus
    await bus.close()


def seam(data: Path) -> int:
    """The last message that is in the archive alone."""
    return Archive(data / FOLDER).manifests[1].last


async def read(bus: Bus, after: int, upto: int) -> list[Stored]:
    reader = await bus.read(after)
    found: list[Stored] = []
    while len(found) < upto - after:
        found += await reader.next(1.0)
    await reader.close()
    return found


# One log


async def test_it_is_read_from_any_place_as_if_nothing_had_left(
    annals: Bus, data: Path, whole: list[Stored]
) -> None:
    border = seam(data)
    for after in (0, 1, border - 1, border, border + 1, len(whole) - 1):
        assert await read(annals, after, len(whole)) == whole[after:]
    assert [it async for it in read_stored(annals, len(whole))] == whole


async def test_a_reader_that_came_by_the_archive_follows_what_is_appended(
    annals: Bus, whole: list[Stored]
) -> None:
    reader = await annals.read(0)
    found: list[Stored] = []
    while len(found) < len(whole):
        found += await reader.next(1.0)
    sequence = await annals.append("log.desk.op.cli", b"later")

    assert sequence == len(whole) + 1
    assert [it.payload for it in await reader.next(1.0)] == [b"later"]
    await reader.close()


async def test_a_reader_that_was_cancelled_while_it_read_has_lost_nothing(
    annals: Bus, whole: list[Stored]
) -> None:
    reader = await annals.read(0)
    impatient = asyncio.create_task(reader.next(1.0))
    await asyncio.sleep(0)
    impatient.cancel()
    found: list[Stored] = []
    while len(found) < len(whole):
        found += await reader.next(1.0)

    assert impatient.cancelled()
    assert found == whole
    await reader.close()


async def test_each_message_and_each_tail_is_found_where_it_lies(
    annals: Bus, data: Path, whole: list[Stored]
) -> None:
    border = seam(data)
    for sequence in (1, border, border + 1, len(whole)):
        assert await annals.message(sequence) == whole[sequence - 1]
    assert await annals.message(0) is None
    assert await annals.message(len(whole) + 1) is None
    assert await annals.tail(domain("desk", "risk")) == whole[-2]
    assert await annals.tail(domain("shared", "sealer")) == whole[-1]
    assert await annals.tail(operator_subject("desk", "demo")) == whole[0]
    assert await annals.tail(domain("desk", "op")) == whole[0]
    assert await annals.tail(domain("desk", "fill")) is None


async def test_it_says_that_nothing_is_missing(annals: Bus, whole: list[Stored]) -> None:
    info = await annals.info()

    assert (info.first, info.last, info.messages) == (1, len(whole), len(whole))
    check_whole(info)


async def test_every_chain_is_checked_from_the_first_commit_on(
    annals: Bus, whole: list[Stored]
) -> None:
    feed = Feed(annals)
    feed.follow("reader")
    await feed.start()
    await feed.reach(len(whole))
    await feed.stop()

    found = feed.since(0, len(whole))
    assert [it.sequence for it in found] == [it.sequence for it in whole]
    assert not any(it.damage for it in found)
    speakers = [("shared", "market"), ("desk", "risk"), ("shared", "sealer")]
    assert feed.links_at(0) == dict.fromkeys(speakers, ChainLink(0, ""))


async def test_an_archive_of_another_log_does_not_pass_for_this_ones(
    tmp_path: Path, whole: list[Stored]
) -> None:
    other = StoredLog()
    while len(other.stored) < seam_of(whole):
        other.commit("risk", to=7)
    write_log(tmp_path / FOLDER, other.stored)
    with pytest.raises(HoleError, match="range 4 was sealed, the archive has 1: bring back the"):
        await whole_log(tmp_path, live_from(whole, seam_of(whole) + 1))


async def test_an_archive_in_which_an_operator_said_otherwise_is_refused(
    tmp_path: Path, whole: list[Stored]
) -> None:
    """Doors are in no chain: what was said there is borne out by what was sealed."""
    forged = [replace(whole[0], payload=b'{"first": "day!"}'), *whole[1:SEALED]]
    write_log(tmp_path / FOLDER, forged)
    with pytest.raises(HoleError, match="range 4 of the archive is not the one that the log"):
        await whole_log(tmp_path, live_from(whole, 101))


async def test_a_log_that_says_nothing_of_its_archive_is_refused(
    data: Path, whole: list[Stored]
) -> None:
    with pytest.raises(HoleError, match="does not say that its messages up to 100 were sealed"):
        await whole_log(data, MemoryBus(MemoryLog(whole[100:-1])))


async def test_what_old_history_has_left_was_cut_where_it_ends_before_its_archive(
    data: Path, whole: list[Stored]
) -> None:
    with pytest.raises(HoleError, match="ends at 300, but messages up to 321 were sealed"):
        await whole_log(data, MemoryBus(MemoryLog(whole[100:300])))


def seam_of(whole: list[Stored]) -> int:
    return len(whole) // 2


# Written only at its end


async def test_fences_are_those_of_the_live_log(annals: Bus, whole: list[Stored]) -> None:
    risk = domain("desk", "risk")
    with pytest.raises(FencedError):
        await annals.append("log.desk.risk.events", b"late", Fence(risk, 3))
    assert (
        await annals.append("log.desk.risk.events", b"next", Fence(risk, len(whole) - 1))
        == len(whole) + 1
    )


async def test_every_role_keeps_its_own_rights(data: Path, whole: list[Stored]) -> None:
    class Roles(MemoryBus):
        def as_role(self, role: str) -> Bus:
            return asked.setdefault(role, live_from(whole, seam(data) + 1))

    asked: dict[str, Bus] = {}
    bus = await whole_log(data, Roles(MemoryLog(whole[seam(data) :])))

    as_risk = as_role(bus, "risk")
    await as_risk.append("log.desk.risk.events", b"mine")

    assert (await asked["risk"].info()).last == len(whole) + 1
    assert (await bus.info()).last == len(whole)
    assert await as_risk.message(1) == whole[0]


# Never half a log


async def test_without_its_archive_such_a_log_is_refused(
    tmp_path: Path, whole: list[Stored]
) -> None:
    with pytest.raises(HoleError, match=r"begins with message 100.*bring the archive back"):
        await whole_log(tmp_path, live_from(whole, 100))


async def test_an_archive_that_does_not_reach_the_log_is_refused(
    data: Path, whole: list[Stored]
) -> None:
    last = Archive(data / FOLDER).last
    with pytest.raises(HoleError, match=f"ends with message {last}; {last + 1} is missing"):
        await whole_log(data, live_from(whole, last + 2))


async def test_a_segment_that_is_missing_or_short_is_refused_before_anything_is_read(
    data: Path, whole: list[Stored]
) -> None:
    path = segment(data)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HoleError, match="restore it"):
        await whole_log(data, live_from(whole, 100))
    path.unlink()
    with pytest.raises(HoleError, match=path.name):
        await whole_log(data, live_from(whole, 100))


async def test_one_wrong_bit_is_found_by_whoever_reads_it(data: Path, whole: list[Stored]) -> None:
    path = segment(data)
    content = path.read_bytes()
    place = len(content) // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    bus = await whole_log(data, live_from(whole, 100))

    with pytest.raises(HoleError, match="not the file that was sealed"):
        await (await bus.read(0)).next(1.0)
    with pytest.raises(HoleError, match="not the file that was sealed"):
        await bus.message(1)


async def test_a_chain_of_manifests_that_is_broken_is_refused(
    data: Path, whole: list[Stored]
) -> None:
    path = sorted((data / FOLDER / "manifests").glob("*.json"))[0]
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"root": "00" * 32}))

    with pytest.raises(HoleError, match="cannot be read"):
        await whole_log(data, live_from(whole, 100))


async def test_a_log_that_ends_before_its_archive_was_cut(data: Path, whole: list[Stored]) -> None:
    sealed = Archive(data / FOLDER).last
    for log in (MemoryLog(), MemoryLog(whole[: sealed - 1])):
        with pytest.raises(HoleError, match="the log was cut"):
            await whole_log(data, MemoryBus(log))


async def test_a_whole_log_does_not_need_its_archive(data: Path, whole: list[Stored]) -> None:
    bus = MemoryBus(MemoryLog(list(whole)))
    assert await whole_log(data, bus) is bus
    segment(data).unlink()
    (data / FOLDER / "manifests" / "00000002.json").write_text("{")

    assert await whole_log(data, bus) is bus


def segment(data: Path) -> Path:
    return Archive(data / FOLDER).paths("messages")[0]


# A log that has ended


async def test_a_folder_that_is_an_archive_only_can_be_read(
    data: Path, whole: list[Stored]
) -> None:
    assert has_archive(data)
    assert is_archive_only(data)
    last = Archive(data / FOLDER).last

    async with open_bus(Folder(data).check()) as bus:
        assert [it async for it in read_stored(bus, last)] == whole[:last]
        assert (await bus.tail(domain("desk", "risk"))) == whole[last - 1]
        check_whole(await bus.info())
        reader = await bus.read(last)
        assert await reader.next(0.0) == []
        with pytest.raises(HoleError, match="was read or written before"):
            await bus.read(last + 1)


async def test_nothing_can_be_added_to_an_archive_and_no_stack_runs_on_it(data: Path) -> None:
    folder = Folder(data).check()
    async with open_bus(folder, role=OPERATOR) as bus:
        with pytest.raises(DeniedError, match="is an archive"):
            await bus.append("log.desk.op.cli", b"{}")
    for entering in (stack_bus(folder, None), owner_bus(folder)):
        with pytest.raises(ConfigurationError, match="nothing can run on it"):
            async with entering:
                pass
    with pytest.raises(PruneError, match="nothing that could leave"):
        await prune_log(
            data, PrunePolicy(before="2100-01-01"), agrees=lambda _: True, progress=lambda *_: None
        )
    assert is_archive_only(data)


async def test_part_of_an_archive_ends_where_it_is_told_to(data: Path, whole: list[Stored]) -> None:
    bus = SealedLog(Archive(data / FOLDER), 5)

    assert await read(bus, 0, 5) == whole[:5]
    assert (await bus.info()).last == 5
    assert await bus.message(6) is None
    assert await bus.tail(domain("desk", "risk")) == whole[4]
