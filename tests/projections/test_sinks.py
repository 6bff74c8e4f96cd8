"""One suite for the sinks with files: what is true of memory is true of SQLite and of the lake."""

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deadreckon.projections.comparison import measure
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer, manifest, parts
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.sink import (
    FORMAT,
    DamagedError,
    DoesNotFitError,
    NewerFormatError,
    Sink,
    StateShapeError,
    SupersededError,
)
from deadreckon.projections.sinks.sqlite import SqliteSink
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.tables import BY_NAME, TABLES
from deadreckon.projections.verification import verify
from tests.stories import filled
from tests.support.handmade_logs import (
    FactLog,
    accepted,
    approved,
    busy_log,
    fold_log,
    routed,
    submitting,
)
from tests.support.memory_sink import MemorySink

Opening = Callable[[Path], Sink]
ANY = pytest.mark.parametrize(
    "opening",
    [
        pytest.param(lambda folder: SqliteSink(folder / "audit.sqlite"), id="sqlite"),
        pytest.param(lambda folder: LakeSink(folder / "lake", None), id="lake"),
    ],
)


@pytest.fixture(scope="module")
def log() -> FactLog:
    made = busy_log(1, 60)
    made.say(approved("open"))  # something is open at the end
    return made


@pytest.fixture(scope="module")
def expected(log: FactLog) -> MemorySink:
    sink = MemorySink()
    projector = Projector([sink])
    fold_log(projector, log)
    projector.flush()
    return sink


def folded(sink: Sink, log: FactLog, flush_every: int = 50) -> None:
    projector = Projector([sink])
    for sequence, facts, stored_at in log.messages[projector.sequence :]:
        projector.fold(sequence, facts, stored_at)
        if sequence % flush_every == 0:
            projector.flush()
    projector.close()


@ANY
def test_a_sink_keeps_what_memory_keeps(
    opening: Opening, tmp_path: Path, log: FactLog, expected: MemorySink
) -> None:
    folded(opening(tmp_path), log)
    sink = opening(tmp_path)
    assert sink.sequence == log.last
    assert sink.digests() == expected.digests()
    for table in TABLES:
        assert sorted(sink.lines(table)) == sorted(expected.lines(table)), table.name
    sink.close()


@ANY
def test_a_sink_finds_open_rows_and_single_ones_again(
    opening: Opening, tmp_path: Path, log: FactLog, expected: MemorySink
) -> None:
    folded(opening(tmp_path), log)
    sink = opening(tmp_path)
    for name in ("orders", "positions", "instruments"):
        table = BY_NAME[name]
        assert list(sink.unfinished(table)) == list(expected.unfinished(table))
        for key, _ in zip(expected.kept[name], range(3), strict=False):
            assert sink.load(table, key) == expected.load(table, key) is not None
    assert len(list(sink.unfinished(BY_NAME["orders"]))) == 1
    assert sink.load(BY_NAME["orders"], ("never seen",)) is None
    sink.close()


@ANY
def test_a_sink_remembers_recent_rows(
    opening: Opening, tmp_path: Path, log: FactLog, expected: MemorySink
) -> None:
    folded(opening(tmp_path), log)
    sink = opening(tmp_path)
    columns = ("book", "trade_id", "at")
    for window in (0, 30 * 60_000_000_000, 1 << 60):
        found = [list(row) for row in sink.recent(BY_NAME["fills"], columns, window)]
        assert found == list(expected.recent(BY_NAME["fills"], columns, window))
    sink.close()


@ANY
def test_an_empty_sink_has_nothing_at_place_zero(opening: Opening, tmp_path: Path) -> None:
    for _ in range(2):
        sink = opening(tmp_path)
        assert sink.sequence == 0
        assert list(sink.unfinished(BY_NAME["orders"])) == []
        assert list(sink.recent(BY_NAME["fills"], ("at",), 1)) == []
        assert all(digest.rows == 0 for digest in sink.digests().values())
        sink.close()


@ANY
@pytest.mark.parametrize("cut", [3, 100, 237])
def test_a_restart_in_the_middle_changes_nothing(
    opening: Opening, tmp_path: Path, log: FactLog, expected: MemorySink, cut: int
) -> None:
    projector = Projector([opening(tmp_path)])
    fold_log(projector, log, until=cut)
    projector.close()
    folded(opening(tmp_path), log)
    sink = opening(tmp_path)
    assert sink.digests() == expected.digests()
    sink.close()


