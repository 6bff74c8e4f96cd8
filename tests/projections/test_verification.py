"""A projection altered by hand is found out, by table and key."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest

from deadreckon.projections.comparison import TableDifference, measure
from deadreckon.projections.rebuild import rebuild
from deadreckon.projections.sinks import manifest
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.store import NAMES, open_projector, paths
from deadreckon.projections.tables import BY_NAME
from deadreckon.projections.verification import verify, verifying
from tests.support.handmade_logs import FactLog, busy_log, fold_log

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log() -> FactLog:
    return busy_log(31, 30, bars_between=1)


@pytest.fixture
def data(tmp_path: Path, log: FactLog) -> Path:
    projector = open_projector(paths(tmp_path), queried=False)
    for sequence, facts, stored_at in log:
        projector.fold(sequence, facts, stored_at)
        if sequence % 40 == 0:
            projector.flush()
    projector.close()
    return tmp_path


def alter(data: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(paths(data).audit) as database:
        database.execute(statement, values)
    database.close()


def only(found: list[TableDifference]) -> TableDifference:
    (difference,) = found
    return difference


def test_nothing_differs_when_nothing_was_touched(data: Path, log: FactLog) -> None:
    assert verify(data, log) == []
    assert not list(data.glob(".verifying-*"))


def test_a_value_altered_in_sqlite_is_named_by_table_key_and_column(
    data: Path, log: FactLog
) -> None:
    alter(data, "UPDATE fills SET price = '1' WHERE trade_id = 't-7-0'")
    found = only(verify(data, log))
    assert (found.projection, found.table, found.column) == ("audit", "fills", "price")
    assert found.stored == "1"
    with sqlite3.connect(paths(data).audit) as database:
        query = "SELECT event_id FROM fills WHERE trade_id = 't-7-0'"
        assert found.key == database.execute(query).fetchone()
    database.close()


def test_a_value_altered_with_its_digest_is_found_by_the_fresh_fold(
    data: Path, log: FactLog
) -> None:
    last = "(SELECT max(order_id) FROM orders)"
    alter(data, f"UPDATE orders SET reason = 'because' WHERE order_id = {last}")
    book = AuditDatabase(paths(data).audit)
    digest = measure(book.lines(BY_NAME["orders"])).text
    book.close()
    alter(data, 'UPDATE _projection SET digest = ? WHERE "table" = ?', digest, "orders")
    found = only(verify(data, log))
    assert (found.table, found.column, found.stored) == ("orders", "reason", "because")


def test_a_deleted_row_and_an_invented_one_are_named(data: Path, log: FactLog) -> None:
    alter(data, "DELETE FROM refusals WHERE sequence = (SELECT min(sequence) FROM refusals)")
    found = only(verify(data, log))
    assert (found.table, found.note, found.stored) == ("refusals", "row missing", "none")
    names = [column.name for column in BY_NAME["signals"].columns]
    forged = ", ".join("'forged'" if name == "event_id" else f'"{name}"' for name in names)
    alter(data, f"INSERT INTO signals SELECT {forged}, 0, 0, NULL FROM signals LIMIT 1")
    found = only(verify(data, log))  # `signals` comes before `refusals`
    assert (found.table, found.key, found.note) == ("signals", ("forged",), "row not in the log")


def test_an_altered_digest_is_found_though_the_rows_are_right(data: Path, log: FactLog) -> None:
    alter(data, "UPDATE _projection SET digest = '00' WHERE \"table\" = 'cash'")
    found = only(verify(data, log))
    assert (found.projection, found.table, found.note) == ("audit", "cash", "digest altered")


def replace_part(data: Path, table: str, change: polars.Expr, first: bool = True) -> None:
    """Swap a part of the lake for one with other values, its length in the manifest put right."""
    lake = paths(data).lake
    listing = manifest.read(lake)
    assert listing is not None
    part = listing.live(table)[0 if first else -1]
    polars.read_parquet(lake / part.file).with_columns(change).write_parquet(lake / part.file)
    part.bytes = (lake / part.file).stat().st_size
    manifest.swap(lake, listing)


def test_a_value_altered_in_a_part_is_named(data: Path, log: FactLog) -> None:
    forged = polars.when(polars.col("trade_id") == "t-3-0").then(polars.lit("sell"))
    replace_part(data, "fills", forged.otherwise(polars.col("side")).alias("side"))
    found = only(verify(data, log))
    assert (found.projection, found.table, found.column) == ("lake", "fills", "side")
    assert (found.stored, found.expected) == ("sell", "buy")


def test_a_change_row_that_was_altered_is_named_though_the_latest_is_right(
    data: Path, log: FactLog
) -> None:
    early = polars.when(polars.col("status") == "routed").then(polars.lit("forged"))
    replace_part(data, "orders", early.otherwise(polars.col("reason")).alias("reason"))
    found = only(verify(data, log))
    assert (found.projection, found.table, found.column) == ("lake", "orders_changes", "reason")
    assert found.stored == "forged"


def test_a_metric_altered_in_its_file_is_named(data: Path, log: FactLog) -> None:
    file = paths(data).metrics
    content = file.read_text()
    before = '"orders_filled_total":{"desk":'
    assert before in content
    file.write_text(content.replace(before, before + "1"))
    found = only(verify(data, log))
    assert (found.projection, found.table, found.key) == (
        "metrics",
        "orders_filled_total",
        ("desk",),
    )


def test_a_missing_projection_is_a_difference(data: Path, log: FactLog) -> None:
    paths(data).audit.unlink()
    found = only(verify(data, log))
    assert found.projection == "audit"
    assert "dr rebuild" in found.note


def test_each_projection_is_compared_at_its_own_place(data: Path, log: FactLog) -> None:
    more = busy_log(31, 33, bars_between=1)
    projector = open_projector(paths(data), ["lake"], queried=False)
    fold_log(projector, more)
    projector.close()
    assert verify(data, more) == []
    alter(data, "UPDATE fills SET fee = '9' WHERE sequence = (SELECT max(sequence) FROM fills)")
    assert only(verify(data, more)).projection == "audit"


def test_a_log_longer_than_the_projections_is_read_only_so_far(data: Path, log: FactLog) -> None:
    more = busy_log(31, 40, bars_between=1)
    heard: list[int] = []
    assert verify(data, more, progress=heard.append) == []
    assert heard[-1] == log.last


def test_a_projection_that_lacks_the_last_messages_is_named_with_both_sequences(
    data: Path, log: FactLog
) -> None:
    more = busy_log(31, 33, bars_between=1)
    for name in ("audit", "metrics"):
        projector = open_projector(paths(data), [name], queried=False)
        fold_log(projector, more)
        projector.close()
    with verifying(data) as verifier:
        for sequence, facts, stored_at in more:
            verifier.fold(sequence, facts, stored_at)
        verifier.require(more.last, NAMES)
    found = only(verifier.differences)

    assert (found.projection, found.column) == ("lake", "sequence")
    assert (found.stored, found.expected) == (str(log.last), str(more.last))
    assert "behind" in found.note


def test_verifying_leaves_the_views_alone(data: Path, log: FactLog) -> None:
    LakeSink(paths(data).lake, paths(data).analytics).close()
    verify(data, log)
    with duckdb.connect(str(paths(data).analytics), read_only=True) as database:
        assert database.execute("SELECT sequence FROM place").fetchall() == [(log.last,)]


def test_views_over_another_folder_are_found_and_a_rebuild_mends_them(
    tmp_path: Path, log: FactLog
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        projector = open_projector(paths(folder))
        fold_log(projector, log)
        projector.close()
    shutil.copy(paths(first).analytics, paths(second).analytics)

    found = only(verify(second, log))
    assert found.projection == "views"
    assert "shows the lake of another folder: run `dr rebuild lake`" in found.note

    rebuild(second, log, ["lake"])
    assert verify(second, log) == []

    paths(second).analytics.write_bytes(b"no database at all" * 1_000)
    assert "cannot be read" in only(verify(second, log)).note
    paths(second).analytics.unlink()
    assert "is missing: run `dr rebuild lake`" in only(verify(second, log)).note
