"""Bytes flipped and files cut short on disk: each is found and named, and none is served unseen."""

import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deadreckon.archive.jobs.backup import digest_of_log
from deadreckon.archive.open_log import owner_bus
from deadreckon.projections.comparison import TableDifference
from deadreckon.replay.verify.job import verify
from deadreckon.runtime.process.folder import Folder
from deadreckon.tools.doctor import examine
from tests.conftest import PATIENCE, ROOT
from tests.support.forked_verbs import run_forked

NAMES = ("audit", "lake", "metrics")
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that has ended, beside the place where every test finds a copy of it: the views name
    the folder they were made in."""
    root = tmp_path_factory.mktemp("disk")
    stack_folder = root / "desk"
    words = ["demo", "--data", str(stack_folder), "--no-web", "--json", "--for", "3"]
    subprocess.run([sys.executable, "-m", "deadreckon", *words], check=True, capture_output=True)
    shutil.copytree(stack_folder, root / "whole", symlinks=True)
    return root / "whole"


@pytest.fixture
def stack_folder(whole: Path) -> Path:
    folder = whole.parent / "desk"
    shutil.rmtree(folder)
    shutil.copytree(whole, folder, symlinks=True)
    return folder


def flip(file: Path, place: int) -> None:
    """Turn one bit round; a negative place counts from the end."""
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)


def cut(file: Path, share: float) -> None:
    """Keep the first part of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def faults(stack_folder: Path) -> dict[str, str]:
    """What `dr doctor` finds unsound."""

    async def look() -> dict[str, str]:
        found = [finding async for finding in examine(stack_folder, None)]
        return {finding.what: finding.seen for finding in found if not finding.sound}

    return asyncio.run(look())


def differences(stack_folder: Path) -> list[TableDifference]:
    """What `dr verify` finds."""
    return asyncio.run(verify(stack_folder, NAMES, None, shows=False)).differences


def log_digest(stack_folder: Path) -> str:
    async def read() -> str:
        async with owner_bus(Folder(stack_folder)) as bus:
            return await digest_of_log(bus, (await bus.info()).last, lambda *_: None)

    return asyncio.run(read())


def stream(stack_folder: Path) -> Path:
    """Where the server keeps the messages of the log."""
    return next(iter(stack_folder.glob("nats/store/jetstream/*/streams/LOG/msgs")))


