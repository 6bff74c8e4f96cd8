"""Days of a log become an archive: each once, whatever happens on the way, and all of it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from deadreckon.archive import segment_writer
from deadreckon.archive.manifests import ArchiveError, file_bytes, file_of
from deadreckon.archive.merkle import leaf_hash, root_of
from deadreckon.archive.sealer import LOCK, PUBLIC, OpenDayError
from deadreckon.archive.segments import Archive, write_log, write_range
from deadreckon.archive.signing import DamagedKeyError, read_or_create_key
from deadreckon.contracts.archive import RangeSealed
from deadreckon.contracts.codec import decode_commit, unwrap
from deadreckon.contracts.timestamps import DAY, day_of
from deadreckon.runtime.log.bus import HoleError
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.process.file_lock import LockedError, file_lock
from deadreckon.runtime.server.secret import ExposedSecretError
from tests.stories import START, bar
from tests.support.archived_logs import DAYS, KEY, ArchivedLog, some_days, timed

FIRST, SECOND, LAST = (day_of(START + day * DAY) for day in range(3))


@pytest.fixture
def archived(tmp_path: Path) -> ArchivedLog:
    return ArchivedLog(tmp_path / "archive")


def published(archived: ArchivedLog) -> list[RangeSealed]:
    """What the log says of the archive."""
    commits = [
        decode_commit(stored.payload)
        for stored in archived.log.messages
        if stored.subject == "log.shared.sealer.events"
    ]
    events = [unwrap(envelope).event for commit in commits for envelope in commit.events]
    assert all(isinstance(event, RangeSealed) for event in events)
    return events  # type: ignore[return-value]


def test_each_day_that_is_over_is_a_range_and_what_comes_before_any_clock_is_of_the_first(
    archived: ArchivedLog,
) -> None:
    recorded = list(archived.log.messages)
    found = archived.seal()

    assert [manifest.day for manifest in found.sealed] == [FIRST, SECOND]
    a_day = (len(recorded) - 1) // DAYS
    assert [(each.first, each.last) for each in found.sealed] == [
        (1, 1 + a_day),
        (2 + a_day, 1 + 2 * a_day),
    ]
    assert (found.last, found.end, found.day) == (1 + 2 * a_day, len(recorded), LAST)
    for manifest in found.sealed:
        leaves = [leaf_hash(each) for each in recorded[manifest.first - 1 : manifest.last]]
        assert manifest.root == root_of(leaves).hex()


def test_the_log_says_each_range_once(archived: ArchivedLog) -> None:
    archived.seal(FIRST)
    archived.seal()
    archived.seal()
    chain = archived.chain
    assert [(word.number, word.root) for word in published(archived)] == [
        (manifest.number, manifest.root) for manifest in chain
    ]
    assert len(chain) == 2


@pytest.mark.parametrize("window", [1, 7, 4_096])
def test_what_is_read_from_an_archive_is_what_was_stored(
    archived: ArchivedLog, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadreckon.archive.segments.WINDOW", window)
    recorded = list(archived.log.messages)
    archived.seal(everything=True)
    archive = Archive(archived.root)

    assert (archive.first, archive.last) == (1, len(recorded))
    for after, upto in [(0, None), (3, 60), (50, 51), (44, 44), (len(recorded), None)]:
        found = [stored for some in archive.messages(after, upto) for stored in some]
        assert found == recorded[after:upto]
    assert archive.message(17) == recorded[16]
    assert archive.message(0) is None
    assert archive.message(len(recorded) + 1) is None


def test_an_archive_of_nothing_is_empty(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert (archive.first, archive.last, list(archive.messages(0))) == (0, 0, [])
    with pytest.raises(ArchiveError, match="no message to seal"):
        write_range(tmp_path, [])


def test_sealing_again_changes_no_byte(archived: ArchivedLog) -> None:
    archived.seal(everything=True)
    before, end = archived.files(), archived.log.last
    assert archived.seal().sealed == []
    assert archived.seal(everything=True).sealed == []  # there are only words about the archive now
    assert (archived.files(), archived.log.last) == (before, end)


def test_the_bytes_are_a_function_of_the_log_and_the_key(tmp_path: Path) -> None:
    one, other = ArchivedLog(tmp_path / "one"), ArchivedLog(tmp_path / "other")
    one.seal(FIRST)
    one.seal()
    other.seal()
    assert one.files() == other.files()


def test_a_manifest_that_the_log_does_not_know_of_is_said(archived: ArchivedLog) -> None:
    """A sealer was killed between the manifest and the log."""
    recorded = list(archived.log.messages)
    write_log(archived.root, recorded[:60], KEY)
    found = archived.seal(everything=True)
    assert found.caught_up == 2
    assert [word.number for word in published(archived)] == [1, 2, 3, 4]


def test_what_a_killed_sealer_left_is_swept_away(archived: ArchivedLog, tmp_path: Path) -> None:
    """It was killed before the manifest: nothing of the range counts, and nothing of it stays."""
    other = ArchivedLog(tmp_path / "other")
    other.seal()
    archived.seal(FIRST)
    half = "messages/book=desk/day=2022-01-15/00000002.parquet"
    for name in (half, "marks/book=x/day=y/00000003.parquet", ".unfinished/00000002/part.ipc"):
        path = archived.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half a file")
    archived.seal()
    assert archived.files() == other.files()


def test_a_day_that_is_not_over_is_refused_and_all_seals_it(archived: ArchivedLog) -> None:
    for day in (LAST, day_of(START + 9 * DAY)):
        with pytest.raises(OpenDayError, match=f"{day} is not over: the log is at {LAST}"):
            archived.seal(day)
    assert archived.chain == []
    assert [each.day for each in archived.seal(everything=True).sealed] == [FIRST, SECOND, LAST]


def test_a_day_is_sealed_with_those_before_it(archived: ArchivedLog) -> None:
    assert [each.day for each in archived.seal(SECOND).sealed] == [FIRST, SECOND]
    assert archived.seal(FIRST).sealed == []


def test_a_log_without_a_clock_has_no_day_that_is_over(tmp_path: Path) -> None:
    archived = ArchivedLog(tmp_path / "archive", timed(some_days())[:1])
    with pytest.raises(OpenDayError, match="no market or clock yet"):
        archived.seal(FIRST)
    assert archived.seal().sealed == []
    assert [each.day for each in archived.seal(everything=True).sealed] == ["1970-01-01"]


def test_a_day_goes_on_after_all_of_it_was_sealed(tmp_path: Path) -> None:
    log = some_days()
    archived = ArchivedLog(tmp_path / "archive", timed(log))
    archived.seal(everything=True)
    sealed = list(archived.log.messages)
    log.stored = sealed
    log.market(bar(), START + 2 * DAY + DAY // 2)
    log.market(bar(), START + 3 * DAY)
    archived.log.messages = log.stored
    archived.log._tails.clear()

    found = archived.seal()
    assert [(each.number, each.day) for each in found.sealed] == [(4, LAST)]
    assert [path.parent.name for path in Archive(archived.root).paths("marks", [LAST])] == [
        f"day={LAST}"
    ] * 2
    assert archived.verify().sound


def test_an_archive_that_is_behind_what_the_log_says_is_refused(archived: ArchivedLog) -> None:
    archived.seal()
    file_of(archived.root, 2).unlink()
    with pytest.raises(ArchiveError, match="range 2 was sealed, but the archive ends with 1"):
        archived.seal()


def test_what_the_archive_lost_comes_back_from_the_log_with_the_same_bytes(
    archived: ArchivedLog,
) -> None:
    archived.seal(FIRST)
    archived.seal(everything=True)
    before, end = archived.files(), archived.log.last
    for lost in (archived.root / "manifests", file_of(archived.root, 3), archived.root):
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        with pytest.raises(ArchiveError, match="or with --again from what the log still has"):
            archived.seal()
        archived.seal(again=True)
        assert (archived.files(), archived.log.last) == (before, end)


def test_what_another_version_writes_again_is_said_again(
    archived: ArchivedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived.seal()
    end = archived.log.last
    shutil.rmtree(archived.root)
    monkeypatch.setattr(segment_writer.RangeWriter.finish, "__defaults__", ("9.9",))
    archived.seal(again=True)
    assert [manifest.code for manifest in archived.chain] == ["9.9", "9.9"]
    assert archived.log.last == end + 2
    found = archived.verify()
    assert (found.faults, found.recorded, found.unsaid) == ([], 2, [])

    archived.log.messages.pop()  # it was killed before the last word
    archived.log._tails.clear()
    assert not archived.verify().sound
    assert archived.seal().caught_up == 1
    assert archived.verify().sound


def test_nothing_comes_back_from_a_log_that_says_something_else_now(archived: ArchivedLog) -> None:
    archived.seal()
    shutil.rmtree(archived.root)
    stored = archived.log.messages[2]
    archived.log.messages[2] = structs.replace(stored, payload=stored.payload + b" ")
    with pytest.raises(ArchiveError, match="messages 1 to 45 of the log are not those"):
        archived.seal(again=True)
    assert archived.chain == []


def test_another_archive_than_the_logs_own_is_refused(
    archived: ArchivedLog, tmp_path: Path
) -> None:
    archived.seal()
    other = ArchivedLog(tmp_path / "other", timed(some_days())[:-1])
    write_log(other.root, [structs.replace(m, stored_at=1) for m in other.log.messages], KEY)
    shutil.rmtree(archived.root)
    shutil.copytree(other.root, archived.root)
    with pytest.raises(ArchiveError, match="not the one that the log speaks of"):
        archived.seal()


def test_a_log_that_ends_before_its_archive_is_not_sealed_on(archived: ArchivedLog) -> None:
    older = list(archived.log.messages)
    archived.seal(everything=True)
    last, before = archived.chain[-1].last, archived.files()

    for end in (last - 1, 0):  # a copy from before, and an empty one
        archived.log.messages[:] = older[:end]
        for again in (False, True):
            with pytest.raises(ArchiveError, match=f"ends at {end}, though {last} is sealed"):
                archived.seal(everything=True, again=again)
        assert (archived.log.messages, archived.files()) == (older[:end], before)


@pytest.mark.parametrize(
    ("taken", "named"),
    [("lock", "lock"), (".unfinished", ".unfinished"), ("manifests", "manifests")],
)
def test_what_the_disk_does_not_take_is_named(
    archived: ArchivedLog, taken: str, named: str
) -> None:
    archived.root.mkdir()
    (archived.root / taken).mkdir() if taken == "lock" else (archived.root / taken).write_text("")
    with pytest.raises(ArchiveError, match=rf"{named}\S* cannot be written: \w+"):
        archived.seal()


def test_a_file_that_grows_too_large_is_told_in_words(
    archived: ArchivedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As polars says it: without a number, and without the file's name."""

    def full(*_: object, **__: object) -> None:
        raise OSError("File too large (os error 27)")

    monkeypatch.setattr("polars.DataFrame.write_ipc", full)
    with pytest.raises(ArchiveError, match="archive cannot be written: File too large"):
        archived.seal()


