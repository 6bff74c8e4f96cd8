"""A log in words: every type has some, names stay, causes stand above what followed from them."""

import doctest
import re
from typing import Any

import msgspec
import pytest

from deadreckon.contracts import governance, signals
from deadreckon.contracts.catalogue import EVENTS
from deadreckon.contracts.codec import encode_commit, wrap
from deadreckon.contracts.envelope import Commit, derive_id, digest
from deadreckon.contracts.event import Event, Recorded
from deadreckon.formatting import exact
from deadreckon.formatting.events import DESCRIPTIONS, describe
from deadreckon.formatting.events.style import Style
from deadreckon.replay.narrate import narrate
from deadreckon.replay.narrate.job import StoryRange, event_json, stories
from deadreckon.replay.narrate.narrate import (
    STORY_MESSAGES,
    NarratedStory,
    Narrator,
    StoryPage,
    narrated_stories,
)
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding, Message
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests.contracts.samples import sample
from tests.stories import DAY, MINUTE, START, bar, filled, limits
from tests.stories import signal as trade_signal

HEARD_AT_DOORS = {
    signals.SignalReceived,
    signals.CancelReceived,
    signals.ReplaceReceived,
    signals.SignalMalformed,
    signals.MessageOverQuota,
    governance.OperatorMalformed,
    governance.LogDamaged,
}
HASH = "0123456789abcdef" * 2


def test_every_type_of_event_has_words_and_so_has_what_is_heard_at_doors() -> None:
    assert set(DESCRIPTIONS) == set(EVENTS.values()) | HEARD_AT_DOORS


@pytest.mark.parametrize("shape", DESCRIPTIONS, ids=lambda shape: shape.__name__)
def test_what_an_event_says_is_one_line(shape: type[Event]) -> None:
    text = describe(_said(sample(shape)), Style())
    assert text
    assert text.isprintable()
    assert "None" not in text


@pytest.mark.parametrize("shape", EVENTS.values(), ids=lambda shape: shape.__name__)
def test_what_services_say_shows_no_id_but_its_name(shape: type[Event]) -> None:
    event = sample(shape)
    own = () if hasattr(event, "actor") else ("reason",)  # people's reasons are their own words
    ids = [name for name in shape.__struct_fields__ if name.endswith(("_id", "_by", *own))]
    text = describe(_said(msgspec.structs.replace(event, **dict.fromkeys(ids, HASH))), Style())
    assert not re.search("[0-9a-f]{16}", text)


def test_what_others_wrote_cannot_move_the_cursor_or_fill_the_page() -> None:
    halt = governance.HaltRequested("ann", "\x1b[2J" + "x" * 1_000)
    text = describe(_said(halt), Style())
    assert text.startswith("halt-1 (all): ·[2Jxxx")
    assert len(text) < 300


def test_names_are_given_by_first_appearance_and_kept() -> None:
    names = Style()
    assert [names.order(order) for order in ("x", "y", "x")] == ["order-1", "order-2", "order-1"]
    assert names.child("y1", "y", 0) == "order-2.1"
    assert names.leg("s", "x", "stop_loss") == "order-1-stop"
    assert names.leg("s again", "x", "stop_loss") == "order-1-stop-2"
    assert names.leg("t", "x", "take_profit") == "order-1-target"
    assert names.signal("alice", "s1") == "signal-1"
    assert names.signal("bob", "s1") == "signal-2"
    assert names.shorten(f"halted by {HASH}") == "halted by 01234567"
    names.of("halt", HASH)
    assert names.shorten(f"halted by {HASH}") == "halted by halt-1"


def test_what_followed_stands_under_its_cause_in_the_order_of_the_log() -> None:
    first, second = _said(bar(100), "b1"), _said(trade_signal(quantity=1), "s1")
    log = _log(
        ("market", first),
        ("signal", second),
        ("fill", _said(filled("buy", 1, 100), "f1", cause="b1")),
        ("risk", _said(sample(signals.SignalRefused), "n1", cause="s1")),
        ("portfolio", _said(sample(EVENTS["portfolio.position_changed"]), "p1", cause="f1")),
    )
    found = [(told.depth, told.id) for story in _stories(log) for told in story]
    assert found == [(0, "b1"), (1, "f1"), (2, "p1"), (0, "s1"), (1, "n1")]


def test_an_answer_that_comes_when_its_cause_is_told_begins_a_story_and_says_so() -> None:
    bars = [("market", _said(bar(100), f"b{number}")) for number in range(STORY_MESSAGES + 2)]
    log = _log(*bars, ("fill", _said(filled("buy", 1, 100), "f1", cause="b0")))
    *_, last = _stories(log)
    assert (last.first.id, last.first.depth, last.first.late) == ("f1", 0, True)
    assert "fill: (late) order-1 bought 1" in "\n".join(StoryPage().add(last))


def test_a_narrator_holds_no_more_than_its_patience() -> None:
    narrator = Narrator("desk", "paper")
    told = 0
    for message in _log(*(("market", _said(bar(100), f"b{n}")) for n in range(2 * STORY_MESSAGES))):
        told += len(list(narrator.fold(message)))
        assert message.sequence - told <= STORY_MESSAGES + 1
    assert told + len(list(narrator.finish())) == 2 * STORY_MESSAGES


