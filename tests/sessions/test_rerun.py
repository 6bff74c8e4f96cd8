"""Every recorded session, asked again: the same answers; and a decider that changed is caught."""

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.replay.rerun.comparison import ServiceTally, begins
from deadreckon.replay.rerun.completeness import CompletenessCheck
from deadreckon.replay.rerun.redecide import FOREVER, Redecider, StartState, TimeSpan
from deadreckon.replay.rerun.rerun import Rerun
from deadreckon.replay.rerun.states import PathChange, between, effects
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import BOOK, DECIDERS, RANK
from tests.sessions.player import Session, decoded
from tests.sessions.random_sessions import RandomScript
from tests.sessions.test_sessions import NAMES, session
from tests.stories import DAY

Decide = Callable[[Any, Recorded[Any]], Sequence[Event]]


@cache
def random_session(seed: int) -> Session:
    played = Session(f"{seed}", RandomScript(seed).script())
    asyncio.run(played.play())
    return played


def asked_again(log: list[Stored], *services: Any, **sent_signals: Any) -> dict[str, ServiceTally]:
    deciders = {name: decider(name) for name in RANK}
    deciders |= dict(zip(services[::2], services[1::2], strict=True))
    rerun = Rerun(deciders, **sent_signals)
    for message in decoded(log):
        rerun.take(message)
    return {tally.service: tally for tally in rerun.end()}


