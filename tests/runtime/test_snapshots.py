"""Snapshots change nothing but how long a start takes, and what does not fit is never used."""

import asyncio
import errno
import hashlib
import os
import re
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from structlog.testing import capture_logs

from deadreckon.contracts.event import Mode
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service import snapshots
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshot_file import examine_snapshots
from deadreckon.runtime.service.snapshots import (
    SnapshotAheadError,
    Snapshots,
    StateAtCommit,
    encode_state,
    state_digest,
)
from deadreckon.services.assembly import assemble, decider
from deadreckon.services.catalogue import BOOK, RANK
from tests.sessions.player import Session
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
    for snapshot_store in (folder / "snapshots").iterdir():
        known = [path for path in sorted(snapshot_store.iterdir()) if int(path.stem) <= place]
        for path in known[-1:]:
            copy = beside / "snapshots" / snapshot_store.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    return beside


async def recalled(
    log: list[Stored], folder: Path | None, book: str = BOOK, mode: Mode = "paper"
) -> list[LogService]:
    """Every service as it stands when it has recalled a log, beginning with what a folder keeps."""
    bus = MemoryBus(MemoryLog(list(log)))
    feed = Feed(bus)
    kept = Snapshots(folder) if folder else None
    services = assemble(RANK, bus, feed, book=book, mode=mode, snapshots=kept)
    for service in services:
        await service.restore()
    await feed.start()
    for service in services:
        await service.replay()
    await feed.stop()
    return services


async def begins(log: list[Stored], folder: Path) -> dict[str, int]:
    """The message behind which each service begins with what a folder keeps."""
    bus = MemoryBus(MemoryLog(list(log)))
    kept = Snapshots(folder)
    services = assemble(RANK, bus, Feed(bus), book=BOOK, mode="paper", snapshots=kept)
    for service in services:
        await service.restore()
    return {service.name: service.position for service in services}


def refused(service: LogService) -> int:
    """How many snapshots it could not use."""
    assert isinstance(service, Service)
    assert service.snapshot_store
    return service.snapshot_store.refused


def standings(log: list[Stored], folder: Path | None = None) -> list[StateAtCommit]:
    async def stand() -> list[StateAtCommit]:
        return [await service.state_at_commit() for service in await recalled(log, folder)]

    return asyncio.run(stand())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_a_session_with_snapshots_at_every_commit_says_the_same(
    name: str, played: Callable[[str], Session]
) -> None:
    assert envelopes(played(name).log) == envelopes(session(name).log)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_wherever_services_die_a_snapshot_leads_to_the_state_that_the_whole_log_leads_to(
    name: str, played: Callable[[str], Session], tmp_path: Path
) -> None:
    log = played(name).log
    assert len(list((tmp_path / "snapshots").iterdir())) == len(RANK)
    for place in range(1, len(log) + 1, 7):
        kept = those_before(tmp_path, place)
        begun, whole = (asyncio.run(recalled(log[:place], folder)) for folder in (kept, None))
        for one, other in zip(begun, whole, strict=True):
            assert one.state == other.state, f"{one.name}, cut after {place}"
            assert state_digest(one.state) == state_digest(other.state)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_services_that_die_and_begin_with_a_snapshot_finish_their_turn_the_same(
    name: str, played: Callable[[str], Session], tmp_path: Path
) -> None:
    uncut = played(name)
    for begun, ended in zip([0, *uncut.places], uncut.places, strict=False):
        place = (begun + ended + 1) // 2
        uncut.snapshots = Snapshots(those_before(tmp_path, place))
        log = asyncio.run(uncut.turn_after_a_cut(place))
        assert envelopes(log) == envelopes(uncut.log[:ended]), f"cut after message {place}"