def test_a_quiet_page_sums_up_rows_that_nobody_answered_day_by_day() -> None:
    rows = [_said(bar(100), f"b{n}", at=START + n * MINUTE) for n in range(1, 6)]
    rows += [_said(bar(100), "b6", at=START + DAY)]
    log = _log(
        *(("market", row) for row in rows[:5]),
        ("fill", _said(filled("buy", 1, 100), "f1", cause="b4")),
        ("market", rows[5]),
    )
    page = StoryPage(quiet=True)
    lines = [line for story in _stories(log) for line in page.add(story)] + [*page.finish()]
    assert [line.split(",")[0] for line in lines] == [
        "2026-03-02",
        "00:01   market: BTCUSDT.PAPER bar of 1 min: all at 100",
        "00:02   2 rows of the market",
        "00:04   market: BTCUSDT.PAPER bar of 1 min: all at 100",
        "          fill: order-1 bought 1 BTCUSDT.PAPER at 100",
        "00:05   market: BTCUSDT.PAPER bar of 1 min: all at 100",
        "2026-03-03",
        "00:00   market: BTCUSDT.PAPER bar of 1 min: all at 100",
    ]


def test_a_time_is_told_from_what_follows_it() -> None:
    second = MINUTE // 60
    rows = [_said(bar(100), f"b{n}", at=START + 25 * second + n) for n in range(2)]
    log = _log(
        *(("market", row) for row in rows),
        ("fill", _said(filled("buy", 1, 100), "f1", cause="b1")),
        ("market", _said(bar(100), "b2", at=START + 30 * second)),
        ("market", _said(bar(100), "b3", at=START + 31 * second)),
    )
    page = StoryPage(quiet=True)
    lines = [line for story in _stories(log) for line in page.add(story)] + [*page.finish()]
    assert lines[1].startswith("00:00:25 market: ")
    assert lines[2].startswith("00:00:25.000000001 market: ")
    assert lines[-1] == "00:00:30 2 rows of the market, until 00:00:31"


async def test_a_part_is_told_with_the_names_of_the_whole() -> None:
    fills = [
        _said(filled("buy", 1, 100, order=f"o{n}", id=f"t{n}"), f"f{n}", at=START + n * DAY)
        for n in range(3)
    ]
    bus = MemoryBus(MemoryLog(_stored(*(("market", fill) for fill in fills))))

    async def told(part: StoryRange) -> list[str]:
        return [story.first.text.split()[0] async for story in stories(bus, part)]

    assert await told(StoryRange()) == ["order-1", "order-2", "order-3"]
    assert await told(StoryRange(day="2026-03-03")) == ["order-2"]
    assert await told(StoryRange(first=2)) == ["order-2", "order-3"]
    assert await told(StoryRange(first=2, last=2)) == ["order-2"]
    assert await told(StoryRange(day="2026-03-09")) == []


def test_a_line_of_json_has_what_programs_need() -> None:
    (story,) = _stories(_log(("portfolio", _said(limits(), "l1"))))
    assert msgspec.json.decode(event_json(story.first)) == {
        "at": "2026-03-02T00:00:00Z",
        "who": "portfolio",
        "text": "limits-1: entries_per_minute none, entries_per_minute_instrument none",
        "depth": 0,
        "late": False,
        "type": "LimitsSet",
        "id": "l1",
        "cause": None,
        "sequence": 1,
        "index": 0,
    }


def test_the_examples_in_the_words_hold() -> None:
    for module in (exact, narrate):
        assert doctest.testmod(module).failed == 0


def _said(
    event: Any, id: str = "e1", *, cause: str | None = None, at: int = START
) -> Recorded[Any]:
    return Recorded(
        id=id, at=at, book="desk", mode="paper", source="", cause=cause, root=id, event=event
    )


def _stored(*spoken: tuple[str, Recorded[Any]]) -> list[Stored]:
    """A log with a commit for each event; every service's chain is sound."""
    counts: dict[str, int] = {}
    previous: dict[str, str] = {}
    log = []
    for sequence, (service, record) in enumerate(spoken, start=1):
        counts[service] = n = counts.get(service, 0) + 1
        book = "shared" if service == "market" else "desk"
        commit = Commit(
            id=derive_id(service, "commit", n),
            n=n,
            first=sequence,
            to=sequence - 1,
            part=0,
            previous=previous.get(service, ""),
            code="story",
            answers=[],
            events=[wrap(msgspec.structs.replace(record, source=service))],
        )
        payload = encode_commit(commit)
        previous[service] = digest(payload)
        log.append(Stored(sequence, f"log.{book}.{service}.events", payload))
    return log


def _log(*spoken: tuple[str, Recorded[Any]]) -> list[Message]:
    decoding = Decoding()
    return [decoding.decode(stored) for stored in _stored(*spoken)]


def _stories(log: list[Message]) -> list[NarratedStory]:
    return list(narrated_stories(log, "desk", "paper"))
