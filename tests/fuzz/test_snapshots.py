"""Whatever lies where a snapshot was: it is refused by name, or it is that snapshot."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service import snapshot_file, snapshots
from deadreckon.runtime.service.snapshots import (
    Snapshot,
    SnapshotAheadError,
    Snapshots,
    encode_state,
)
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK
from tests.fuzz.budget import SEED, share
from tests.fuzz.mutator import Mutator
from tests.sessions.player import Session
from tests.sessions.scripts.partial_fills import SCRIPT

SERVICE = "risk"


@pytest.fixture
async def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that left snapshots."""
    monkeypatch.setattr(snapshots, "FACTS_MIN", 20)
    session = Session("partial_fills", SCRIPT, Snapshots(tmp_path))
    await session.play()
    return session


async def found(log: list[Stored], data: Path) -> Snapshot | None:
    """What a service would begin with."""
    bus = MemoryBus(MemoryLog(list(log)))
    [service] = assemble(
        (SERVICE,), bus, Feed(bus), book=BOOK, mode="paper", snapshots=Snapshots(data)
    )
    snapshot_store: Any = getattr(service, "snapshot_store", None)
    loaded: Snapshot | None = await snapshot_store.load(bus)
    return loaded


def resealed(mutator: Mutator, content: bytes) -> bytes:
    """Somebody changes the head or the state, and makes the checksum of the file right again."""
    _, head, state = content.split(b"\n", 2)
    head, state = (
        (mutator.payload(head).replace(b"\n", b" "), state)
        if mutator.random.random() < 0.5
        else (head, mutator.payload(state))
    )
    rest = head + b"\n" + state
    mark = b"%s %d %s\n" % (
        snapshot_file.MARK,
        snapshot_file.FORMAT,
        hashlib.sha256(rest).hexdigest().encode(),
    )
    return mark + rest


async def test_a_mutated_snapshot_is_refused_by_name_or_says_the_same(
    played: Session, tmp_path: Path
) -> None:
    paths = sorted((tmp_path / "snapshots" / f"{BOOK}.{SERVICE}").glob("*.snapshot"))
    for path in paths[:-1]:
        path.unlink()
    path, content = paths[-1], paths[-1].read_bytes()
    sound = await found(played.log, tmp_path)
    assert sound is not None
    refused = 0
    for number in range(share(5)):
        mutator = Mutator(f"snapshot/{SEED}", number)
        forged = mutator.random.random() < 0.6  # by somebody who can do anything but crash us
        path.write_bytes(resealed(mutator, content) if forged else mutator.bytes(content))
        with capture_logs() as record:
            try:
                loaded = await found(played.log, tmp_path)
            except SnapshotAheadError:
                continue  # it says so of itself: the start is refused
            except BaseException as error:
                error.add_note(f"snapshot, DR_FUZZ_SEED={SEED}, case {number}")
                raise
        if loaded is None:
            refused += 1
            assert record[0]["reason"]
            continue
        assert forged or loaded == sound, f"case {number}"
        assert forged or encode_state(loaded.state) == encode_state(sound.state)
    assert refused
