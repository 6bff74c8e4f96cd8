"""The lake: parts and their merging, the manifest's history, and the views analysts open."""

import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest

from deadreckon.projections.analytics import database as views
from deadreckon.projections.analytics.analyst_views import NOTES, QUESTIONS
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer, manifest
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.manifest import (
    DELAY,
    FOREVER,
    GRACE,
    LakeManifest,
    LakeMoment,
    LakePart,
)
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.projections.tables import BY_NAME, TABLES
from tests import stories
from tests.stories import DAY, filled
from tests.support.handmade_logs import FactLog, busy_log, fold_log, position
from tests.support.memory_sink import MemorySink

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log() -> FactLog:
    return busy_log(1, 30, bars_between=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, log: FactLog) -> Path:
    """A folder with a lake of many small parts and the views over it."""
    data = tmp_path_factory.mktemp("data")
    fold(data, log, flush_every=5)
    return data


def fold(data: Path, log: FactLog, flush_every: int = 0, views: bool = True) -> None:
    analytics = data / "analytics.duckdb" if views else None
    projector = Projector([LakeSink(data / "lake", analytics)])
    for sequence, facts, stored_at in log.messages[projector.sequence :]:
        projector.fold(sequence, facts, stored_at)
        if flush_every and sequence % flush_every == 0:
            projector.flush()
    projector.close()


