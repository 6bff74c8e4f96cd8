"""A running stack seals a day once it is over, in a process of its own; failures are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deadreckon.archive.jobs import daily_seal
from deadreckon.archive.jobs.daily_seal import ArchivePolicy, DailySealer
from deadreckon.archive.location import FOLDER
from deadreckon.archive.open_log import stack_bus
from deadreckon.archive.sealer import LOCK
from deadreckon.archive.segments import Archive
from deadreckon.contracts.codec import wrap
from deadreckon.contracts.timestamps import DAY
from deadreckon.replay.asof.anchor_job import AnchorJob
from deadreckon.runtime.log.bus import Bus, HoleError, LogInfo, Stored
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process.file_lock import file_lock
from deadreckon.runtime.process.folder import Folder
from deadreckon.tools.doctor import check_archive
from tests.stories import START, at, bar

pytestmark = pytest.mark.slow

DAILY = ArchivePolicy("daily")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "desk").create()


@pytest.fixture
async def bus(folder: Folder) -> AsyncIterator[Bus]:
    async with stack_bus(folder, None) as bus:
        yield bus


async def trade(bus: Bus, *days: int) -> None:
    """A bar on each of these days."""
    market = Domain(bus, "shared", "market", "test")
    await market.recover()
    for day in days:
        when = START + day * DAY
        record = at(bar(), when, id=f"bar-{day}", book="shared")
        await market.append((1, 0, 0), [], [wrap(record)])


async def test_each_day_is_sealed_once_it_is_over(folder: Folder, bus: Bus) -> None:
    sealer = DailySealer(folder.root, None, bus, DAILY)
    await trade(bus, 0, 1, 2)
    await sealer.look()
    assert (sealer.last, sealer.failures) == (2, 0)
    await sealer.look()  # the same day: nothing is started

    await trade(bus, 3)
    await sealer.look()
    archive = Archive(folder.root / FOLDER)
    assert [manifest.number for manifest in archive.manifests] == [1, 2, 3]
    assert sealer.last == archive.last


async def test_what_fails_is_counted_and_said_and_tried_again(folder: Folder, bus: Bus) -> None:
    sealer = DailySealer(folder.root, None, bus, DAILY)
    await trade(bus, 0, 1)
    with file_lock(folder.root / FOLDER / LOCK), capture_logs() as logged:
        await sealer.look()
    assert sealer.failures == 1
    [line] = [line for line in logged if line["event"] == "archive_not_sealed"]
    assert "is held by another process" in line["reason"]

    await sealer.look()
    assert (sealer.failures, sealer.last) == (1, 1)


async def test_an_archive_that_is_away_stops_nobody(folder: Folder) -> None:
    class Away(MemoryBus):
        async def info(self) -> LogInfo:
            raise HoleError("the archive cannot be read")

        async def tail(self, filter: str) -> Stored | None:
            raise HoleError("the archive cannot be read")

    sealer, anchors = (
        DailySealer(folder.root, None, Away(), DAILY),
        AnchorJob(folder.root, None, Away()),
    )
    with capture_logs() as logged:
        await sealer.look()
        await anchors.look()
    assert sealer.failures == 1
    assert [line["event"] for line in logged] == ["archive_not_sealed", "anchors_not_kept"]


async def test_the_doctor_looks_whether_the_archive_is_the_one_of_the_log(
    folder: Folder, bus: Bus
) -> None:
    await trade(bus, 0, 1, 2)
    await DailySealer(folder.root, None, bus, DAILY).look()
    assert (await check_archive(folder, bus)).seen == "2 ranges up to message 2, as the log says"
    path = folder.root / FOLDER / "manifests" / "00000002.json"
    path.write_bytes(path.read_bytes().replace(b'"code"', b' "code"'))
    found = await check_archive(folder, bus)
    assert not found.sound


@pytest.mark.parametrize(
    ("policy", "nats", "seals"),
    [
        (ArchivePolicy(), None, True),
        (ArchivePolicy("off"), None, False),
        (ArchivePolicy(), "nats://127.0.0.1:1", False),
        (DAILY, "nats://127.0.0.1:1", True),
    ],
)
async def test_a_stack_seals_its_own_log_and_anothers_only_if_told_to(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    policy: ArchivePolicy,
    nats: str | None,
    seals: bool,
) -> None:
    looked = asyncio.Event()

    async def look(_: DailySealer) -> None:
        looked.set()

    monkeypatch.setattr(DailySealer, "look", look)
    monkeypatch.setattr(daily_seal, "FIRST_CHECK_SECONDS", 0.0)
    running = asyncio.create_task(DailySealer(tmp_path, nats, MemoryBus(), policy).run())
    if seals:
        await asyncio.wait_for(looked.wait(), 10)
    else:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not looked.is_set()
    running.cancel()
