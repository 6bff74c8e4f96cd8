"""Old history leaves a log of a real server: what stays is what it was, and so are its fences."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from deadreckon.archive.jobs.log_rollover import (
    carry_over,
    finish,
    rollover_connections,
    stream_folder,
)
from deadreckon.archive.jobs.pruning import Pruned, PruneError, PrunePolicy, PruneProof, prune_log
from deadreckon.archive.location import FOLDER
from deadreckon.archive.open_log import open_bus, owner_bus, service_bus, stack_bus
from deadreckon.archive.sealer import SealPublisher
from deadreckon.archive.segments import Archive, write_log
from deadreckon.archive.signing import SealKey, read_or_create_key
from deadreckon.contracts.archive import SEALER
from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.envelope import digest
from deadreckon.contracts.subjects import domain, operator_subject
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log import rollover_notice
from deadreckon.runtime.log.bus import (
    ConfigurationError,
    DeniedError,
    Fence,
    FencedError,
    HoleError,
    LogInfo,
    Stored,
    UnavailableError,
)
from deadreckon.runtime.log.reading import read_messages, read_stored
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.log.rollover_notice import Rollover, UnfinishedRolloverError
from deadreckon.runtime.log.stream import configuration
from deadreckon.runtime.log.stream_rollover import seal
from deadreckon.runtime.process.folder import Folder, FolderBusyError
from deadreckon.runtime.server.nats_server import (
    ServerFailedError,
    StoreLockedError,
    running_server,
)
from deadreckon.runtime.server.rights import OPERATOR
from deadreckon.runtime.server.server_files import ServerFiles
from tests.stories import START, bar
from tests.support.messages import StoredLog

ROWS = 20  # messages of the market a day
SPEAKERS = {"market": "market", "risk": "risk", "op": "stack"}


def recorded() -> StoredLog:
    """Four days; risk has its say on the first two, an operator on the first alone."""
    log = StoredLog()
    log.put(operator_subject("desk", "demo"), b'{"first": "day"}')
    for day in range(4):
        for row in range(ROWS):
            log.market(bar(close=100 + row), START + day * DAY + row)
            if day < 2:
                log.commit("risk")
    return log


@pytest.fixture(scope="module")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has such a log, sealed to the end of the third day."""
    return asyncio.run(made(Folder(tmp_path_factory.mktemp("prune") / "desk").create()))


async def made(folder: Folder) -> Path:
    async with stack_bus(folder, None) as bus:
        for stored in recorded().stored:
            who = SPEAKERS[stored.subject.split(".")[2]]
            await as_role(bus, who).append(stored.subject, stored.payload)
    held = await whole_log(folder.root)
    third = 1 + 2 * 2 * ROWS + ROWS
    write_log(folder.root / FOLDER, held[:third], key_of(folder.root))
    async with open_bus(folder, role=SEALER) as bus:
        publisher = SealPublisher(bus)
        await publisher.recover()
        for manifest in Archive(folder.root / FOLDER).manifests:
            await publisher.publish(manifest)
    return folder.root