def changed(service: str, decide: Decide) -> Any:
    """A decider that answers otherwise."""
    ours: ModuleType = import_module(DECIDERS[service])
    return SimpleNamespace(
        initial=ours.initial, evolve=ours.evolve, decide=decide, HANDLES=ours.HANDLES
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_of_a_session_is_given_again(name: str) -> None:
    for tally in asked_again(session(name).log).values():
        assert tally.questions
        assert (tally.diverging, tally.due) == (0, None), tally.first


@pytest.mark.parametrize("seed", range(6))
def test_every_answer_of_a_random_session_is_given_again(seed: int) -> None:
    tallies = asked_again(random_session(seed).log)
    assert sum(tally.answers for tally in tallies.values()) > 50
    assert not [tally.first for tally in tallies.values() if tally.first]


def test_all_questions_and_answers_of_a_log_are_counted() -> None:
    log = session("stop_loss").log
    answers = [record for message in decoded(log) if message.commit for record in message.facts]
    tallies = asked_again(log)
    for name, tally in tallies.items():
        assert tally.answers == len([record for record in answers if record.source == name])
        others = [record for record in answers if record.source != name]
        doors = [message for message in decoded(log) if message.subject.is_inbound]
        assert tally.questions >= len(others) + len(doors) - 1


def test_the_first_answer_that_differs_is_found_at_its_place_and_counted_by_field() -> None:
    ours: Any = decider("risk")

    def decide(state: Any, record: Recorded[Any]) -> Sequence[Event]:
        answers = ours.decide(state, record)
        return [
            structs.replace(each, reason="") if isinstance(each, SignalRefused) else each
            for each in answers
        ]

    log = session("daily_loss").log
    refused = next(
        record
        for message in decoded(log)
        for record in message.facts
        if isinstance(record.event, SignalRefused) and record.source == "risk"
    )
    tally = asked_again(log, "risk", changed("risk", decide))["risk"]
    assert tally.first is not None
    assert tally.first.question.id == refused.cause
    assert tally.first.differences[0].fields == ["reason"]
    assert list(tally.kinds) == ["changed SignalRefused reason"]
    assert tally.kinds["changed SignalRefused reason"] == tally.diverging


def test_an_answer_that_differs_once_is_a_difference_once() -> None:
    """The state goes on with what was recorded, and all that comes later is equal again."""
    ours: Any = decider("fill")
    log = session("stop_loss").log
    calls: list[str] = []

    def decide(state: Any, record: Recorded[Any]) -> Sequence[Event]:
        answers = ours.decide(state, record)
        if any(isinstance(each, OrderFilled) for each in answers) and not calls:
            calls.append(record.id)
            return []
        return list(answers)

    tally = asked_again(log, "fill", changed("fill", decide))["fill"]
    assert tally.diverging == 1
    assert tally.first is not None
    assert tally.first.question.id == calls[0]
    assert all(each.kind == "missing" for each in tally.first.differences)


def test_an_answer_that_nobody_recorded_is_extra() -> None:
    ours: Any = decider("governance")
    halt = next(
        record.event
        for message in decoded(session("daily_loss").log)
        for record in message.facts
        if type(record.event).__name__ == "HaltImposed"
    )

    def decide(state: Any, record: Recorded[Any]) -> Sequence[Event]:
        return [
            *ours.decide(state, record),
            *([halt] if isinstance(record.event, OrderFilled) else []),
        ]

    log = session("stop_loss").log
    tally = asked_again(log, "governance", changed("governance", decide))["governance"]
    assert list(tally.kinds) == ["extra HaltImposed"]


def test_a_decider_that_raises_is_a_difference_with_the_name_of_what_it_raised() -> None:
    ours: Any = decider("risk")

    def decide(state: Any, record: Recorded[Any]) -> Sequence[Event]:
        if isinstance(record.event, SignalRaised):
            raise ZeroDivisionError("no headroom")
        return list(ours.decide(state, record))

    tally = asked_again(session("stop_loss").log, "risk", changed("risk", decide))["risk"]
    assert tally.first is not None
    assert tally.first.error == "ZeroDivisionError: no headroom"
    assert tally.kinds["raised ZeroDivisionError"] == tally.diverging
    assert not tally.broken


def test_a_state_that_cannot_move_on_ends_the_comparison_there() -> None:
    ours: Any = decider("risk")

    def evolve(state: Any, record: Recorded[Any]) -> Any:
        if isinstance(record.event, OrderSubmitting):
            raise KeyError("order")
        return ours.evolve(state, record)

    other = changed("risk", ours.decide)
    other.evolve = evolve
    log = session("stop_loss").log
    tally = asked_again(log, "risk", other)["risk"]
    assert tally.diverging == 1
    assert tally.broken.startswith("KeyError: 'order' at ")
    assert tally.questions < asked_again(log)["risk"].questions


def test_answers_of_which_only_the_first_are_stored_are_still_to_come() -> None:
    """A commit that was cut in two: nothing differs, the rest is missing from the log only."""
    facts = [record for message in decoded(session("stop_loss").log) for record in message.facts]
    recorded = [record for record in facts if record.source == "fill"]
    record = [structs.replace(each, sequence=0, index=0) for each in recorded]
    assert begins(recorded[:1], record)
    assert begins([], record)
    assert not begins(recorded, record[:1])
    assert not begins(recorded[1:2], record)


def test_the_digest_is_of_the_questions_and_the_recorded_answers() -> None:
    log = session("stop_loss").log
    silent = changed("risk", lambda state, record: [])
    assert asked_again(log)["risk"].digest == asked_again(log, "risk", silent)["risk"].digest
    deaf = changed("risk", lambda state, record: [])
    deaf.HANDLES = frozenset()
    assert asked_again(log)["risk"].digest == asked_again(log, "risk", deaf)["risk"].digest
    answered = max(
        at for at, it in enumerate(decoded(log)) if it.facts and it.facts[0].source == "risk"
    )
    assert asked_again(log)["risk"].digest != asked_again(log[:answered])["risk"].digest


def test_of_one_day_only_its_questions_are_compared() -> None:
    log = session("daily_loss").log
    at = sorted({record.at for message in decoded(log) for record in message.facts})
    middle = at[len(at) // 2]
    whole, first, rest = (
        asked_again(log, span=span)
        for span in (None, TimeSpan(0, middle), TimeSpan(middle, middle + 400 * DAY))
    )
    for name in RANK:
        assert first[name].questions + rest[name].questions == whole[name].questions
        assert first[name].answers + rest[name].answers == whole[name].answers
        assert first[name].diverging == rest[name].diverging == 0


def test_a_service_may_be_asked_from_a_state_on() -> None:
    """As from a snapshot: right behind a commit that covers everything before it."""
    log = session("cancel_and_replace").log
    place = next(
        message.sequence
        for message in decoded(log)
        if message.commit
        and message.subject.service == "risk"
        and message.commit.to == message.sequence - 1
    )
    leading = Redecider("risk", BOOK, decider("risk"), span=TimeSpan(FOREVER))
    intake = Ingress(BOOK, "paper", reads_signals=False)
    for message in decoded(log[:place]):
        assert not list(leading.take(message))
        if message.commit is None or message.subject.service != "risk":
            list(intake.records_of(message))
    commit = decoded(log)[place - 1].commit
    assert commit is not None
    begun = StartState(commit.n, place - 1, intake, leading.runner.state)
    tally = asked_again(log, beginnings={"risk": begun})["risk"]
    later = [record for message in decoded(log)[place:] for record in message.facts]
    assert tally.answers == len([record for record in later if record.source == "risk"])
    assert tally.answers
    assert not tally.diverging


def test_the_end_of_a_log_that_was_cut_is_no_difference() -> None:
    log = session("stop_loss").log
    cut = next(
        place
        for place, message in enumerate(decoded(log))
        if message.subject.service == "risk" and message.facts
    )
    tallies = asked_again(log[:cut])
    assert tallies["risk"].due is not None
    assert not any(tally.diverging for tally in tallies.values())


def test_what_answers_do_to_the_state_is_shown_path_by_path() -> None:
    log = session("stop_loss").log
    approved = next(
        record
        for message in decoded(log)
        for record in message.facts
        if type(record.event).__name__ == "OrderApproved"
    )
    question = next(
        record
        for message in decoded(log)
        for record in message.facts
        if record.id == approved.cause
    )
    redecider = Redecider("risk", BOOK, decider("risk"))
    met = None
    for message in decoded(log):
        met = met or redecider.lead(message, question.sequence, question.index)
    assert met is not None
    found = effects(redecider.runner, *met)
    path = f"/orders/{approved.event.order_id}/instrument"
    assert path in [change.path for change in found.by_recorded]
    assert found.by_recorded == found.by_today
    assert any(path.endswith("/price") for path in found.before)


def test_what_another_program_remembers_otherwise_is_shown() -> None:
    log = session("stop_loss").log
    signal = next(
        record
        for it in decoded(log)
        for record in it.facts
        if isinstance(record.event, SignalRaised)
    )
    ours: Any = decider("risk")
    other = changed("risk", ours.decide)

    def evolve(state: Any, record: Recorded[Any]) -> Any:
        state = ours.evolve(state, record)
        state.limits_id = "forgotten"
        return state

    other.evolve = evolve
    seen = []
    for code in (ours, other):
        redecider = Redecider("risk", BOOK, code)
        met = [redecider.lead(message, signal.sequence, signal.index) for message in decoded(log)]
        seen.append(effects(redecider.runner, *next(filter(None, met)), whole=True))
    (found,) = between(*seen)
    assert found == PathChange("/limits_id", found.before, "forgotten")


def test_answers_that_are_lost_or_doubled_are_counted_as_ever() -> None:
    asked = CompletenessCheck("risk", BOOK, "paper")
    for message in decoded(session("stop_loss").log):
        asked.take(message)
    asked.end()
    assert asked.miscounts == []


def test_a_commit_that_was_never_stored_counts_as_lost_answers() -> None:
    log = session("stop_loss").log
    asked = CompletenessCheck("risk", BOOK, "paper")
    place = next(
        at for at, it in enumerate(decoded(log)) if it.facts and it.facts[0].source == "risk"
    )
    for message in decoded(log[:place]):
        asked.take(message)
    asked.end()
    assert [(found.lost, found.doubled) for found in asked.miscounts] == [(1, 0)]
