"""A power cut is not a kill: what was not forced to disk is gone, or half of it is.

Every state that one may leave is opened again: it starts, or the damage is named; and nothing that
was acknowledged before is lost. What SQLite, DuckDB and nats-server write is their own business.
"""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from deadreckon.contracts.errors import ExpectedError
from deadreckon.contracts.market import BarClosed
from deadreckon.node.venue_logins import connect_venues, write_login
from deadreckon.runtime.log import rollover_notice
from deadreckon.runtime.log.rollover_notice import Rollover
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.runtime.server.credentials import Credentials
from deadreckon.runtime.server.known_roles import KnownRoles, Producer, read_known_roles
from deadreckon.runtime.server.nats_server import EmbeddedServer
from deadreckon.runtime.server.server_files import ServerFiles, change_known_roles
from deadreckon.runtime.service.crash_counter import REPEATS, Crash, CrashCounter
from deadreckon.runtime.service.snapshot_file import (
    SnapshotRefusedError,
    read_snapshot,
    write_whole,
)
from deadreckon.venues.registry import VenueLogin
from tests.support.power_cut import PowerCut, recorded

CRASH = Crash("risk", "e1", BarClosed.__name__, "ValueError: x")


def test_a_new_folder_is_made_or_can_be_made_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    def act(cut: PowerCut) -> None:
        Folder(root / "desk").create()
        cut.acknowledge("made")

    for left, told in recorded(root, act).each(tmp_path):
        if told:
            Folder(left / "desk").check()
        Folder(left / "desk").create()
        Folder(left / "desk").check()


def test_a_folder_with_something_else_in_it_is_still_refused(tmp_path: Path) -> None:
    (tmp_path / ".deadreckon.json.1.unfinished").touch()
    (tmp_path / "letters.txt").touch()
    with pytest.raises(FolderError, match="holds something else"):
        Folder(tmp_path).create()