@ANY
def test_what_was_not_flushed_is_not_there(opening: Opening, tmp_path: Path, log: FactLog) -> None:
    sink = opening(tmp_path)
    projector = Projector([sink])
    fold_log(projector, log, until=100)
    projector.flush()
    fold_log(projector, log, until=200)
    sink.close()  # the process ends without a word
    sink = opening(tmp_path)
    assert sink.sequence == 100
    sink.close()


@ANY
def test_two_writers_are_one_too_many(opening: Opening, tmp_path: Path, log: FactLog) -> None:
    first, second = Projector([opening(tmp_path)]), Projector([opening(tmp_path)])
    fold_log(first, log, until=100)
    fold_log(second, log, until=80)
    first.flush()
    with pytest.raises(SupersededError):
        second.flush()
    second.close()
    fold_log(first, log)
    first.close()
    sink = opening(tmp_path)
    assert sink.sequence == log.last
    sink.close()


@ANY
def test_amounts_up_to_thirty_eight_digits_are_kept_to_the_last(
    opening: Opening, tmp_path: Path
) -> None:
    wide = "12345678901234567890.123456789012345678"
    log = FactLog()
    log.say(filled("buy", "0.000000000000000001", wide, fee=f"-{wide}"))
    log.say(filled("sell", "0.1", "0.00000001", id="t2", fee="0.00000003"))
    folded(opening(tmp_path), log)
    sink = opening(tmp_path)
    names = [column.name for column in BY_NAME["fills"].columns]
    first, second = [dict(zip(names, v, strict=True)) for v in sink.lines(BY_NAME["fills"])]
    assert (first["price"], first["fee"], first["quantity"]) == (
        wide,
        f"-{wide}",
        "0.000000000000000001",
    )
    assert (second["price"], second["fee"]) == ("0.00000001", "0.00000003")
    sink.close()


@pytest.mark.parametrize("wide", ["123456789012345678901", "0.1234567890123456789"])
def test_the_lake_refuses_an_amount_it_cannot_hold(tmp_path: Path, wide: str) -> None:
    table = BY_NAME["fills"]
    blank: list[Any] = [None] * len(table.stored)
    names = [column.name for column in table.stored]
    blank[names.index("fee")], blank[names.index("event_id")] = wide, "e2-0"

    with pytest.raises(DoesNotFitError, match=rf"fills.fee: {wide} does not fit .* event e2-0"):
        parts.frame(table, [blank])


@pytest.mark.parametrize(
    ("wide", "stored"),
    [
        ("123456789012345678901", "99999999999999999999.999999999999999999"),
        ("-100000000000000000000", "-99999999999999999999.999999999999999999"),
        ("0.1234567890123456785", "0.123456789012345678"),
        ("0.0000000000000000001", "0"),
    ],
)
def test_an_amount_beyond_every_column_stops_no_reader(
    tmp_path: Path, wide: str, stored: str
) -> None:
    projector = open_projector(paths(tmp_path), queried=False)
    log = FactLog()
    log.say(filled("buy", 1, 100, fee=wide))
    log.say(filled("buy", 1, 100, id="t2"))
    fold_log(projector, log)
    projector.close()

    with closing(AuditDatabase(paths(tmp_path).audit)) as book:
        fees = book.query("SELECT fee FROM fills ORDER BY sequence")
    assert [fee for (fee,) in fees] == [stored, "0"]
    assert verify(tmp_path, log.messages) == []


def test_both_sinks_of_one_projector_hold_the_same_digests(tmp_path: Path, log: FactLog) -> None:
    audit, lake = SqliteSink(tmp_path / "audit.sqlite"), LakeSink(tmp_path / "lake", None)
    projector = Projector([audit, lake])
    fold_log(projector, log)
    projector.flush()
    assert audit.digests() == lake.digests()
    assert audit.sequence == lake.sequence == log.last
    projector.close()


