"""Times before now, wherever a time is taken."""

import asyncio

import pytest

from deadreckon.cli.options import absolute, checked_day
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY, day_start, parse_timestamp
from deadreckon.formatting.field_text import parse_when
from deadreckon.node.tail import first_stored
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests.cli.test_status import dr

NOW = parse_timestamp("2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2h", "2026-11-20T10:00:00Z"),
        ("-15m", "2026-11-20T11:45:00Z"),
        ("1h30m ago", "2026-11-20T10:30:00Z"),
        ("now", "2026-11-20T12:00:00Z"),
        ("Yesterday", "2026-11-19"),
        ("today", "2026-11-20"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("1200.3", "1200.3"),
        ("696e046d", "696e046d"),
    ],
)
def test_a_time_before_now_is_read(text: str, written: str) -> None:
    assert parse_when(text, NOW) == written


def test_a_day_may_be_yesterday() -> None:
    assert day_start(checked_day("yesterday")) % DAY == 0
    assert absolute("0s") > absolute("2h")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["replay", "audit", "yesterday"], "nowhere"),
        (["replay", "asof", "-15m"], "nowhere"),
        (["replay", "whynot", "--instrument", "X.Y", "--from", "-2h", "--to", "now"], "nowhere"),
        (["replay", "whynot", "--instrument", "X.Y", "--from", "1h", "--to", "2h"], "is before"),
        (["cash", "funding", "X.Y", "0.1", "1", "--effective", "2h"], "nowhere"),
        (["clock", "reset", "--to", "2h"], "nowhere"),
        (["tail", "--since", "-2h"], "nowhere"),
        (["tail", "--since", "late"], "give a time such as 2h, yesterday"),
        (["tail", "--since", "2h", "--from", "1"], "not both"),
    ],
)
def test_verbs_that_take_a_time_take_one_before_now(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["dr", *words])
    assert dr(*words, "--data", "nowhere") == 2
    assert says in capsys.readouterr().err


def test_a_tail_begins_with_the_first_message_that_was_stored_since() -> None:
    log = [Stored(n, "log.desk.op.cli", b"", n * NANOSECONDS) for n in range(1, 100)]
    bus = MemoryBus(MemoryLog(log))

    async def first(seconds: float) -> int:
        return await first_stored(bus, int(seconds * NANOSECONDS), 99)

    found = [asyncio.run(first(seconds)) for seconds in (0, 1, 41.5, 99, 200)]
    assert found == [1, 1, 42, 99, 100]