def test_keys_that_cannot_be_read_end_the_sealing(archived: ArchivedLog) -> None:
    archived.seal(FIRST)
    (archived.root / PUBLIC).write_bytes(b"\xff")
    with pytest.raises(ArchiveError, match=f"{PUBLIC} cannot be read"):
        archived.seal()


def test_a_log_that_was_made_is_not_sealed_on(archived: ArchivedLog) -> None:
    write_log(archived.root, archived.log.messages[:50])
    with pytest.raises(ArchiveError, match="made, not recorded"):
        archived.seal()
    assert archived.verify(alone=True).sound


def test_a_log_with_a_hole_is_not_sealed(archived: ArchivedLog) -> None:
    del archived.log.messages[9]
    with pytest.raises(HoleError):
        archived.seal()
    assert archived.chain == []


def test_there_is_one_sealer_at_a_time(archived: ArchivedLog) -> None:
    archived.seal(FIRST)
    with file_lock(archived.root / LOCK), pytest.raises(LockedError):
        archived.seal()


def test_a_sealer_of_another_archive_is_fenced_out(archived: ArchivedLog, tmp_path: Path) -> None:
    """Two folders on one log: the second word about range 1 is not taken."""
    archived.seal(FIRST)
    other = ArchivedLog(tmp_path / "other")
    other.log.messages = archived.log.messages
    with pytest.raises((ArchiveError, FencedOutError)):
        other.seal()