def test_a_sink_killed_between_two_catches_up_and_goes_on_with_the_other(
    tmp_path: Path, log: FactLog, expected: MemorySink
) -> None:
    """The audit book was written, the lake was not: each is handed only what it lacks."""
    audit, lake = SqliteSink(tmp_path / "audit.sqlite"), LakeSink(tmp_path / "lake", None)
    for sink, until in ((audit, 120), (lake, 90)):
        projector = Projector([sink])
        fold_log(projector, log, until=until)
        projector.close()
    audit, lake = SqliteSink(tmp_path / "audit.sqlite"), LakeSink(tmp_path / "lake", None)
    folded_by = Projector([audit, lake])
    fold_log(folded_by, log)
    folded_by.close()
    stored = AuditDatabase(tmp_path / "audit.sqlite")
    assert stored.digests() == Lake(tmp_path / "lake").digests() == expected.digests()
    stored.close()


def test_money_in_sqlite_is_text(tmp_path: Path, log: FactLog) -> None:
    folded(SqliteSink(tmp_path / "audit.sqlite"), log)
    book = AuditDatabase(tmp_path / "audit.sqlite")
    kinds = book.query("SELECT DISTINCT typeof(price), typeof(fee), typeof(at) FROM fills")
    assert kinds == [("text", "text", "integer")]
    fee = sum(Decimal(fee) for (fee,) in book.query("SELECT fee FROM fills"))
    assert fee == Decimal("0.0125") * book.digests()["fills"].rows
    book.close()


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    audit = SqliteSink(tmp_path / "audit.sqlite")
    audit.query(f"PRAGMA user_version = {FORMAT + 1}")
    audit.close()
    with pytest.raises(NewerFormatError, match=f"format {FORMAT + 1}.*knows up to {FORMAT}"):
        SqliteSink(tmp_path / "audit.sqlite")
    lake_writer.lay(tmp_path / "lake")
    content = manifest.read(tmp_path / "lake")
    assert content is not None
    newest = manifest.FORMAT
    content.format = newest + 1
    manifest.swap(tmp_path / "lake", content)
    with pytest.raises(NewerFormatError, match=f"format {newest + 1}.*knows up to {newest}"):
        LakeSink(tmp_path / "lake", None)


def test_other_columns_ask_for_a_rebuild(tmp_path: Path) -> None:
    audit = SqliteSink(tmp_path / "audit.sqlite")
    audit.query("UPDATE _projection SET shape = 'of last year'")
    audit.close()
    with pytest.raises(StateShapeError, match="dr rebuild"):
        SqliteSink(tmp_path / "audit.sqlite")
    lake_writer.lay(tmp_path / "lake")
    content = manifest.read(tmp_path / "lake")
    assert content is not None
    content.shape = "of last year"
    manifest.swap(tmp_path / "lake", content)
    with pytest.raises(StateShapeError, match="dr rebuild"):
        LakeSink(tmp_path / "lake", None)


def test_a_file_that_is_no_audit_book_is_left_alone(tmp_path: Path) -> None:
    stranger = tmp_path / "audit.sqlite"
    stranger.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DamagedError, match=r"audit\.sqlite"):
        SqliteSink(stranger)
    assert stranger.read_bytes().startswith(b"not a database")


def test_a_part_cut_short_is_noticed(tmp_path: Path, log: FactLog) -> None:
    folded(LakeSink(tmp_path / "lake", None), log)
    part = next((tmp_path / "lake").glob("generation-1/fills/part-*"))
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"part-.* is missing or cut short"):
        LakeSink(tmp_path / "lake", None)


def test_a_manifest_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    lake_writer.lay(tmp_path / "lake")
    (tmp_path / "lake" / manifest.NAME).write_bytes(b'{"format":1,')
    with pytest.raises(DamagedError, match=r"manifest.json.*dr rebuild"):
        LakeSink(tmp_path / "lake", None)


def test_the_lake_gives_each_row_once_though_one_event_changed_several(tmp_path: Path) -> None:
    log = FactLog()
    log.say(approved("p"), routed("p-1", "p", children=2), routed("p-2", "p", child=1, children=2))
    log.say(submitting("p-1"), accepted("p-1"))
    lake = LakeSink(tmp_path / "lake", None)
    folded(lake, log)
    found = Lake(tmp_path / "lake")
    assert measure(found.lines(BY_NAME["orders"])) == found.digests()["orders"]
    assert found.digests()["orders"].rows == 3
