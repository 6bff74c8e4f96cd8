"""Compares what is said today with what was recorded, answer by answer."""

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct, field

from deadreckon.contracts.catalogue import NAMES, VERSIONS
from deadreckon.contracts.codec import encode_event, wrap
from deadreckon.contracts.event import Recorded
from deadreckon.replay.rerun.redecide import Redecision

DifferenceKind = Literal["missing", "extra", "changed", "order", "error"]


class EventDetail(Struct, frozen=True):
    """An answer in full, as canonical JSON has it; times are nanoseconds UTC."""

    id: str
    type: str
    at: int
    cause: str | None
    root: str
    data: Raw


class AnswerDifference(Struct, frozen=True):
    """One answer that is not as recorded.

    `missing`: recorded, and not said today. `extra`: said today, and not recorded. `changed`: both
    have it, and `fields` differ. `order`: the same answers come in another order. `error`: the
    decider raised something. `what` tells it in a few words, to be counted by.
    """

    kind: DifferenceKind
    what: str
    fields: list[str] = []
    recorded: EventDetail | None = None
    said: EventDetail | None = None


class Divergence(Struct, frozen=True):
    """A question that is answered otherwise today, with every difference."""

    service: str
    sequence: int
    index: int
    question: EventDetail
    recorded: list[EventDetail]
    said: list[EventDetail]
    differences: list[AnswerDifference]
    error: str = ""


class ServiceTally(Struct):
    """What became of one service.

    `questions` were asked of it and `heeded` of them concern it; the log has `answers` to them.
    `digest` is the SHA-256 over the answered questions and their recorded answers, whoever is
    asked. `diverging` counts questions, `kinds` differences. `broken` names what the decider raised
    while its state moved: what comes later was not compared. `due` is the place of a question at
    the log's end to which the answer is not yet in it, `unasked` how many come after that one.
    """

    service: str
    questions: int = 0
    heeded: int = 0
    answers: int = 0
    digest: str = ""
    diverging: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    first: Divergence | None = None
    broken: str = ""
    due: tuple[int, int] | None = None
    unasked: int = 0


class AnswerComparison:
    """Adds up one service's answers."""

    def __init__(self, service: str) -> None:
        self.tally = ServiceTally(service)
        self._digest = hashlib.sha256()

    def add(self, asked: Redecision) -> Divergence | None:
        """Compare the answers to one question; null where they are equal."""
        if not (asked.recorded or asked.said or asked.error):
            return None
        tally = self.tally
        tally.answers += len(asked.recorded)
        if asked.recorded:
            self._digest.update(asked.question.id.encode())
        for said in asked.recorded:
            self._digest.update(_bytes(said))
        differences = [*compare(asked)]
        if not differences:
            return None
        found = _divergence(tally.service, asked, differences)
        tally.diverging += 1
        tally.first = tally.first or found
        for difference in differences:
            tally.kinds[difference.what] = tally.kinds.get(difference.what, 0) + 1
        if asked.broken:
            tally.broken = f"{asked.error} at {asked.sequence}.{asked.index}"
        return found

    def close(self, questions: int, heeded: int) -> ServiceTally:
        """The tally, once all is asked."""
        self.tally.questions, self.tally.heeded = questions, heeded
        self.tally.digest = self._digest.hexdigest()
        return self.tally


def compare(asked: Redecision) -> Iterator[AnswerDifference]:
    """Every difference between the recorded answers and today's, none where all is equal."""
    recorded, said = asked.recorded, asked.said
    if asked.error:
        yield AnswerDifference("error", f"raised {asked.error.partition(':')[0]}")
    if len(recorded) == len(said) and all(map(_equal, recorded, said)):
        return
    by_id = {each.id: each for each in said}
    known = {each.id for each in recorded}
    for each in recorded:
        other = by_id.get(each.id)
        if other is None:
            if not asked.broken:
                yield AnswerDifference(
                    "missing", f"missing {_name(each)}", recorded=answer_detail(each)
                )
        elif fields := _changed(each, other):
            yield _change(each, other, fields)
    for each in said:
        if each.id not in known:
            yield AnswerDifference("extra", f"extra {_name(each)}", said=answer_detail(each))
    if len(known) < len(recorded):
        yield AnswerDifference("order", "recorded twice")
    common = [each.id for each in recorded if each.id in by_id]
    if common != [each.id for each in said if each.id in known]:
        yield AnswerDifference("order", "in another order")


def begins(recorded: list[Recorded[Any]], said: list[Recorded[Any]]) -> bool:
    """Whether what is said begins with what was recorded, wherever that lies in the log."""
    return len(said) >= len(recorded) and all(map(_equal, recorded, said))


def _change(recorded: Recorded[Any], said: Recorded[Any], fields: list[str]) -> AnswerDifference:
    if fields == ["type"]:
        what = f"{_name(said)} in place of {_name(recorded)}"
    else:
        what = f"changed {_name(recorded)} {', '.join(fields)}"
    return AnswerDifference("changed", what, fields, answer_detail(recorded), answer_detail(said))


def _changed(recorded: Recorded[Any], said: Recorded[Any]) -> list[str]:
    """The fields of two answers of one id that differ."""
    if type(recorded.event) is not type(said.event):
        return ["type"]
    around = [
        name for name in ("at", "cause", "root") if getattr(recorded, name) != getattr(said, name)
    ]
    if encode_event(recorded.event) == encode_event(said.event):
        return around
    before, now = (msgspec.json.decode(encode_event(each.event)) for each in (recorded, said))
    names = [*before, *(name for name in now if name not in before)]
    return around + [name for name in names if before.get(name) != now.get(name)]


def _equal(recorded: Recorded[Any], said: Recorded[Any]) -> bool:
    return recorded.id == said.id and not _changed(recorded, said)


def _bytes(said: Recorded[Any]) -> bytes:
    name = NAMES[type(said.event)]
    head = f"{said.id}|{name}|{VERSIONS[name]}|{said.at}|"
    return head.encode() + encode_event(said.event) + b"\n"


def _name(said: Recorded[Any]) -> str:
    return type(said.event).__name__


def answer_detail(said: Recorded[Any]) -> EventDetail:
    """A recorded answer in full."""
    envelope = wrap(said)
    return EventDetail(said.id, _name(said), said.at, said.cause, said.root, envelope.data)


def question_detail(said: Recorded[Any]) -> EventDetail:
    """A question in full: what came in at a door has no envelope, and is shown as understood."""
    data = Raw(encode_event(said.event))
    return EventDetail(said.id, _name(said), said.at, said.cause, said.root, data)


def _divergence(service: str, asked: Redecision, differences: list[AnswerDifference]) -> Divergence:
    return Divergence(
        service,
        asked.sequence,
        asked.index,
        question_detail(asked.question),
        list(map(answer_detail, asked.recorded)),
        list(map(answer_detail, asked.said)),
        differences,
        asked.error,
    )
