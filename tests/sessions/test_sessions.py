"""All services together on a scripted tape, told in words; `just retell` writes the words anew."""

import asyncio
import os
from difflib import unified_diff
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from deadreckon.contracts.catalogue import EVENTS
from deadreckon.contracts.envelope import Envelope
from deadreckon.contracts.governance import HaltImposed
from deadreckon.contracts.orders import OrderUnroutable
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.contracts.signals import SignalRefused
from deadreckon.replay.narrate.narrate import narrated_stories
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.catalogue import BOOK
from tests.sessions.logs import facts_in
from tests.sessions.player import Session, audited, decoded, narration

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
NAMES = sorted(path.stem for path in (HERE / "scripts").glob("*.py") if path.stem != "__init__")

# What no session tells: others' clocks and models, quotas (none on a tape unless set), a stack's
# own life, its archive.
UNTOLD = {
    "ClockAcceptRequested",
    "ClockConfigured",
    "ClockReset",
    "ClockResetRequested",
    "ClockStepAccepted",
    "ClockStepRefused",
    "ClockTicked",
    "MessagesRefused",
    "ProducerQuotaSet",
    "RangeSealed",
    "RegimeModelFitted",
    "RegimeModelRefused",
    "StackStarted",
    "StackStopped",
    "TapeEnded",
    "ViewDiffered",
    "ViewRebuilt",
}


@cache
def session(name: str) -> Session:
    """The session, played once without a cut."""
    found = Session(name, import_module(f"tests.sessions.scripts.{name}").SCRIPT)
    asyncio.run(found.play())
    return found


@cache
def story(name: str) -> str:
    """What the session is about, and how it went."""
    about = import_module(f"tests.sessions.scripts.{name}").__doc__ or ""
    return f"{about}\n\n{narration(session(name).log)}"


def envelopes(log: list[Stored]) -> list[Envelope]:
    return [event for message in decoded(log) if message.commit for event in message.commit.events]


@pytest.mark.parametrize("name", NAMES)
def test_a_session_goes_as_it_was_reviewed(name: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("DR_RETELL"):
        golden.write_text(story(name), "utf-8")
    before = golden.read_text("utf-8") if golden.exists() else ""
    if before != story(name):
        change = unified_diff(
            before.splitlines(), story(name).splitlines(), "reviewed", "now", lineterm=""
        )
        advice = "If this is how it should go: just retell, and review the diff."
        pytest.fail("\n".join([*change, advice]), pytrace=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_a_refusal_or_halt_has_the_unit_of_its_rule(name: str) -> None:
    shapes = (SignalRefused, OrderUnroutable, HaltImposed)
    told = [record.event for record in facts_in(tuple(session(name).log), *shapes)]
    figured = {it.rule for it in told if it.limit is not None or it.measured is not None}
    # The figures of `halted` are those of the rule that halted.
    assert [rule for rule in figured - {"halted"} if not RULE_UNITS.get(rule)] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_a_session_cut_between_any_two_rows_is_told_the_same(name: str) -> None:
    uncut = session(name)
    for place in uncut.places_of_rows:
        log = asyncio.run(uncut.played_after_a_cut(place))
        assert narration(log) == narration(uncut.log), f"cut after message {place}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_services_of_a_session_that_die_at_any_message_finish_its_turn_the_same(name: str) -> None:
    uncut = session(name)
    for begun, ended in zip([0, *uncut.places], uncut.places, strict=False):
        for place in range(begun + 1, ended + 1):
            log = asyncio.run(uncut.turn_after_a_cut(place))
            assert envelopes(log) == envelopes(uncut.log[:ended]), f"cut after message {place}"


@pytest.mark.parametrize("name", NAMES)
def test_the_audit_of_a_session_finds_what_portfolio_found(name: str) -> None:
    found = audited(session(name).log)
    assert found.compared
    assert not found.differences
    assert not found.damages


def test_every_session_that_is_told_still_has_a_script() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


def test_the_sessions_together_tell_almost_every_type_of_event() -> None:
    logs = [decoded(session(name).log) for name in NAMES]
    types = {
        it.type for log in logs for story in narrated_stories(log, BOOK, "paper") for it in story
    }
    assert {shape.__name__ for shape in EVENTS.values()} - types == UNTOLD