def in_the_middle(stack_folder: Path) -> None:
    block = stream(stack_folder) / "1.blk"
    flip(block, block.stat().st_size // 2)


def in_the_last_message(stack_folder: Path) -> None:
    flip(stream(stack_folder) / "1.blk", -200)


def half_a_block(stack_folder: Path) -> None:
    cut(stream(stack_folder) / "1.blk", 0.5)


def no_block(stack_folder: Path) -> None:
    (stream(stack_folder) / "1.blk").unlink()


def no_index(stack_folder: Path) -> None:
    (stream(stack_folder) / "index.db").unlink(missing_ok=True)


def test_an_untouched_folder_is_sound(stack_folder: Path) -> None:
    assert faults(stack_folder) == {}
    assert differences(stack_folder) == []


LOST = {
    "one bit of a message": in_the_middle,
    "one bit of the last message": in_the_last_message,
    "the second half of a block": half_a_block,
    "a whole block": no_block,
}
HOLE = re.compile(r"\d+ (is )?missing|message \d+.* cannot be read")


@pytest.mark.parametrize("damage", LOST)
def test_a_damaged_log_is_a_hole_that_is_named_and_nothing_starts_on_it(
    stack_folder: Path, damage: str
) -> None:
    LOST[damage](stack_folder)

    assert HOLE.search(faults(stack_folder)["contiguity"])
    # From snapshots behind the damage it would go on until its statement has read the whole log.
    words = ["demo", "--data", str(stack_folder), "--no-web", "--json", "--for", "1"]
    command = [sys.executable, "-m", "deadreckon", *words]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    assert started.returncode == 3
    assert HOLE.search(started.stderr)


@pytest.mark.parametrize("harm", [in_the_middle, in_the_last_message, half_a_block])
def test_a_log_that_was_cut_is_told_by_the_views_that_saw_more(
    stack_folder: Path, harm: Damage
) -> None:
    """Without its index the server takes the damaged end for the end: no hole, only less."""
    harm(stack_folder)
    no_index(stack_folder)

    found = faults(stack_folder)

    assert "the log was cut" in found["views"]


def test_what_the_server_mends_by_itself_changes_nothing(stack_folder: Path) -> None:
    before = log_digest(stack_folder)
    no_index(stack_folder)
    assert log_digest(stack_folder) == before

    flip(stream(stack_folder) / "index.db", 20)
    assert log_digest(stack_folder) == before


def live_part(stack_folder: Path) -> Path:
    """A part of the lake that is asked today."""
    from deadreckon.projections.sinks import manifest

    lake = stack_folder / "lake"
    found = manifest.read(lake)
    assert found is not None
    return lake / next(part.file for part in found.live("equity"))


def an_amount_in_the_lake(stack_folder: Path) -> None:
    part = live_part(stack_folder)
    flip(part, part.stat().st_size // 3)


def a_part_cut_short(stack_folder: Path) -> None:
    cut(live_part(stack_folder), 0.5)


def no_manifest(stack_folder: Path) -> None:
    (stack_folder / "lake" / "manifest.json").unlink()


def a_cut_manifest(stack_folder: Path) -> None:
    cut(stack_folder / "lake" / "manifest.json", 0.5)


def a_cut_audit_book(stack_folder: Path) -> None:
    cut((stack_folder / "audit.sqlite").resolve(), 0.7)


def no_audit_book(stack_folder: Path) -> None:
    (stack_folder / "audit.sqlite").resolve().unlink()


def a_bit_of_the_views(stack_folder: Path) -> None:
    flip(stack_folder / "analytics.duckdb", 16_300)


VIEWS = {
    "an amount in the lake": (an_amount_in_the_lake, "holds other bytes than were written"),
    "a part cut short": (a_part_cut_short, "missing or cut short"),
    "no manifest": (no_manifest, "manifest.json is missing"),
    "a cut manifest": (a_cut_manifest, "`dr rebuild` makes the lake anew"),
    "a cut audit book": (a_cut_audit_book, "`dr rebuild` makes it anew"),
    "no audit book": (no_audit_book, "audit.sqlite is missing"),
    "a bit of analytics.duckdb": (a_bit_of_the_views, "cannot be read"),
}


@pytest.mark.parametrize("damage", VIEWS)
def test_a_damaged_view_is_named_and_is_whole_again_when_rebuilt(
    stack_folder: Path, damage: str
) -> None:
    harm, words = VIEWS[damage]
    harm(stack_folder)

    assert words in faults(stack_folder)["views"]
    if damage != "no manifest":  # the log is whole: there is just nothing to compare
        assert differences(stack_folder)

    run_forked(
        ("rebuild", "--data", str(stack_folder)), ROOT, os.environ, PATIENCE
    ).check_returncode()
    assert faults(stack_folder) == {}
    assert differences(stack_folder) == []


def test_no_bit_of_the_audit_book_turns_unseen(stack_folder: Path, whole: Path) -> None:
    """A bit in what SQLite does not use is harmless; every other one is found."""
    book = (stack_folder / "audit.sqlite").resolve()
    sound = book.read_bytes()
    chance = random.Random(11)
    silent = []
    for _ in range(12):
        place = chance.randrange(len(sound))
        flip(book, place)
        if not differences(stack_folder) and not faults(stack_folder):
            silent.append(place)
        book.write_bytes(sound)
        book.with_name(f"{book.name}-wal").unlink(missing_ok=True)
        book.with_name(f"{book.name}-shm").unlink(missing_ok=True)

    assert all(unused(book, place) for place in silent)


def unused(book: Path, place: int) -> bool:
    """Whether no query can see a byte: the book says the same whatever it is."""
    import sqlite3

    def content() -> list[str]:
        with sqlite3.connect(f"{book.as_uri()}?immutable=1", uri=True) as database:
            return list(database.iterdump())

    before = content()
    flip(book, place)
    try:
        return content() == before
    finally:
        flip(book, place)


def test_a_damaged_snapshot_is_named_and_a_start_goes_without_it(stack_folder: Path) -> None:
    snapshots = sorted((stack_folder / "snapshots").glob("*.risk/*"))
    assert snapshots
    for snapshot in snapshots:
        flip(snapshot, snapshot.stat().st_size // 2)

    assert "its checksum is another" in faults(stack_folder)["snapshots"]

    before = log_digest(stack_folder)
    words = ["demo", "--data", str(stack_folder), "--no-web", "--json", "--for", "1"]
    subprocess.run([sys.executable, "-m", "deadreckon", *words], check=True, capture_output=True)
    assert "its checksum is another" in (stack_folder / "logs" / "demo.log").read_text()
    assert log_digest(stack_folder) != before  # it went on
    assert differences(stack_folder) == []
