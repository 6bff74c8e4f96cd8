"""As lived: a question, its answers right after it, each of them a question again."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltAcknowledged, HaltRequested, ResumeRequested
from deadreckon.runtime.service.decider_runner import DeciderRunner
from tests.stories import START, at, bar


class Diary(Struct):
    """What was evolved, in order."""

    lines: list[str] = []


class Scribe:
    """Answers a halt with two acknowledgements; the first of these with a resume."""

    def initial(self) -> Diary:
        return Diary()

    def evolve(self, state: Diary, record: Recorded[Any]) -> Diary:
        state.lines.append(self.line(record.event))
        return state

    def line(self, event: Event) -> str:
        return f"{type(event).__name__} {getattr(event, 'open_orders', '')}".strip()

    def decide(self, state: Diary, record: Recorded[Any]) -> Sequence[Event]:
        match record.event:
            case HaltRequested():
                return [HaltAcknowledged(record.id, "all", n) for n in (0, 1)]
            case HaltAcknowledged(open_orders=0):
                return [ResumeRequested("scribe", f"after {len(state.lines)}")]
            case _:
                return []


class Mute(Scribe):
    """What the scribe would be after a change of code: it decides nothing."""

    def decide(self, state: Diary, record: Recorded[Any]) -> Sequence[Event]:
        raise AssertionError("recall must not decide")


QUESTION = at(HaltRequested("ann", "why"), START, id="q")


def lived(scribe: Scribe | None = None) -> DeciderRunner:
    return DeciderRunner("scribe", "desk", scribe or Scribe())


def test_answers_are_questions_breadth_first() -> None:
    one = lived()
    answers = one.answer(QUESTION)
    assert one.state.lines == [
        "HaltRequested",
        "HaltAcknowledged 0",
        "HaltAcknowledged 1",
        "ResumeRequested",
    ]
    assert [type(record.event).__name__ for record in answers] == [
        "HaltAcknowledged",
        "HaltAcknowledged",
        "ResumeRequested",
    ]


def test_a_decision_sees_the_state_after_its_question() -> None:
    *_, resume = lived().answer(QUESTION)
    assert isinstance(resume.event, ResumeRequested)
    assert resume.event.reason == "after 2"


def test_every_answer_names_its_own_question_and_the_first_cause() -> None:
    first, second, third = lived().answer(QUESTION)
    assert [record.cause for record in (first, second, third)] == ["q", "q", first.id]
    assert [record.root for record in (first, second, third)] == ["q"] * 3
    assert [record.id for record in (first, second)] == [
        derive_id("q", "scribe", n) for n in (0, 1)
    ]
    assert third.id == derive_id(first.id, "scribe", 0)
    assert {record.at for record in (first, second, third)} == {START}


def test_answers_to_shared_facts_belong_to_our_book() -> None:
    shared = at(HaltRequested("ann", "why"), START, id="q", book="shared")
    assert [record.book for record in lived().answer(shared)] == ["desk"] * 3


def test_a_question_without_an_answer_moves_the_state_and_no_more() -> None:
    one = lived()
    assert one.answer(at(bar(1))) == []
    assert one.state.lines == ["BarClosed"]


def test_recall_evolves_what_was_recorded_and_decides_nothing() -> None:
    first = lived()
    answers = first.answer(QUESTION)
    again = lived(Mute())
    again.replay(QUESTION, answers)
    assert again.state == first.state


def test_what_was_recorded_wins_over_what_would_be_decided_today() -> None:
    again = lived()
    again.replay(QUESTION, [at(ResumeRequested("scribe", "it was so"))])
    assert again.state.lines == ["HaltRequested", "ResumeRequested"]
