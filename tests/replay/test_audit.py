"""What the audit says of the audit book: up to one place, in figures, and which."""

import sqlite3
from pathlib import Path

import pytest

from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.audit.volumes import TradedVolumes
from deadreckon.replay.verify.audit_book import compare_projections
from deadreckon.runtime.process.folder import Folder
from tests.stories import START
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import FactLog, busy_log

BOOK = "desk"
DAY_OF_LOG = day_of(START)


def folded(log: FactLog, last: int | None = None) -> TradedVolumes:
    found = TradedVolumes()
    for _, facts, _ in log.messages[:last]:
        found.fold(facts)
    return found


def altered(folder: Folder, statement: str) -> None:
    with sqlite3.connect(folder.audit.resolve()) as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


def test_a_book_that_agrees_says_what_was_compared(tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)
    ours = folded(log)

    found = compare_projections(folder.audit, ours, log.last, None, BOOK)

    assert found.agree is True
    assert found.says == (
        f"the audit book agrees: {ours.totals.fills} fills with their values and fees, "
        f"{len(ours.positions)} positions; `dr verify` compares every row"
    )
    day = compare_projections(folder.audit, ours, log.last, DAY_OF_LOG, BOOK)
    assert day.agree is True
    assert "positions" not in day.says


@pytest.mark.parametrize("day", [None, DAY_OF_LOG])
def test_a_book_that_moved_on_meanwhile_is_no_alarm(day: str | None, tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)
    middle = log.last // 2

    found = compare_projections(folder.audit, folded(log, middle), middle, day, BOOK)

    assert found.agree is True
    assert "positions" not in found.says


@pytest.mark.parametrize("day", [None, DAY_OF_LOG])
def test_a_book_that_is_behind_says_how_far(day: str | None, tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)
    place = log.last
    log.say()  # a message without facts

    found = compare_projections(folder.audit, folded(log), log.last, day, BOOK)

    assert found.agree is None
    assert found.says == f"the audit book has read {place} of {log.last} messages"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE fills SET price = '1' WHERE rowid_ = 1", "value of fills: the audit book has "),
        ("UPDATE fills SET fee = '9' WHERE rowid_ = 1", "fees in USDT: the audit book has "),
        ("UPDATE positions SET realised = '9'", "realised 9, the log "),
    ],
)
def test_an_altered_amount_is_named(statement: str, says: str, tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)
    first = "sequence = (SELECT min(sequence) FROM fills)"
    altered(folder, statement.replace("rowid_ = 1", first))

    found = compare_projections(folder.audit, folded(log), log.last, None, BOOK)

    assert found.agree is False
    assert says in found.says


@pytest.mark.parametrize("damage", ["header", "much", "NaN"])
def test_a_damaged_book_is_a_difference_with_its_reason(damage: str, tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)
    if damage == "header":
        folder.audit.resolve().write_bytes(b"no database at all" * 1_000)
    else:
        altered(folder, f"UPDATE positions SET realised = '{damage}'")

    found = compare_projections(folder.audit, folded(log), log.last, None, BOOK)

    assert found.agree is False
    assert found.says.startswith("the audit book is damaged: ")