@pytest.fixture
def data(stack_folder: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    shutil.copytree(stack_folder, tmp_path / "desk")
    return tmp_path / "desk"


def key_of(data: Path) -> SealKey:
    return read_or_create_key(ServerFiles(data).credentials.folder)


async def whole_log(data: Path) -> list[Stored]:
    async with open_bus(Folder(data)) as bus:
        return [it async for it in read_stored(bus, (await bus.info()).last)]


async def live(data: Path) -> LogInfo:
    async with open_bus(Folder(data), live_only=True) as bus:
        return await bus.info()


async def pruned(data: Path, before: str, *, agree: bool = True) -> Pruned:
    def agrees(proof: PruneProof) -> bool:
        return agree

    return await prune_log(
        data, PrunePolicy(before=before), agrees=agrees, progress=lambda *_: None
    )


# What stays


@pytest.mark.slow
async def test_the_log_reads_as_before_with_one_last_word_of_who_was_silent(data: Path) -> None:
    before = await whole_log(data)
    border = Archive(data / FOLDER).manifests[1].last

    found = await pruned(data, Archive(data / FOLDER).manifests[2].day)

    after = await whole_log(data)
    assert found.done
    assert found.first == border + 1
    assert found.proof is not None
    assert [each.number for each in found.proof.ranges] == [1, 2]
    assert after[: len(before)] == before
    (carried,) = after[len(before) :]
    assert carried.subject == "log.desk.risk.progress"
    last = [it for it in before if it.subject.startswith("log.desk.risk.")][-1]
    assert decode_commit(carried.payload).previous == digest(last.payload)
    info = await live(data)
    assert (info.first, info.last) == (border + 1, len(before) + 1)
    assert not (data / rollover_notice.FILE).exists()
    async with open_bus(Folder(data)) as bus:
        assert not [it.damage async for it in read_messages(bus) if it.damage]


async def test_fences_mean_what_they_meant(data: Path) -> None:
    await pruned(data, "2100-01-01")
    risk = domain("desk", "risk")

    async with stack_bus(Folder(data), None) as bus:
        as_risk = as_role(bus, "risk")
        tail = await as_risk.tail(risk)
        assert tail is not None
        for stale in (0, 3, tail.sequence - 1):
            with pytest.raises(FencedError):
                await as_risk.append("log.desk.risk.progress", b"late", Fence(risk, stale))
        assert (
            await as_risk.append("log.desk.risk.progress", b"next", Fence(risk, tail.sequence))
            == (await bus.info()).last
        )
        door = await bus.tail(operator_subject("desk", "demo"))
        assert door is not None
        assert door.sequence == 1  # the setup was said once, and stays said


@pytest.mark.slow
async def test_it_can_leave_again_and_again(data: Path) -> None:
    before = await whole_log(data)
    for number in (1, 2):
        first = Archive(data / FOLDER).manifests[number - 1].last + 1
        assert (await pruned(data, Archive(data / FOLDER).manifests[number].day)).first == first
    again = await pruned(data, Archive(data / FOLDER).manifests[2].day)

    assert not again.done
    assert again.proof is not None
    assert not again.proof.ranges
    assert (await whole_log(data))[: len(before)] == before


async def test_age_is_counted_from_the_end_of_what_is_sealed(data: Path) -> None:
    def nobody(proof: PruneProof) -> bool:
        asked.append([each.number for each in proof.ranges])
        return False

    asked: list[list[int]] = []
    for days in (0, 1, 2):
        policy = PrunePolicy(days=days)
        await prune_log(data, policy, agrees=nobody, progress=lambda *_: None)

    assert asked == [[1, 2], [1]]
    assert (await live(data)).first == 1


# What does not leave


async def test_a_log_that_is_not_what_was_sealed_keeps_everything(data: Path) -> None:
    held = await whole_log(data)
    shutil.rmtree(data / FOLDER)
    held[4] = replace(held[4], payload=held[4].payload + b" ")
    write_log(data / FOLDER, held, key_of(data))

    with pytest.raises(PruneError, match="message 5 is another in the log than in the archive"):
        await pruned(data, "2100-01-01")
    assert (await live(data)).first == 1
    assert rollover_notice.unfinished(data) is None


async def test_nothing_leaves_that_nobody_signed(data: Path) -> None:
    held = await whole_log(data)
    shutil.rmtree(data / FOLDER)
    write_log(data / FOLDER, held)

    with pytest.raises(PruneError, match=r"range 1 .* is not sealed"):
        await pruned(data, "2100-01-01")


@pytest.mark.parametrize("family", ["messages", "marks"])
async def test_nothing_leaves_while_a_file_of_the_archive_is_damaged(
    data: Path, family: str
) -> None:
    path = Archive(data / FOLDER).paths(family)[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(PruneError, match="not the file that was sealed"):
        await pruned(data, "2100-01-01")


async def test_nothing_leaves_unless_agreed_or_while_somebody_is_there(data: Path) -> None:
    assert not (await pruned(data, "2100-01-01", agree=False)).done
    with Folder(data).alone(), pytest.raises(FolderBusyError):
        await pruned(data, "2100-01-01")
    async with open_bus(Folder(data)):
        with pytest.raises(StoreLockedError):
            await pruned(data, "2100-01-01")
    assert (await live(data)).first == 1


# Halfway


async def test_nobody_starts_on_half_a_log(data: Path) -> None:
    rollover_notice.keep(data, Rollover(10))
    folder = Folder(data)

    for entering in (
        open_bus(folder),
        open_bus(folder, role=OPERATOR),
        stack_bus(folder, None),
        service_bus(folder, None, ["risk"]),
        owner_bus(folder),
    ):
        with pytest.raises(
            UnfinishedRolloverError, match=r"`dr archive prune --data .*` finishes it"
        ):
            async with entering:
                pass


async def test_the_old_log_stays_until_its_copy_is_proved(data: Path) -> None:
    """Somebody has damaged the copy between two lives of the verb."""
    roll = Rollover(10, 20, "another digest", "copied")
    async with rollover_connections(data) as shop:
        wanted = configuration(shop.copy.api.stream, 1) | {"subjects": ["beside"]}
        await shop.copy.api.create(wanted)
    rollover_notice.keep(data, roll)

    with pytest.raises(HoleError, match=r"stream LOG_NEXT .* is not what the log held"):
        await finish(data, roll, lambda *_: None)
    rollover_notice.forget(data)
    assert (await live(data)).first == 1


async def test_an_empty_log_is_not_made_where_one_was(data: Path) -> None:
    shutil.rmtree(stream_folder(data))

    for entering in (open_bus(Folder(data)), stack_bus(Folder(data), None)):
        with pytest.raises(HoleError, match="restore the folder from a backup"):
            async with entering:
                pass
    with pytest.raises(HoleError, match="the store has no log"):
        await pruned(data, "2100-01-01")


async def test_who_is_connected_cannot_write_behind_the_end(data: Path) -> None:
    async with rollover_connections(data) as shop:
        bus = await shop.endpoint.bus("stack")
        door = operator_subject("desk", "stack")
        last = await bus.append(door, b"before")
        await seal(shop.log.api)
        await seal(shop.log.api)

        with pytest.raises(ConfigurationError, match="sealed"):
            await bus.append(door, b"behind")
        assert (await bus.info()).last == last
        await bus.close()


async def test_who_has_spoken_in_what_stays_is_not_carried(data: Path) -> None:
    async with rollover_connections(data) as shop:
        last = (await shop.log.info()).last
        assert await carry_over(shop, 1) == []
        assert await carry_over(shop, last) == [("desk", "risk"), ("shared", "market")]
        assert await carry_over(shop, last + 1) == [("shared", "sealer")]
        assert await carry_over(shop, last + 1) == []


async def test_who_waits_for_a_server_that_died_does_not_wait_for_ever(data: Path) -> None:
    async def bereft() -> None:
        async with rollover_connections(data):
            server = running_server(data)
            assert server is not None
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.Event().wait()

    with pytest.raises(ServerFailedError, match="nats-server died"):
        await bereft()
    assert (await live(data)).first == 1


# Who may


async def test_no_server_of_a_stack_knows_who_may_drop_a_log(data: Path) -> None:
    files = ServerFiles(data)
    async with rollover_connections(data) as shop:
        assert "roller" in files.settings.read_text()
        for role in ("keeper", "stack"):
            other = await shop.endpoint.bus(role)
            with pytest.raises((DeniedError, UnavailableError)):
                await other.request("$JS.API.STREAM.DELETE.LOG", b"", 1.0)
            await other.close()
        assert (await shop.log.info()).messages

    async with open_bus(Folder(data)):
        assert "roller" not in files.settings.read_text()
    assert not files.credentials.has("roller")