def test_a_range_may_be_larger_than_what_is_held_in_memory(
    archived: ArchivedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ArchivedLog(tmp_path / "whole")
    whole.seal()
    monkeypatch.setattr(segment_writer, "CHUNK_MESSAGES", 7)
    archived.seal()
    assert archived.files() == whole.files()


@pytest.mark.parametrize("book", ["a/b", "..", "a%2Fb", "ü", "x" * 65])
def test_a_book_with_a_strange_name_stays_inside_the_archive(tmp_path: Path, book: str) -> None:
    log = some_days()
    log.put(f"log.{book}.in.ext", b"{}")
    archived = ArchivedLog(tmp_path / "desk" / "archive", timed(log))
    archived.seal(everything=True)
    assert [path.name for path in (tmp_path / "desk").iterdir()] == ["archive"]
    assert archived.verify().sound
    assert list((archived.root / "messages" / "book=_").rglob("*.parquet"))


def test_what_cannot_be_decoded_is_sealed_as_it_is_and_counted(tmp_path: Path) -> None:
    log = some_days()
    log.put("log.desk.fill.events", b"no commit at all")
    archived = ArchivedLog(tmp_path / "archive", timed(log))
    manifest = archived.seal(everything=True).sealed[-1]
    assert manifest.damaged == 1
    stored = Archive(archived.root).message(len(log.stored))
    assert stored is not None
    assert stored.payload == b"no commit at all"
    assert archived.verify().sound


def test_a_range_begins_where_the_last_one_ends(tmp_path: Path) -> None:
    messages = timed(some_days())
    write_range(tmp_path, messages[:10])
    with pytest.raises(ArchiveError, match="message 12 cannot be sealed: 11 comes next"):
        write_range(tmp_path, messages[11:])
    assert write_range(tmp_path, messages[10:20]).number == 2


def test_the_key_is_made_once_for_its_owner_alone_and_never_shown(tmp_path: Path) -> None:
    key = read_or_create_key(tmp_path)
    path = tmp_path / "archive.seal"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_create_key(tmp_path).public == key.public
    assert path.read_text().strip() not in repr(key)

    path.chmod(0o644)
    with pytest.raises(ExposedSecretError):
        read_or_create_key(tmp_path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(DamagedKeyError) as told:
        read_or_create_key(tmp_path)
    assert "no key" not in str(told.value)


def test_every_shape_of_an_archive_has_a_format(archived: ArchivedLog) -> None:
    """A newer program's archive is refused by name, not misread."""
    manifest = archived.seal(FIRST).sealed[0]
    newer: Any = structs.replace(manifest, format=2)
    file_of(archived.root, 1).write_bytes(file_bytes(newer))
    with pytest.raises(ArchiveError, match="use a newer dr"):
        Archive(archived.root)
