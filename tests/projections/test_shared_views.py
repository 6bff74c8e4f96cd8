"""Views that both databases have: trades with their orders, changed limits, numbers that sort."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deadreckon.projections.sinks import manifest
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.stored_views import stored_views
from deadreckon.projections.tables import TABLES
from deadreckon.runtime.process.folder import Folder
from tests import stories
from tests.projections.test_round_trips import Traded
from tests.stories import filled
from tests.support.handmade_logs import FactLog, approved, busy_log, fold_log, submitting

BOTH = pytest.mark.parametrize("database", ["audit", "lake"])


def log_of_trades() -> FactLog:
    """Two trades: a signal's, ended by its stop, and one that an exit ended."""
    log = Traded(stories.listed(), stories.deposit(), stories.limits(order_notional_max=1_000))
    log.tell(stories.signal(quantity=1, id="s1", confidence="0.75"))
    log.say(stories.signal(quantity=1, id="s1", confidence="0.5"))  # the same id again
    orders: list[tuple[str, dict[str, Any]]] = [
        ("in", {}),
        ("stop", {"side": "sell", "purpose": "stop_loss", "reduce_only": True}),
        ("in2", {"signal_id": "s2"}),
        ("out", {"side": "sell", "signal_id": "s3", "reduce_only": True}),
    ]
    for number, (order, changes) in enumerate(orders):
        log.say(approved(order, **changes), submitting(order, **changes))
        side = changes.get("side", "buy")
        log.tell(filled(side, 1, 100 + 10 * number, order=order, id=f"t{number}", fee="0.1"))
    log.tell(stories.limits(order_notional_max=2_500, trading_enabled=False))
    return log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    projector = open_projector(paths(folder))
    fold_log(projector, log_of_trades())
    projector.close()
    return folder


def ask(data: Path, database: str, query: str) -> list[tuple[Any, ...]]:
    if database == "audit":
        with closing(sqlite3.connect(paths(data).audit)) as audit:
            return audit.execute(query).fetchall()
    with duckdb.connect(str(paths(data).analytics), read_only=True) as lake:
        return lake.execute(query).fetchall()


@BOTH
def test_a_trade_names_its_signal_its_orders_and_why_it_ended(data: Path, database: str) -> None:
    found = ask(
        data,
        database,
        "SELECT number, status, side, entry_signal_id, exit_signal_id, entry_order_id, "
        "exit_order_id, exit_reason, seconds FROM trades ORDER BY number",
    )
    minutes = 180.0
    assert found == [
        (1, "closed", "long", "s1", "s1", "in", "stop", "stop_loss", found[0][-1]),
        (2, "closed", "long", "s2", "s3", "in2", "out", "exit", found[1][-1]),
    ]
    assert all(0 < row[-1] < minutes for row in found)


@BOTH
def test_a_trade_has_the_confidence_of_the_signal_that_was_decided_on(
    data: Path, database: str
) -> None:
    found = ask(data, database, "SELECT confidence FROM trades_numbers ORDER BY number")
    assert found == [(0.75,), (None,)]


@BOTH
def test_changed_limits_are_named_with_what_they_were(data: Path, database: str) -> None:
    found = ask(
        data,
        database,
        "SELECT name, old, new, actor FROM limits_changes WHERE old IS NOT NULL ORDER BY name",
    )
    assert found == [
        ("order_notional_max", "1000", "2500", "test"),
        ("trading_enabled", "true", "false", "test"),
    ]
    first = dict(ask(data, database, "SELECT name, new FROM limits_changes WHERE old IS NULL"))
    assert first["order_notional_max"] == "1000"
    assert first["markets_allowed"].startswith("[")


@BOTH
def test_numbers_sort_and_are_the_nearest_to_the_exact_amounts(data: Path, database: str) -> None:
    for table in [*(table.name for table in TABLES), "trades"]:
        exact = f"SELECT * FROM {table} ORDER BY sequence, event_index, event_id"
        rows, numbers = (
            ask(data, database, query)
            for query in (exact, exact.replace(f"FROM {table}", f"FROM {table}_numbers"))
        )
        assert len(rows) == len(numbers)
        for row, number in zip(rows, numbers, strict=True):
            for before, after in zip(row, number, strict=False):
                if isinstance(after, float):
                    assert after == float(Decimal(str(before)))
                else:
                    assert after == before
    ((highest,),) = ask(data, database, "SELECT max(price) FROM fills_numbers")
    assert highest == 130.0


def test_an_exit_has_its_own_purpose(data: Path) -> None:
    found = ask(data, "audit", "SELECT order_id, purpose FROM orders")
    assert dict(found) == {"in": "entry", "stop": "stop_loss", "in2": "entry", "out": "exit"}


def test_views_of_another_program_are_made_anew(tmp_path: Path) -> None:
    projector = open_projector(paths(tmp_path), ("audit",))
    projector.close()
    with closing(sqlite3.connect(paths(tmp_path).audit)) as audit:
        audit.execute("DROP VIEW trades")
        audit.execute("CREATE VIEW of_old AS SELECT 1")
        audit.commit()
    open_projector(paths(tmp_path), ("audit",)).close()
    names = {
        name
        for (name,) in ask(tmp_path, "audit", "SELECT name FROM sqlite_master WHERE type = 'view'")
    }
    assert "trades" in names
    assert "of_old" not in names


@pytest.mark.slow
def test_views_with_the_columns_of_another_version_begin_anew_when_a_stack_starts(
    tmp_path: Path,
) -> None:
    folder, log = Folder(tmp_path).create(), busy_log(5, 30)
    with stored_views(folder) as stored:
        fold_log(stored.projector, log)
    where = paths(tmp_path)
    before = AuditDatabase(where.audit).digests()
    with closing(sqlite3.connect(where.audit)) as audit:
        audit.execute("UPDATE _projection SET shape = 'of last year'")
        audit.commit()
    content = manifest.read(where.lake)
    assert content is not None
    content.shape = "of last year"
    manifest.swap(where.lake, content)
    with stored_views(folder) as stored:
        assert stored.extent.least == 0
        fold_log(stored.projector, log)
    assert AuditDatabase(where.audit).digests() == Lake(where.lake).digests() == before
    with duckdb.connect(str(where.analytics), read_only=True) as lake:
        assert lake.execute("SELECT count(*) FROM orders").fetchall() == [(before["orders"].rows,)]
