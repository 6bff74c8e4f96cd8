"""The pages about tables and metrics are current, and every query in them was run."""

import re
import sqlite3
from pathlib import Path

import duckdb
import pytest

from deadreckon.projections import reference
from deadreckon.projections.analytics.analyst_views import NOTES
from deadreckon.projections.metrics.definitions import METRICS
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.tables import TABLES
from tests.support.handmade_logs import busy_log, fold_log, position

DOCS = Path(__file__).parents[2] / "docs"
ANALYTICS = (DOCS / "analytics.md").read_text("utf-8")


def queries(heading: str) -> list[str]:
    section = ANALYTICS.split(f"## Cookbook: {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sql\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    projector = open_projector(paths(folder))
    log = busy_log(41, 60)
    log.say(position(0, realised="59.25", fees=60))  # a trade ends
    fold_log(projector, log)
    projector.close()
    return folder


def test_the_page_of_metrics_is_current() -> None:
    assert (DOCS / "metrics.md").read_text("utf-8") == reference.metrics_page()
    for measure in METRICS:
        assert f"`{measure.name}`" in reference.metrics_page()


def test_the_page_of_tables_is_current() -> None:
    assert reference.tables_part() in ANALYTICS
    assert reference.questions_part() in ANALYTICS
    assert reference.macros_part() in ANALYTICS
    for table in TABLES:
        assert f"### {table.name}\n" in ANALYTICS
    for name in NOTES:
        assert f"| `{name}` |" in ANALYTICS


@pytest.mark.parametrize("query", queries("DuckDB"))
@pytest.mark.slow
def test_every_query_for_duckdb_runs_and_finds_something(
    data: Path, query: str, tmp_path: Path
) -> None:
    with duckdb.connect(str(paths(data).analytics), read_only=True) as database:
        found = database.execute(query.replace("/tmp/", f"{tmp_path}/")).fetchall()
    assert found, query


@pytest.mark.parametrize("query", queries("SQLite"))
def test_every_query_for_sqlite_runs(data: Path, query: str) -> None:
    with sqlite3.connect(paths(data).audit) as database:
        found = database.execute(query).fetchall()
    database.close()
    assert found or "WHERE status IN" in query, query  # no order is open at the end of this log


def test_the_cookbook_has_queries_for_both() -> None:
    assert len(queries("DuckDB")) >= 10
    assert len(queries("SQLite")) >= 5
