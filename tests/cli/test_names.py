"""A name that nothing has is said, with the nearest one that there is; who changed which limit."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.limits import DEFAULT_QUOTA, LimitsSet, ProducerQuotaSet
from deadreckon.contracts.subjects import operator_subject
from deadreckon.node.limits_history import LimitChange, read_history
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.services.catalogue import BOOK
from tests.cli.test_status import dr
from tests.stories import signal
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import busy_log, refused
from tests.support.verb_schemas import check_document


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder_with_views(tmp_path / "run").root


@pytest.mark.parametrize("verb", ["positions", "orders", "fills"])
def test_rows_of_a_name_that_nothing_has_are_refused_with_the_nearest(
    verb: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr(verb, "--data", data, "--json") == 0
    row = json.loads(capsys.readouterr().out)["data"][0]
    for column in ("strategy", "instrument"):
        name = row[column]
        assert dr(verb, f"--{column}", name, "--data", data) == 0
        capsys.readouterr()
        assert dr(verb, f"--{column}", name.lower() + "x", "--data", data) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert f"no {column} {name.lower()}x: did you mean {name}?" in said.err


@pytest.mark.parametrize("verb", ["positions", "orders", "fills"])
def test_a_name_that_only_a_refused_signal_had_is_not_known(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = busy_log(seed=1, orders=60)
    mistyped = signal(quantity="1", id="signal-mistyped", instrument="BTCUSDT.PAPR")
    (raised,) = log.say(mistyped, source="signal")
    log.say(refused(signal_id="signal-mistyped"), source="risk", cause=raised.id)
    data = folder_with_views(tmp_path / "mistyped", log).root

    assert dr(verb, "--instrument", "BTCUSDT.PAPR", "--data", data) == 1
    assert "no instrument BTCUSDT.PAPR: did you mean BTCUSDT.PAPER?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("OrderFiled", "OrderFilled"), ("orders.order_filed", "orders.order_filled"), ("*Filed", "")],
)
def test_a_type_that_no_event_has_is_refused_with_the_nearest(
    pattern: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("tail", "--type", pattern) == 2
    said = capsys.readouterr().err
    assert f"--type {pattern}: no event type fits" in said
    assert near in said


@pytest.mark.parametrize("pattern", ["orderfilled", "Order*", "governance.*", "LogDamaged"])
def test_a_type_that_some_event_has_is_taken(
    pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("tail", "--type", pattern, "--data", "nowhere") == 2
    assert "no event type" not in capsys.readouterr().err


def test_the_history_of_limits_names_who_changed_what_from_what() -> None:
    async def job() -> list[LimitChange]:
        bus = MemoryBus()
        first = LimitsSet("ann", "opening", drawdown_max=Decimal("0.1"))
        second = LimitsSet("ben", "nervous", drawdown_max=Decimal("0.05"), order_gap_min=60)
        for number, event in enumerate([first, second]):
            payload = write_fact(f"fact-{number}", NAMES[LimitsSet], event)
            await bus.append(operator_subject(BOOK, "cli"), payload)
        return await read_history(bus, BOOK)

    found = asyncio.run(job())

    named = [(it.sequence, it.actor, it.reason, it.name, it.before, it.after) for it in found]
    assert sorted(named) == [
        (1, "ann", "opening", "drawdown_max", None, "0.1"),
        (2, "ben", "nervous", "drawdown_max", "0.1", "0.05"),
        (2, "ben", "nervous", "order_gap_min", 0, 60),
    ]
    check_document("limits-history", found)


def test_a_default_that_replaces_no_quota_is_no_change_in_the_history() -> None:
    async def job() -> list[LimitChange]:
        bus = MemoryBus()
        ours = ProducerQuotaSet("ann", "smaller", producer_signals_per_second=500)
        for number, event in enumerate([DEFAULT_QUOTA, ours, DEFAULT_QUOTA]):  # the last: a restart
            payload = write_fact(f"fact-{number}", NAMES[ProducerQuotaSet], event)
            await bus.append(operator_subject(BOOK, "cli"), payload)
        return await read_history(bus, BOOK)

    found = asyncio.run(job())

    assert [(it.sequence, it.actor, it.name, it.before, it.after) for it in found] == [
        (1, "stack", "producer_signals_per_second", None, 5_000),
        (1, "stack", "producer_bytes_per_second", None, 5_000_000),
        (2, "ann", "producer_signals_per_second", 5_000, 500),
        (2, "ann", "producer_bytes_per_second", 5_000_000, None),
    ]


def test_the_history_is_printed_as_people_write_limits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    age = 6 * 3600 * NANOSECONDS
    changes = [
        LimitChange(1, "2026-01-01T00:00:00Z", "e1", "ann", "r", "drawdown_max", None, "0.1"),
        LimitChange(2, "", "e2", "ben", "r", "price_age_max", 0, age),
    ]
    monkeypatch.setattr("deadreckon.cli.running.run", lambda job: changes)
    assert dr("limits", "history") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[1][2:6] == ["drawdown_max", "off", "10%", "ann"]
    assert lines[2][:4] == ["price_age_max", "0s", "6h", "ben"]


def test_a_limit_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert dr("limits", "history", "drawdwn_max") == 2
    assert "no limit is called drawdwn_max; did you mean drawdown_max?" in capsys.readouterr().err


def test_a_producer_that_there_is_not_cannot_be_removed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("producer", "add", "momentum", "--data", data) == 0
    capsys.readouterr()
    assert dr("producer", "remove", "momentun", "--data", data) == 2
    assert "there is no producer momentun; did you mean momentum?" in capsys.readouterr().err