def test_what_was_written_by_one_instance_serves_another_that_others_wrote_after(
    played: Callable[[str], Session], tmp_path: Path
) -> None:
    uncut = played("partial_fills")
    place = uncut.places[len(uncut.places) // 2]
    early = those_before(tmp_path, place)
    uncut.snapshots = None  # the rest of the log is written by instances that keep nothing
    log = asyncio.run(uncut.played_after_a_cut(place))
    assert len(log) > place
    found = asyncio.run(recalled(log, early))
    assert not any(refused(service) for service in found)
    assert standings(log, early) == standings(log)


def test_a_start_reads_no_more_of_the_log_than_it_needs(
    played: Callable[[str], Session], tmp_path: Path
) -> None:
    log = played("moving_average").log
    damaged = [*log]
    damaged[0] = msgspec.structs.replace(log[0], payload=b"no commit")
    newest = those_before(tmp_path, len(log))
    assert standings(damaged, newest) == standings(log)


# Whatever a state may hold survives.


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint, with amounts and integers of any size."""
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(origin, type) and issubclass(origin, Struct):
        fields = {it.name: anything(it.type) for it in msgspec.structs.fields(hint)}
        return st.builds(origin, **fields)
    if origin is Annotated:
        return anything(inner[0])
    if origin is dict:
        return st.dictionaries(anything(inner[0]), anything(inner[1]), max_size=3)
    if origin is list:
        return st.lists(anything(inner[0]), max_size=3)
    if origin is tuple:
        return st.lists(anything(inner[0]), max_size=3).map(tuple)
    if origin is Literal:
        return st.sampled_from(inner)
    if inner:
        return st.one_of(*map(anything, inner))
    if isinstance(hint, type) and issubclass(hint, Struct):
        fields = {it.name: anything(it.type) for it in msgspec.structs.fields(hint)}
        return st.builds(hint, **fields)
    return PLAIN[hint]


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=9),
    int: st.integers(),
    bool: st.booleans(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    None: st.none(),
    type(None): st.none(),
    Any: st.dictionaries(st.text(max_size=9), st.text(max_size=9)),  # a strategy's own state
}


@pytest.mark.parametrize("name", RANK)
@settings(max_examples=10)
@given(data=st.data())
@pytest.mark.slow
def test_any_state_that_a_service_may_have_is_read_as_it_was_written(
    name: str, data: st.DataObject
) -> None:
    shape = type(decider(name).initial())
    state = data.draw(anything(shape))
    again = msgspec.json.decode(encode_state(state), type=shape)
    assert again == state
    assert encode_state(again) == encode_state(state)


# What does not fit is refused.


def spoilt(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def resealed(content: bytes) -> bytes:
    """The same with a checksum that fits."""
    mark, _, rest = content.partition(b"\n")
    sound = hashlib.sha256(rest).hexdigest().encode()
    return mark.rpartition(b" ")[0] + b" " + sound + b"\n" + rest


SPOILT: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("does not begin as a snapshot", lambda _: b""),
    "cut short": ("its checksum is another", lambda it: it[:-9]),
    "one bit": ("its checksum is another", lambda it: it[:-9] + bytes([it[-9] ^ 1]) + it[-8:]),
    "a newer format": ("snapshot of format 1", lambda it: it.replace(b"t 1 ", b"t 2 ", 1)),
    "another service": (
        "it is of router desk paper, not of risk desk paper",
        lambda it: resealed(it.replace(b'"name":"risk"', b'"name":"router"', 1)),
    ),
    "another book": (
        "it is of risk mine paper",
        lambda it: resealed(it.replace(b'"book":"desk"', b'"book":"mine"', 1)),
    ),
    "another mode": (
        "it is of risk desk live",
        lambda it: resealed(it.replace(b'"mode":"paper"', b'"mode":"live"', 1)),
    ),
    "other code": (
        "other code folded it",
        lambda it: resealed(re.sub(rb'"code":"\w{8}', b'"code":"00000000', it, count=1)),
    ),
    "another schema": (
        "other code folded it",
        lambda it: resealed(re.sub(rb'"schema":"\w{8}', b'"schema":"00000000', it, count=1)),
    ),
    "another log": (
        "it is of another log",
        lambda it: resealed(re.sub(rb'"digest":"\w{8}', b'"digest":"00000000', it, count=1)),
    ),
    "another state": (
        "what is read of its state is not what was written",
        lambda it: resealed(it.replace(b'"day_ends":', b'"day_ends":1', 1)),
    ),
    "no head": ("its head cannot be read", lambda it: resealed(it.replace(b'"moment"', b'"m"', 1))),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_snapshot_that_does_not_fit_is_named_and_the_log_is_folded_instead(
    name: str, played: Callable[[str], Session], tmp_path: Path
) -> None:
    reason, change = SPOILT[name]
    log = played("moving_average").log
    kept = those_before(tmp_path, len(log))
    (path,) = (kept / "snapshots" / "desk.risk").iterdir()
    spoilt(path, change)
    with capture_logs() as lines:
        found = asyncio.run(recalled(log, kept))
    (refusal,) = [line for line in lines if line["event"] == "snapshot_refused"]
    assert refusal["snapshot"] == str(path)
    assert reason in refusal["reason"]
    assert [service.name for service in found if refused(service)] == ["risk"]
    assert standings(log, kept) == standings(log)


def test_the_next_older_one_is_tried(played: Callable[[str], Session], tmp_path: Path) -> None:
    log = played("moving_average").log
    newest = max((tmp_path / "snapshots" / "desk.risk").iterdir())
    begun = asyncio.run(begins(log, tmp_path))
    spoilt(newest, lambda content: content[:-1])
    now = asyncio.run(begins(log, tmp_path))
    assert 0 < now["risk"] < begun["risk"]
    assert now | {"risk": 0} == begun | {"risk": 0}
    assert standings(log, tmp_path) == standings(log)


def test_a_snapshot_ahead_of_the_log_stops_the_start(
    played: Callable[[str], Session], tmp_path: Path
) -> None:
    log = played("moving_average").log
    with pytest.raises(SnapshotAheadError, match="the log was cut; restore it from a copy"):
        asyncio.run(recalled(log[:9], tmp_path))


def test_every_snapshot_is_examined_without_a_log(
    played: Callable[[str], Session], tmp_path: Path
) -> None:
    played("moving_average")
    sound = examine_snapshots(tmp_path)
    assert {path.parent.name for path, _ in sound} == {f"desk.{name}" for name in RANK}
    assert not any(fault for _, fault in sound)
    spoilt(sound[3][0], lambda content: content[:99])
    faults = [(path, fault) for path, fault in examine_snapshots(tmp_path) if fault]
    assert faults == [(sound[3][0], "it is damaged: its checksum is another")]


# How they lie on disk, and when they are written.


def test_the_two_newest_are_kept_for_their_owner_alone(
    played: Callable[[str], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "KEPT", 2)
    leftover = tmp_path / "snapshots" / "desk.risk" / "1.2.writing"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    played("moving_average")
    assert not leftover.exists()
    for snapshot_store in (tmp_path / "snapshots").iterdir():
        files = list(snapshot_store.iterdir())
        assert len(files) == 2
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


def test_a_disk_that_takes_no_snapshot_stops_nobody(
    played: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with capture_logs() as lines:
        log = played("moving_average").log
    assert envelopes(log) == envelopes(session("moving_average").log)
    assert "No space left" in next(
        line["reason"] for line in lines if line["event"] == "snapshot_not_written"
    )


def test_a_big_state_is_written_down_less_often(tmp_path: Path) -> None:
    snapshot_store = Snapshots(tmp_path).snapshot_store("risk", BOOK, "paper", [], dict[str, int])
    before = snapshot_store.facts_between
    snapshot_store._size = 400 * 1_000_000
    assert before == 1
    assert snapshot_store.facts_between == 1_000_000