def test_registered_producers_stay_and_removed_ones_stay_away(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root

    def act(cut: PowerCut) -> None:
        folder = Folder(root)
        for name in ("ann", "bob"):
            producer = Producer(name, "desk", f"key-{name}")
            change_known_roles(folder, lambda known, it=producer: known.with_producer(it))  # type: ignore[misc]
            cut.acknowledge(f"+{name}")
        change_known_roles(folder, lambda known: known.without_producer("ann"))
        cut.acknowledge("-ann")

    for left, told in recorded(root, act).each(tmp_path):
        found = {each.name for each in read_known_roles(ServerFiles(left).registry).producers}
        assert "bob" in found or "+bob" not in told
        assert "ann" in found or "+ann" not in told or "+bob" in told
        assert "ann" not in found or "-ann" not in told


def test_a_credential_that_was_handed_out_stays_the_same(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root

    def act(cut: PowerCut) -> None:
        files = ServerFiles(root)
        files.prepare()
        cut.acknowledge(files.credentials.kept("risk").seed)
        files.credentials.kept("producer-ext")
        files.credentials.forget("producer-ext")
        cut.acknowledge("forgotten")

    for left, told in recorded(root, act).each(tmp_path):
        found = Credentials(left / "nats" / "credentials")
        if "forgotten" in told:
            assert not found.has("producer-ext")
        seed = found.kept("risk").seed
        assert seed == next(iter(told), seed)
        found.kept("producer-ext")


def test_the_third_equal_crash_is_counted_and_an_orderly_end_forgets_them(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root

    def act(cut: PowerCut) -> None:
        counter = CrashCounter(root / "crashes.jsonl")
        for number in range(REPEATS):
            counter.note(CRASH)
            cut.acknowledge(f"{number + 1}")
        counter.forget()
        cut.acknowledge("forgotten")

    for left, told in recorded(root, act).each(tmp_path):
        counter = CrashCounter(left / "crashes.jsonl")
        found = counter.repeated()
        if told == tuple("123"):
            # The file may be gone already: forgetting it has begun.
            assert found == CRASH or not (left / "crashes.jsonl").exists()
        assert found in (CRASH, None)
        if "forgotten" in told:
            assert found is None
        counter.forget()
        for _ in range(REPEATS):
            counter.note(CRASH)
        assert counter.repeated() == CRASH


def test_crashes_are_counted_behind_a_line_that_was_halved(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root

    def act(cut: PowerCut) -> None:
        CrashCounter(root / "crashes.jsonl").note(CRASH)

    for left, _ in recorded(root, act).each(tmp_path):
        counter = CrashCounter(left / "crashes.jsonl")
        for _ in range(REPEATS):
            counter.note(CRASH)
        assert counter.repeated() == CRASH


def test_a_snapshot_is_whole_or_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    def act(cut: PowerCut) -> None:
        write_whole(root / "a.snapshot", b'{"head": 1}', b"state" * 100, "risk")

    for left, _ in recorded(root, act).each(tmp_path):
        path = left / "a.snapshot"
        if path.exists() and path.read_bytes() != (root / "a.snapshot").read_bytes():
            with pytest.raises(SnapshotRefusedError):
                read_snapshot(path)


def test_a_rollover_that_has_begun_is_finished_before_anything_else_starts(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root
    (root / "nats").mkdir()
    begun = Rollover(first=7)

    def act(cut: PowerCut) -> None:
        rollover_notice.keep(root, begun)
        cut.acknowledge("begun")
        rollover_notice.keep(root, replace(begun, step="copied"))
        cut.acknowledge("copied")
        rollover_notice.forget(root)
        cut.acknowledge("done")

    for left, told in recorded(root, act).each(tmp_path):
        found = rollover_notice.unfinished(left)
        if "done" in told:
            assert found is None
        elif told == ("begun",):
            assert found is not None
        elif "copied" in told:
            assert found is None or found.step == "copied"


def test_a_venues_login_is_whole_or_named(tmp_path: Path) -> None:
    root = Folder(tmp_path / "root").create().root
    (tmp_path / "key").write_text("key")
    (tmp_path / "key").chmod(0o600)
    login = VenueLogin("http://127.0.0.1:1", str(tmp_path / "key"))

    def act(cut: PowerCut) -> None:
        write_login(Folder(root), "venue-sim", login)
        cut.acknowledge("written")

    for left, told in recorded(root, act).each(tmp_path):
        if told:
            assert (left / "venue-sim.json").read_bytes() == (root / "venue-sim.json").read_bytes()
        elif (left / "venue-sim.json").exists():
            connect_venues(Folder(left), ["venue-sim"])


@pytest.mark.slow
def test_a_server_starts_on_every_folder_that_a_power_cut_leaves(tmp_path: Path) -> None:
    """From the first start to a producer's credential; who was added comes in."""
    root = tmp_path / "root"
    root.mkdir()

    def act(cut: PowerCut) -> None:
        folder = Folder(root / "desk").create()
        change_known_roles(folder, lambda known: known.with_venue("venue-a"))
        files = ServerFiles(folder.root)
        files.write_settings()
        key = files.credentials.kept("producer-ext").key.public
        change_known_roles(folder, lambda known: known.with_producer(Producer("ext", "desk", key)))
        files.write_settings()
        cut.acknowledge("added")

    cut = recorded(root, act)
    # Most differ in one of twenty credentials only.
    cut.states = [*cut.states[:: len(cut.states) // 10], *(each for each in cut.states if each[1])]
    for left, told in cut.each(tmp_path):
        may = asyncio.run(_may_send(left / "desk"))
        assert may or not told


async def _may_send(data: Path) -> bool:
    Folder(data).create()
    async with EmbeddedServer(data) as server:
        known: KnownRoles = read_known_roles(ServerFiles(data).registry)
        maker = await server.address.endpoint.bus("provisioner")
        await maker.provision()
        await maker.close()
        if not known.producers:
            return False
        try:
            bus = await server.address.endpoint.bus("producer-ext")
        except ExpectedError:
            return False
        await bus.append("log.desk.in.ext", b"{}")
        await bus.close()
        return True
