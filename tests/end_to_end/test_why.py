"""`dr replay why` and `whynot` as an operator uses them, on a demo's log."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.amounts import text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.replay.why.job import find_reason
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.log.reading import read_messages, read_stored
from deadreckon.runtime.process.folder import Folder
from tests.end_to_end.conftest import BARS, Dr


@pytest.fixture(scope="module")
def ended(demo_of_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of some days that has ended."""
    folder = tmp_path_factory.mktemp("why")
    return shutil.copytree(demo_of_days, folder, dirs_exist_ok=True, symlinks=True)


@pytest.fixture(scope="module")
def log(ended: Path) -> list[Stored]:
    async def read() -> list[Stored]:
        async with open_bus(Folder(ended / "desk")) as bus:
            last = (await bus.info()).last
            return [stored async for stored in read_stored(bus, last)]

    return asyncio.run(read())


async def facts(log: list[Stored], *shapes: type) -> list[Recorded[Any]]:
    bus = MemoryBus(MemoryLog(log))
    told = [record async for message in read_messages(bus) for record in message.facts]
    return [record for record in told if isinstance(record.event, shapes)]


@pytest.fixture
def ended_run(ended: Path, dr: Dr) -> Dr:
    dr.folder = ended
    return dr


async def test_every_refusal_of_the_demo_names_rule_limit_and_what_was_measured(
    log: list[Stored],
) -> None:
    refusals = await facts(log, SignalRefused)
    assert refusals
    for record in refusals:
        found = await find_reason(MemoryBus(MemoryLog(log)), record.id, 3, lambda *_: None)
        assert found.story is not None
        (no,) = [each for each in found.story.nodes[record.id].details if each.is_bad]
        assert no.figures["rule"] == record.event.rule
        assert no.figures.get("limit") == _text(record.event.limit)
        assert no.figures.get("measured") == _text(record.event.measured)
        assert no.id == (record.event.limit_set_by or record.id)


def _text(amount: Any) -> str | None:
    return None if amount is None else text(amount)


async def test_every_order_of_the_demo_leads_back_to_the_bar_that_it_was_wished_at(
    log: list[Stored],
) -> None:
    orders = await facts(log, OrderApproved)
    assert orders
    for record in orders:
        found = await find_reason(
            MemoryBus(MemoryLog(log)), record.event.order_id, 24, lambda *_: None
        )
        assert found.story is not None
        behind = [branch.id for root in found.story.story.causes for branch in root]
        kinds = [type(found.story.nodes[name].record.event) for name in behind]
        assert SignalRaised in kinds
        assert BarClosed in kinds


async def test_the_verbs_tell_it_in_lines_in_json_and_in_pictures(
    ended_run: Dr, log: list[Stored]
) -> None:
    fill = (await facts(log, OrderFilled))[0]
    told = ended_run.run("replay", "why", fill.id[:10], "--data", "desk", "--svg", "why.svg")
    assert "\nBecause\n" in told
    assert f"{fill.sequence}.{fill.index}  {fill.id[:8]}" in told
    assert max(map(len, told.splitlines())) <= 100
    assert (ended_run.folder / "why.svg").read_text().startswith("<svg")
    document = ended_run.json("replay", "why", fill.event.trade_id, "--data", "desk")
    assert document["asked"] == fill.id
    figure = f"pnl:{fill.event.strategy}/{fill.event.instrument}"
    assert ended_run.json("replay", "why", figure, "--data", "desk")["agrees"]

    silent = ended_run.json(
        "replay", "whynot", "--instrument", "BTCUSDT.PAPER", "--from", "2000-01-01", "--to",
        "2100-01-01", "--data", "desk",
    )  # fmt: skip
    assert silent["prices"] == BARS
    for name in ("cross", "regime"):
        bars = [group["count"] for group in silent["groups"] if group["who"] == name]
        assert sum(bars) == BARS


def test_what_is_not_there_is_refused_in_one_line(ended_run: Dr) -> None:
    for words, says in (
        (("why", "ffffffffffff"), "the log has nothing with the id 'ffffffffffff'"),
        (("why", "cross-"), "may be any of"),
        (("why", "pnl:nobody/BTCUSDT.PAPER"), "nobody had not traded BTCUSDT.PAPER"),
        (("why", "ffffffffffff", "--depth", "201"), "--depth 201: give 0 to 200"),
        (
            ("whynot", "--instrument", "X.Y", "--from", "2000-01-01", "--to", "2100-01-01"),
            "the log does not name X.Y by then; there are BTCUSDT.PAPER",
        ),
        (
            (
                *("whynot", "--instrument", "BTCUSDT.PAPER", "--strategy", "crss"),
                *("--from", "2000-01-01", "--to", "2100-01-01"),
            ),
            "the log does not name a strategy crss by then; did you mean cross?",
        ),
        (
            ("whynot", "--instrument", "X.Y", "--from", "2000-01-02", "--to", "2000-01-01"),
            "is before --from",
        ),
        (
            ("whynot", "--instrument", "X.Y", "--from", "noon", "--to", "2000-01-01"),
            "--from noon",
        ),
    ):
        answer = ended_run.run("replay", *words, "--data", "desk", code=2)
        assert says in answer
        assert len([line for line in answer.splitlines() if line.startswith("dr: ")]) == 1
