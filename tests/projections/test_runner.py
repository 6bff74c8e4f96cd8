"""Views go on where a snapshot stood, or read the past beside services that need not wait."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deadreckon.node.verdicts import VerdictView
from deadreckon.projections import runner
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.runner import Views
from deadreckon.projections.store import extent, paths
from deadreckon.projections.stored_views import stored_views
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service import snapshots
from deadreckon.runtime.service.snapshots import Snapshots
from tests.sessions.test_sessions import session

pytestmark = pytest.mark.slow

SERVICE = "risk"  # some follower that needs the end of the log only


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FACTS_MIN", 1)
    monkeypatch.setattr(runner, "CATCH_UP_MESSAGES", 5)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data").create()


@pytest.fixture(scope="module")
def log() -> list[Stored]:
    return session("partial_fills").log


async def fold(
    folder: Folder, log: list[Stored], upto: int, *, services_at: int = 0
) -> tuple[LiveViewFold, VerdictView, Feed]:
    """Views that begin, fold up to a place, and end in good order."""
    feed = Feed(MemoryBus(MemoryLog(list(log))))
    board, verdicts = LiveViewFold(), VerdictView(0)
    with stored_views(folder) as stored:
        found = Views(feed, "desk", "paper", stored, [board, verdicts], Snapshots(folder.root))
        if services_at:
            feed.follow(SERVICE, services_at)
        await found.restore()
        await feed.start()
        try:
            await found.catch_up(upto)
            await found.rest()
        finally:
            await feed.stop()
    return board, verdicts, feed


async def test_views_that_go_on_show_what_they_would_have_shown(
    folder: Folder, log: list[Stored], tmp_path: Path
) -> None:
    whole, asked, _ = await fold(Folder(tmp_path / "other").create(), log, len(log))
    half = len(log) // 2
    for upto in (half // 2, half):
        await fold(folder, log[:upto], upto)
    board, verdicts, feed = await fold(folder, log, len(log))
    assert feed.holds(half)
    assert not feed.holds(half - 1)
    assert board.board == whole.board
    assert verdicts.asked == asked.asked
    assert extent(paths(folder.root)).least == len(log)


async def test_without_a_snapshot_the_past_is_read_beside_the_services(
    folder: Folder, log: list[Stored], tmp_path: Path
) -> None:
    whole, _, _ = await fold(Folder(tmp_path / "other").create(), log, len(log))
    late = len(log) - 20
    with capture_logs() as lines:
        board, _, feed = await fold(folder, log, len(log), services_at=late)
    assert not feed.holds(late - 1)
    assert [line["event"] for line in lines if line["event"].startswith("views_")] == [
        "views_read_the_past",
        "views_joined",
    ]
    assert board.board == whole.board
    assert extent(paths(folder.root)).least == len(log)


async def test_a_snapshot_that_knows_more_than_what_is_stored_is_left_alone(
    folder: Folder, log: list[Stored]
) -> None:
    await fold(folder, log, len(log))
    where = paths(folder.root)
    where.metrics.unlink()
    with capture_logs() as lines:
        board, _, _ = await fold(folder, log, len(log))
    assert "restored" not in [line["event"] for line in lines]
    assert board.sequence == len(log)
    assert extent(where).least == len(log)


async def test_views_without_a_past_do_not_hold_up_services_that_recall_a_long_one(
    folder: Folder, log: list[Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "HELD_FOR_VIEWS", 5)
    feed = Feed(MemoryBus(MemoryLog(list(log))))
    feed.follow(SERVICE)
    board = LiveViewFold()
    with stored_views(folder) as stored:
        found = Views(feed, "desk", "paper", stored, [board], Snapshots(folder.root))
        await found.restore()
        await feed.start()
        await feed.reach(len(log))
        feed.done(SERVICE, len(log))
        assert feed.least == len(log)  # nobody else holds anything

        await found.catch_up(len(log))
        await feed.stop()
    assert found.sequence == len(log)
    assert extent(paths(folder.root)).least == len(log)


async def test_views_that_end_while_they_are_opened_leave_no_task_behind(
    folder: Folder, log: list[Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "HEAD_START", 10**6)
    feed = Feed(MemoryBus(MemoryLog(list(log))))
    feed.follow(SERVICE)  # a service that never catches up, which opening waits for
    before = asyncio.all_tasks()
    with stored_views(folder) as stored:
        found = Views(feed, "desk", "paper", stored, [LiveViewFold()])
        await found.restore()
        await feed.start()
        following = asyncio.create_task(found.follow())
        await feed.reach(len(log))
        await cancel_all([following])
        await feed.stop()
        await found.end()
        assert asyncio.all_tasks() == before
    assert not stored.opened
