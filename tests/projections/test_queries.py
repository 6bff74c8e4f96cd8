"""What readers of the audit book are told: rows, their place, their age, their digest."""

import os
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    ResumeRequested,
)
from deadreckon.contracts.orders import OrderRejected, OrderUnroutable
from deadreckon.node.summary import read_status
from deadreckon.projections.queries import NoViewsError, TableQuery, open_views, read_table
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.audit.audit import EventCounts
from deadreckon.runtime.process.folder import Folder
from tests.stories import HOUR, INSTRUMENT, MINUTE, START
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import (
    FactLog,
    accepted,
    busy_log,
    equity,
    fold_log,
    position,
    refused,
    submitting,
)


def test_an_answer_carries_the_place_and_the_digest_of_its_table(tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=60)
    folder = folder_with_views(tmp_path / "run", log)

    answer = read_table(folder, "fills", TableQuery(limit=3))

    book = AuditDatabase(folder.audit)
    assert answer.sequence == log.last
    assert answer.digest == book.digests()["fills"].text
    assert [row["sequence"] for row in answer.data] == sorted(
        (row["sequence"] for row in answer.data), reverse=True
    )
    assert len(answer.data) == 3
    book.close()


def test_amounts_are_texts_and_times_are_rfc_3339(tmp_path: Path) -> None:
    (row,) = read_table(folder_with_views(tmp_path / "run"), "fills", TableQuery(limit=1)).data

    assert Decimal(row["price"]) > 0
    assert isinstance(row["price"], str)
    assert row["at"].startswith("2026-03-02T")
    assert row["stored_at"].endswith("Z")


def test_documents_are_given_as_what_they_are(tmp_path: Path) -> None:
    (row,) = read_table(folder_with_views(tmp_path / "run"), "equity", TableQuery(limit=1)).data

    assert msgspec.json.decode(row["cash_by_currency"])["USDT"].isdigit()


def test_rows_may_be_asked_for_by_strategy_and_instrument(tmp_path: Path) -> None:
    folder = folder_with_views(tmp_path / "run")

    everything = read_table(folder, "fills", TableQuery(None)).data
    mine = read_table(folder, "fills", TableQuery(None, strategy="ext")).data
    others = read_table(folder, "fills", TableQuery(None, strategy="'; DROP TABLE fills; --")).data
    elsewhere = read_table(folder, "fills", TableQuery(None, instrument="ETHUSDT.PAPER")).data

    assert len(mine) == len(everything) > 50
    assert others == elsewhere == []


def test_open_orders_are_those_that_have_not_ended(tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=20)
    log.say(submitting("still-open"), accepted("still-open"), source="fill")

    rows = read_table(
        folder_with_views(tmp_path / "run", log), "orders", TableQuery(open_only=True)
    ).data

    assert [row["order_id"] for row in rows] == ["still-open"]


def test_flat_positions_may_be_left_out(tmp_path: Path) -> None:
    log = FactLog()
    log.say(position(0, strategy="flat"), position(2, strategy="long"))
    folder = folder_with_views(tmp_path / "run", log)

    assert len(read_table(folder, "positions", TableQuery()).data) == 2
    (row,) = read_table(folder, "positions", TableQuery(open_only=True)).data
    assert row["strategy"] == "long"


def test_an_answer_knows_how_long_ago_its_rows_were_written(tmp_path: Path) -> None:
    folder = folder_with_views(tmp_path / "run")
    before = time.time() - 3_600
    os.utime(folder.audit.resolve(), (before, before))

    first = read_table(folder, "fills", TableQuery(limit=1)).age_seconds
    # A reader leaves an empty journal behind, which must not count as news.
    again = read_table(folder, "fills", TableQuery(limit=1)).age_seconds

    assert first == pytest.approx(3_600, abs=60)
    assert again == pytest.approx(3_600, abs=60)


def test_all_that_is_read_together_stands_at_one_place(tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=20)
    middle = log.last // 2
    folder = Folder(tmp_path / "run").create()
    projector = open_projector(paths(folder.root), ["audit"])
    fold_log(projector, log, middle)
    projector.flush()

    with open_views(folder) as book:
        before = book.rows("fills")
        fold_log(projector, log)
        projector.flush()
        assert book.rows("fills") == before
        assert book.sequence == middle
    projector.close()

    assert read_table(folder, "fills", TableQuery()).sequence == log.last


def test_a_folder_without_views_says_what_makes_them(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run").create()

    with pytest.raises(NoViewsError, match="has no views yet: `dr demo`"):
        read_table(folder, "fills", TableQuery())


def test_a_status_names_the_halts_in_force_and_who_obeys(tmp_path: Path) -> None:
    log = busy_log(seed=1, orders=30)
    (halt,) = log.say(HaltRequested("ann", "feed looks wrong", "close_only"), source="op.cli")
    log.say(HaltAcknowledged(halt.id, "close_only", 0), source="risk")
    log.say(HaltAcknowledged(halt.id, "close_only", 2), source="fill")

    answer = read_status(folder_with_views(tmp_path / "run", log))

    (shown,) = answer.data["halts"]
    assert (shown["actor"], shown["scope"]) == ("ann", "close_only")
    assert shown["acknowledged_by"] == ["fill", "risk"]


def test_a_status_leaves_out_halts_that_were_lifted_or_ran_out(tmp_path: Path) -> None:
    log = FactLog()
    log.say(HaltRequested("ann", "drill"))
    log.say(ResumeRequested("ann", "over"))
    until = START + HOUR
    log.say(HaltImposed("close_only", "drawdown_max", None, None, None, "too deep", until))
    assert len(read_status(folder_with_views(tmp_path / "early", log)).data["halts"]) == 1

    log.say(equity(100), after=HOUR + MINUTE)
    assert read_status(folder_with_views(tmp_path / "late", log)).data["halts"] == []


def test_a_status_counts_every_table_and_gives_its_digest(tmp_path: Path) -> None:
    folder = folder_with_views(tmp_path / "run")

    answer = read_status(folder)

    fills = read_table(folder, "fills", TableQuery(None))
    assert answer.data["tables"]["fills"] == {"rows": len(fills.data), "digest": fills.digest}
    assert answer.data["refusals_by_rule"].keys() == {"max_notional"}
    assert len(answer.digest) == 64


def test_a_status_counts_halts_that_began_and_refusals_as_the_audit_does(tmp_path: Path) -> None:
    log = FactLog()
    (halt,) = log.say(HaltRequested("ann", "drill"))
    log.say(HaltAcknowledged(halt.id, "all", 0), HaltAcknowledged(halt.id, "all", 1))
    log.say(refused(), refused("order_rate"), source="risk")
    refusal = ("ext", INSTRUMENT, "no_venue", None, None, None, "nobody trades it")
    log.say(OrderUnroutable("o1", "s1", *refusal), source="router")
    log.say(OrderRejected("o2", "halted", "a halt is in force"), source="fill")

    found = read_status(folder_with_views(tmp_path / "run", log)).data

    tally = EventCounts()
    for _, facts, _ in log.messages:
        for record in facts:
            tally.count(record)
    assert found["halts_begun"] == 1
    assert found["refusals"] == tally.refusals == 3
    assert found["refusals_by_rule"] == tally.refusals_by_rule
    assert found["orders_rejected"] == 1