def ask(data: Path, question: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as database:
        return database.execute(question).fetchall()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The wall clock as the manifest sees it, in a list of one."""
    now = [time.time_ns()]
    monkeypatch.setattr("deadreckon.projections.sinks.manifest.time.time_ns", lambda: now[0])
    return now


def test_small_parts_are_merged_and_nothing_visible_changes(tmp_path: Path, log: FactLog) -> None:
    memory = MemorySink()
    projector = Projector([memory])
    fold_log(projector, log)
    projector.flush()
    fold(tmp_path, log, flush_every=1, views=False)
    lake = Lake(tmp_path / "lake")
    for table in TABLES:
        parts = lake.manifest.live(table.name)
        assert len(parts) <= 2 * lake_writer.MERGED, table.name
        assert sum(part.rows for part in parts) == len(memory.changes[table.name])
        changes = [line[: len(table.columns)] for line in memory.changes[table.name]]
        assert list(lake.every_line(table)) == changes  # the same rows in the same order
    assert max(part.level for part in lake.manifest.parts) >= 1
    assert lake.digests() == memory.digests()


def test_parts_of_one_level_are_merged_in_log_order() -> None:
    def part(number: int, level: int = 0, rows: int = 1) -> LakePart:
        return LakePart("fills", f"{number}", rows, number, number, 1, level)

    many = lake_writer.MERGED
    assert lake_writer._mergeable([part(n) for n in range(many - 1)]) == []
    run = lake_writer._mergeable([part(n) for n in range(many + 3)])
    assert [p.first for p in run] == list(range(many))
    # Levels in between keep parts apart that are not neighbours of one size.
    mixed = [part(0, 1), *[part(n) for n in range(1, many + 1)]]
    assert [p.first for p in lake_writer._mergeable(mixed)] == list(range(1, many + 1))
    # Big parts are left alone, and do not keep small ones from being merged.
    big = [part(n, rows=lake_writer.ROWS_MAX) for n in range(3)]
    small = [part(n) for n in range(3, many + 3)]
    assert [p.first for p in lake_writer._mergeable(big + small)] == [p.first for p in small]


def test_merged_parts_stay_on_disk_for_their_grace_and_go_then(
    tmp_path: Path, log: FactLog, clock: list[int]
) -> None:
    folder = tmp_path / "lake"
    projector = Projector([LakeSink(folder, None)])
    for sequence, facts, stored_at in log:
        clock[0] += 1_000_000
        projector.fold(sequence, facts, stored_at)
        projector.flush()
    listed = Lake(folder).manifest
    retired = [part for part in listed.parts if part.retired != FOREVER]
    assert retired
    assert all((folder / part.file).exists() for part in listed.parts)
    clock[0] += GRACE + 1_000_000_000
    log_end = FactLog()
    log_end.messages = [*log.messages]
    log_end.say(stories.bar())
    fold_log(projector, log_end)
    projector.close()
    after = Lake(folder).manifest
    assert all(part.retired == FOREVER for part in after.parts)
    assert not any((folder / part.file).exists() for part in retired)
    assert after.horizon >= max(part.retired for part in retired)
    assert len(after.moments) <= 2


def test_what_a_killed_writer_left_is_swept_and_not_read(tmp_path: Path, log: FactLog) -> None:
    fold(tmp_path, log, views=False)
    fills = tmp_path / "lake/generation-1/fills"
    orphan = fills / "part-000000000900-000000000901-0.part"
    half = fills / "part-000000000900-000000000902-0.writing"
    orphan.write_bytes(next(fills.glob("part-*")).read_bytes())
    half.write_bytes(b"PAR1")
    before = Lake(tmp_path / "lake").digests()
    sink = LakeSink(tmp_path / "lake", None)
    assert not orphan.exists()
    assert not half.exists()
    assert sink.digests() == before
    sink.close()


def test_a_clock_set_back_hides_nothing(clock: list[int]) -> None:
    listing = LakeManifest("shape")
    listing.moments.append(LakeMoment(7, clock[0]))
    listing.parts.append(LakePart("fills", "a", 1, 1, 1, 1, born=clock[0]))
    listing.parts.append(LakePart("fills", "b", 1, 1, 1, 1, born=clock[0] - 9, retired=clock[0]))
    clock[0] -= 3_600_000_000_000
    now = listing.stamp()
    assert now == clock[0]
    assert all(part.born <= now - DELAY for part in listing.parts)
    assert listing.parts[1].retired <= now - DELAY
    assert [(moment.sequence, moment.born) for moment in listing.moments] == [(7, now - DELAY)]


def test_settling_keeps_the_older_past_and_ends_at_the_last_place() -> None:
    now = 10 * GRACE
    listing = LakeManifest("shape")
    listing.moments = [LakeMoment(9, now - GRACE), LakeMoment(3, now - 2), LakeMoment(4, now - 1)]
    listing.settle(now)
    seen = [(moment.sequence, moment.born) for moment in listing.moments]
    assert seen == [(9, now - GRACE), (4, now - DELAY)]


def test_every_table_and_every_question_has_a_view_that_answers(made: Path) -> None:
    views = {
        name for (name,) in ask(made, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    }
    changing = {f"{table.name}_changes" for table in TABLES if table.updates}
    numbers = {f"{table.name}_numbers" for table in TABLES} | {"trades_numbers"}
    wanted = {table.name for table in TABLES} | changing | set(QUESTIONS) | numbers | {"place"}
    assert wanted <= views
    assert set(NOTES) == set(QUESTIONS)
    with duckdb.connect(str(made / "analytics.duckdb"), read_only=True) as database:
        for name in wanted:
            database.execute(f"SELECT * FROM {name}").fetchall()


def test_analytics_holds_nothing_but_views(made: Path) -> None:
    assert ask(made, "SELECT count(*) FROM duckdb_tables()") == [(0,)]
    assert (made / "analytics.duckdb").stat().st_size < 1_000_000


def test_the_views_show_the_rows_of_the_tables(made: Path, log: FactLog) -> None:
    memory = MemorySink()
    projector = Projector([memory])
    fold_log(projector, log)
    projector.flush()
    assert ask(made, "SELECT * FROM place") == [(log.last,)]
    for table in TABLES:
        columns = ", ".join(f'"{column.name}"' for column in table.stored)
        seen = ask(made, f"SELECT {columns} FROM {table.name}")
        assert len(seen) == len(memory.kept[table.name]), table.name
        key = [column.name for column in table.columns].index("event_id")
        told = {line[key]: line for line in memory.kept[table.name].values()}
        for row in seen:
            expected = told[row[key]]
            plain = [_plain(value) for value in row]
            assert plain == [None if v is None else _plain(v) for v in expected]


def _plain(value: Any) -> Any:
    """Amounts alike, as text from memory or as Decimal from DuckDB."""
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value


def test_an_empty_lake_has_every_view_with_its_types(tmp_path: Path) -> None:
    LakeSink(tmp_path / "lake", tmp_path / "analytics.duckdb").close()
    wanted = {"text": "VARCHAR", "integer": "BIGINT", "flag": "BOOLEAN", "amount": "DECIMAL(38,18)"}
    with duckdb.connect(str(tmp_path / "analytics.duckdb"), read_only=True) as database:
        for table in TABLES:
            described = database.execute(f"DESCRIBE {table.name}").fetchall()
            types = {name: kind for name, kind, *_ in described}
            assert {c.name: types[c.name] for c in table.stored} == {
                column.name: wanted[column.kind] for column in table.stored
            }
            assert (types["time"], types["day"]) == ("TIMESTAMP_NS", "DATE")
            assert database.execute(f"SELECT * FROM {table.name}").fetchall() == []
        for name in QUESTIONS:
            assert database.execute(f"SELECT * FROM {name}").fetchall() == []
        assert database.execute("SELECT * FROM place").fetchall() == [(0,)]


def test_it_opens_from_any_folder_with_plain_duckdb(made: Path, tmp_path: Path) -> None:
    program = (
        "import duckdb, sys; d = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'ro'); "
        "print(d.execute('SELECT count(*) FROM fills').fetchall()[0][0])"
    )
    for mode in ("ro", "rw"):
        analytics = str(made / "analytics.duckdb")
        done = subprocess.run(
            [sys.executable, "-c", program, analytics, mode],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) == Lake(made / "lake").digests()["fills"].rows


def test_a_moved_folder_gets_new_views_when_it_is_opened(tmp_path: Path, log: FactLog) -> None:
    first, second = tmp_path / "first", tmp_path / "odd [na*me]'s"
    first.mkdir()
    fold(first, log, flush_every=100)
    count = ask(first, "SELECT count(*) FROM fills")
    first.rename(second)
    LakeSink(second / "lake", second / "analytics.duckdb").close()
    assert ask(second, "SELECT count(*) FROM fills") == count != [(0,)]


def test_a_view_file_that_was_deleted_comes_back(tmp_path: Path, log: FactLog) -> None:
    fold(tmp_path, log)
    (tmp_path / "analytics.duckdb").unlink()
    LakeSink(tmp_path / "lake", tmp_path / "analytics.duckdb").close()
    assert ask(tmp_path, "SELECT sequence FROM place") == [(log.last,)]


def test_what_is_flushed_is_seen_after_the_delay_and_at_once_after_closing(tmp_path: Path) -> None:
    log = FactLog()
    log.say(filled("buy", 1, 100))
    projector = Projector([LakeSink(tmp_path / "lake", tmp_path / "analytics.duckdb")])
    fold_log(projector, log)
    projector.flush()
    assert ask(tmp_path, "SELECT sequence FROM place") == [(0,)]
    time.sleep(DELAY / 1e9)
    assert ask(tmp_path, "SELECT sequence FROM place") == [(1,)]
    log.say(filled("buy", 1, 100, id="t2"))
    fold_log(projector, log)
    projector.close()
    seen = "SELECT (SELECT sequence FROM place), (SELECT count(*) FROM fills)"
    assert ask(tmp_path, seen) == [(2, 2)]


def test_one_transaction_sees_one_moment(tmp_path: Path) -> None:
    log = FactLog()
    log.say(filled("buy", 1, 100))
    fold(tmp_path, log)
    with duckdb.connect(str(tmp_path / "analytics.duckdb"), read_only=True) as database:
        database.execute("BEGIN")
        before = database.execute("SELECT count(*) FROM fills").fetchall()
        for number in range(2, 40):  # enough for parts to be merged meanwhile
            log.say(filled("buy", 1, 100, id=f"t{number}"))
        projector = Projector([LakeSink(tmp_path / "lake", None)])
        for sequence, facts, _ in log.messages[1:]:
            projector.fold(sequence, facts)
            projector.flush()
        time.sleep(DELAY / 1e9 + 0.1)
        assert database.execute("SELECT count(*) FROM fills").fetchall() == before == [(1,)]
        database.execute("COMMIT")
        assert database.execute("SELECT count(*) FROM fills").fetchall() == [(39,)]
    projector.close()


def test_a_query_planned_before_the_lake_moved_on_fails_rather_than_miss_rows(
    tmp_path: Path, log: FactLog
) -> None:
    """The views of a frozen list of files: as if a statement had been prepared long ago."""
    fold(tmp_path, log)
    listing = manifest.read(tmp_path / "lake")
    assert listing is not None
    gone = listing.live("fills")[-1]
    (tmp_path / "lake" / gone.file).rename(tmp_path / "elsewhere")
    with pytest.raises(duckdb.Error, match="the lake moved on since this query was planned"):
        ask(tmp_path, "SELECT count(*) FROM fills")


def test_a_query_about_a_moment_that_is_forgotten_fails(tmp_path: Path, log: FactLog) -> None:
    fold(tmp_path, log)
    listing = manifest.read(tmp_path / "lake")
    assert listing is not None
    listing.horizon = time.time_ns() + GRACE
    manifest.swap(tmp_path / "lake", listing)
    with pytest.raises(duckdb.Error, match="the lake moved on since this query was planned"):
        ask(tmp_path, "SELECT count(*) FROM fills")


def test_pnl_by_day_adds_up_to_the_totals(tmp_path: Path) -> None:
    log = FactLog()
    for day, (realised, fees) in enumerate([("10.5", "1"), ("7.25", "2.5"), ("7.25", "2.5")]):
        log.now = stories.START + day * DAY
        log.say(position(1, realised="99", fees="0.5"))  # the day's last word counts
        log.say(position(1, realised=realised, fees=fees, funding=f"-{day}"), after=DAY - 1)
        log.say(position(2, realised=day, strategy="hmm"))
    fold(tmp_path, log)
    by_day = ask(tmp_path, "SELECT day, realised, fees, funding, net FROM pnl_by_day ORDER BY day")
    assert [(str(day), *figures) for day, *figures in by_day] == [
        ("2026-03-02", Decimal("10.5"), Decimal(1), Decimal(0), Decimal("9.5")),
        ("2026-03-03", Decimal("-2.25"), Decimal("1.5"), Decimal(-1), Decimal("-4.75")),
        ("2026-03-04", Decimal(1), Decimal(0), Decimal(-1), Decimal(0)),
    ]
    (total,) = ask(tmp_path, "SELECT sum(net) FROM pnl_by_day")
    assert total == ask(tmp_path, "SELECT sum(net) FROM pnl_by_strategy")[0]
    assert total == ask(tmp_path, "SELECT sum(net) FROM pnl_by_instrument")[0]
    assert total == (Decimal("4.75"),)


def test_slippage_is_positive_when_it_harms_us(tmp_path: Path) -> None:
    log = FactLog()
    log.say(filled("buy", 1, "100.1", id="a", reference=100))
    log.say(filled("sell", 1, "100.1", id="b", reference=100))
    log.say(filled("sell", 1, "100.1", id="c", reference=0))
    fold(tmp_path, log)
    found = ask(tmp_path, "SELECT slippage_bps FROM slippage ORDER BY sequence")
    assert [pytest.approx(10), pytest.approx(-10), None] == [bps for (bps,) in found]


def test_latency_follows_each_hop_in_decision_time_and_in_log_time(made: Path) -> None:
    hops = ask(
        made, "SELECT hop, orders, decision_seconds_max, log_seconds_max FROM latency_by_hop"
    )
    orders = ask(made, "SELECT count(*) FROM orders")[0][0]
    assert [hop for hop, *_ in hops] == [
        "signal to approval",
        "approval to routing",
        "routing to intent",
        "signal to intent",
        "intent to acceptance",
        "intent to first fill",
    ]
    assert all(count == orders for _, count, *_ in hops)
    assert all(seconds == 0 for _, _, seconds, _ in hops)  # in this log time stands still


def test_refusals_are_counted_by_rule(made: Path) -> None:
    rows = ask(made, "SELECT rule, refusals, first_sequence FROM refusals_by_rule")
    assert rows == [("max_notional", *ask(made, "SELECT count(*), min(sequence) FROM refusals")[0])]


def test_parts_have_the_same_columns_as_their_table(made: Path) -> None:
    for table in TABLES:
        for part in (made / "lake").glob(f"generation-*/{table.name}/*.parquet"):
            names = polars.read_parquet_schema(part)
            assert list(names) == [column.name for column in BY_NAME[table.name].stored]


def test_making_the_views_leaves_no_duckdb_behind_in_the_writer(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from deadreckon.projections.sinks.lake_writer import LakeSink; "
        "LakeSink(Path(sys.argv[1]) / 'lake', Path(sys.argv[1]) / 'analytics.duckdb').close(); "
        "assert 'duckdb' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "analytics.duckdb").exists()


def test_views_that_cannot_be_made_are_a_refusal_with_duckdbs_own_words(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"(?s)analytics\.duckdb was not made: .*manifest\.json"):
        views.create_apart(tmp_path / "analytics.duckdb", tmp_path / "no lake here")
    assert not (tmp_path / "analytics.duckdb").exists()
