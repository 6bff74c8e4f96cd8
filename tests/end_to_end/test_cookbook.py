"""Every question of docs/cookbook.md, its answer compared with one worked out from the events."""

import asyncio
import math
import re
import shutil
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deadreckon.contracts.event import Recorded
from deadreckon.replay.opening import open_log
from deadreckon.replay.verify.job import log_facts
from tests.conftest import ROOT
from tests.end_to_end.conftest import Dr
from tests.support.cookbook_answers import ANSWERS, Rows, Told

PAGE = (ROOT / "docs" / "cookbook.md").read_text("utf-8")
QUERIES = {
    int(number): query
    for number, query in re.findall(r"\n## (\d+)\. .*?```sql\n(.*?)```", PAGE, re.DOTALL)
}


async def events_of(data: Path) -> Told:
    records: list[Recorded[Any]] = []
    stored: dict[int, int] = {}
    async with open_log(data, None, "read", shows=False) as log:
        end = (await log.bus.info()).last
        async for sequence, facts, stored_at in log_facts(log.bus, "desk"):
            records += facts
            stored[sequence] = stored_at
            if sequence == end:
                break
    return Told(records, stored)


@pytest.fixture(scope="module")
def desk(undisturbed: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real tape, in which somebody changed limits afterwards."""
    folder = tmp_path_factory.mktemp("cookbook")
    shutil.copytree(undisturbed[0], folder / "desk")
    dr = Dr(folder)
    who = ("--actor", "ann", "--reason", "calmer", "--data", "desk")
    dr.run("limits", "set", "confidence_min=0.3", "order_notional_max=15000", *who)
    dr.run("limits", "set", "confidence_min=0.35", *who)
    dr.run("rebuild", "--data", "desk")
    return folder / "desk"


@pytest.fixture(scope="module")
def told(desk: Path) -> Told:
    return asyncio.run(events_of(desk))


def ask(desk: Path, query: str) -> Rows:
    with duckdb.connect(str(desk / "analytics.duckdb"), read_only=True) as database:
        return database.execute(query).fetchall()


def test_the_page_asks_eighteen_questions() -> None:
    assert list(QUERIES) == list(ANSWERS) == list(range(1, 19))


@pytest.mark.parametrize("number", ANSWERS)
def test_an_answer_is_the_one_that_the_events_give(desk: Path, told: Told, number: int) -> None:
    found, expected = ask(desk, QUERIES[number]), ANSWERS[number](told)
    assert expected, "this tape asks nothing of the question"
    if number == 5:
        found = [row[:2] for row in found]  # the sequence is that of the position's change
    if number == 15:
        found = [row[1:] for row in found]
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert len(row) == len(wanted)
        for value, other in zip(row, wanted, strict=True):
            assert same(value, other), (row, wanted)


def same(found: Any, expected: Any) -> bool:
    """Equal: exact where DuckDB has a DECIMAL, to nine digits where it has a ratio."""
    if isinstance(found, Decimal):
        return bool(Fraction(found) == expected)
    if isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == expected)


def test_trades_add_up_to_the_audit_of_a_real_tape(
    desk: Path, told: Told, undisturbed: tuple[Path, Any]
) -> None:
    query = "SELECT strategy, sum(gross), sum(fees), sum(net), count(*) FROM trades GROUP BY 1"
    found = {row[0]: row[1:] for row in ask(desk, query)}
    audited = {each["strategy"]: each for each in undisturbed[1]["by_strategy"]}
    assert found.keys() == audited.keys()
    for strategy, (gross, paid, total, count) in found.items():
        assert gross == Decimal(audited[strategy]["realised"])
        assert paid == Decimal(audited[strategy]["fees"])
        assert total == Decimal(audited[strategy]["net"]) - Decimal(audited[strategy]["unrealised"])
        assert count == len([t for t in told.known.trades if t.strategy == strategy])
