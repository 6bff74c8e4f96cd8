"""Snapshots change nothing but how long a start takes, and what does not fit is never used."""

import asyncio
import os
import shutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from deadreckon.contracts.event import Mode
from deadreckon.runtime import snapshots
from deadreckon.runtime.bus import Stored
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service import Service
from deadreckon.runtime.snapshots import (
    SnapshotAheadError,
    Snapshots,
    Standing,
    encode_state,
    examine_snapshots,
)
from deadreckon.stack.assembly import BOOK, RANK, assemble
from tests.sessions.stage import Session
from tests.sessions.test_sessions import NAMES, envelopes, session


@pytest.fixture(autouse=True)
def at_every_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot at each commit that can have one, all of them kept, on a disk that is fast."""
    monkeypatch.setattr(snapshots, "FACTS_MIN", 1)
    monkeypatch.setattr(snapshots, "KEPT", 10_000)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def played(tmp_path: Path) -> Callable[[str], Session]:
    """Plays a session whose services leave snapshots in the test's folder."""

    def play(name: str) -> Session:
        script = import_module(f"tests.sessions.scripts.{name}").SCRIPT
        found = Session(name, script, Snapshots(tmp_path))
        asyncio.run(found.play())
        return found

    return play


def those_before(folder: Path, place: int) -> Path:
    """The newest snapshots that there were when the log ended at `place`, in a folder beside."""
    beside = folder / f"at-{place}"
    for shelf in (folder / "snapshots").iterdir():
        known = [path for path in sorted(shelf.iterdir()) if int(path.stem) <= place]
        for path in known[-1:]:
            copy = beside / "snapshots" / shelf.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    return beside


async def recalled(
    log: list[Stored], folder: Path | None, book: str = BOOK, mode: Mode = "paper"
) -> list[Service]:
    """Every service as it stands when it has recalled a log, beginning with what a folder keeps."""
    bus = MemoryBus(MemoryLog(list(log)))
    feed = Feed(bus)
    kept = Snapshots(folder) if folder else None
    services = assemble(RANK, bus, feed, book=book, mode=mode, snapshots=kept)
    for service in services:
        await service.restore()
    await feed.start()
    for service in services:
        await service.recall()
    await feed.stop()
    return services


def standings(log: list[Stored], folder: Path | None = None) -> list[Standing]:
    async def stand() -> list[Standing]:
        return [await service.standing() for service in await recalled(log, folder)]

    return asyncio.run(stand())


@pytest.mark.parametrize("name", NAMES)
def test_a_session_with_snapshots_at_every_commit_says_the_same(
    name: str, played: Callable[[str], Session]
) -> None:
    assert envelopes(played(name).log) == envelopes(session(name).log)


@pytest.mark.parametrize("name", NAMES)
def test_wherever_services_die_a_snapshot_leads_to_the_state_that_the_whole_log_leads_to(
    name: str, played: Callable[[str], Session], tmp_path: Path
) -> None:
    log = played(name).log
    assert len(list((tmp_path / "snapshots").iterdir())) == len(RANK)
    for place in range(1, len(log) + 1):
        kept = those_before(tmp_path, place)
        assert standings(log[:place], kept) == standings(log[:place]), f"cut after {place}"
