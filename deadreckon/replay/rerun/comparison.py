"""Compares the answers of today with the recorded ones, one by one."""

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
    """An event in full, `data` as canonical JSON; `at` is in nanoseconds UTC."""

    id: str
    type: str
    at: int
    cause: str | None
    root: str
    data: Raw


class AnswerDifference(Struct, frozen=True):
    """One answer that is not as recorded.

    `missing`: recorded, and not given today. `extra`: given today, and not recorded. `changed`:
    both have it, and `fields` differ. `order`: the same answers come in another order. `error`: the
    decider raised something. `what` names it in a few words, by which differences are counted.
    """

    kind: DifferenceKind
    what: str
    fields: list[str] = []
    recorded: EventDetail | None = None
    current: EventDetail | None = field(name="said", default=None)


class Divergence(Struct, frozen=True):
    """A question that is answered differently today, with every difference."""

    service: str
    sequence: int
    index: int
    question: EventDetail
    recorded: list[EventDetail]
    current: list[EventDetail] = field(name="said")
    differences: list[AnswerDifference]
    error: str = ""


class ServiceTally(Struct):
    """The result of one service.

    `questions` were put and `handled` of them are of a type it handles; the log has `answers` to
    them. `digest` is the SHA-256 (hex) over the answered questions and their recorded answers,
    the same whichever code is asked. `diverging` counts questions, `kinds` differences. `broken`
    names what the decider raised while its state moved: later questions were not compared. `due`
    is the (sequence, index) of a question whose answer the log does not have yet, `unasked` counts
    the questions after it.
    """

    service: str
    questions: int = 0
    handled: int = field(name="heeded", default=0)
    answers: int = 0
    digest: str = ""
    diverging: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    first: Divergence | None = None
    broken: str = ""
    due: tuple[int, int] | None = None
    unasked: int = 0


class AnswerComparison:
    """Adds up the comparison of one service's answers."""

    def __init__(self, service: str) -> None:
        self.tally = ServiceTally(service)
        self._digest = hashlib.sha256()

    def add(self, asked: Redecision) -> Divergence | None:
        """Compare the answers to one question; null where they are equal."""
        if not (asked.recorded or asked.current or asked.error):
            return None
        tally = self.tally
        tally.answers += len(asked.recorded)
        if asked.recorded:
            self._digest.update(asked.question.id.encode())
        for record in asked.recorded:
            self._digest.update(_bytes(record))
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

    def close(self, questions: int, handled: int) -> ServiceTally:
        """Return the tally, once all questions were put."""
        self.tally.questions, self.tally.handled = questions, handled
        self.tally.digest = self._digest.hexdigest()
        return self.tally


def compare(asked: Redecision) -> Iterator[AnswerDifference]:
    """Yield every difference between the recorded answers and those of today."""
    recorded, current = asked.recorded, asked.current
    if asked.error:
        yield AnswerDifference("error", f"raised {asked.error.partition(':')[0]}")
    if len(recorded) == len(current) and all(map(_equal, recorded, current)):
        return
    by_id = {each.id: each for each in current}
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
    for each in current:
        if each.id not in known:
            yield AnswerDifference("extra", f"extra {_name(each)}", current=answer_detail(each))
    if len(known) < len(recorded):
        yield AnswerDifference("order", "recorded twice")
    common = [each.id for each in recorded if each.id in by_id]
    if common != [each.id for each in current if each.id in known]:
        yield AnswerDifference("order", "in another order")


def begins(recorded: list[Recorded[Any]], current: list[Recorded[Any]]) -> bool:
    """Return true when the answers of today begin with the recorded ones."""
    return len(current) >= len(recorded) and all(map(_equal, recorded, current))


def _change(recorded: Recorded[Any], current: Recorded[Any], fields: list[str]) -> AnswerDifference:
    if fields == ["type"]:
        what = f"{_name(current)} in place of {_name(recorded)}"
    else:
        what = f"changed {_name(recorded)} {', '.join(fields)}"
    return AnswerDifference(
        "changed", what, fields, answer_detail(recorded), answer_detail(current)
    )


def _changed(recorded: Recorded[Any], current: Recorded[Any]) -> list[str]:
    """List the fields in which two answers of one id differ."""
    if type(recorded.event) is not type(current.event):
        return ["type"]
    around = [
        name
        for name in ("at", "cause", "root")
        if getattr(recorded, name) != getattr(current, name)
    ]
    if encode_event(recorded.event) == encode_event(current.event):
        return around
    before, now = (msgspec.json.decode(encode_event(each.event)) for each in (recorded, current))
    names = [*before, *(name for name in now if name not in before)]
    return around + [name for name in names if before.get(name) != now.get(name)]


def _equal(recorded: Recorded[Any], current: Recorded[Any]) -> bool:
    return recorded.id == current.id and not _changed(recorded, current)


def _bytes(record: Recorded[Any]) -> bytes:
    name = NAMES[type(record.event)]
    head = f"{record.id}|{name}|{VERSIONS[name]}|{record.at}|"
    return head.encode() + encode_event(record.event) + b"\n"


def _name(record: Recorded[Any]) -> str:
    return type(record.event).__name__


def answer_detail(record: Recorded[Any]) -> EventDetail:
    """Show an answer in full."""
    envelope = wrap(record)
    return EventDetail(
        record.id, _name(record), record.at, record.cause, record.root, envelope.data
    )


def question_detail(record: Recorded[Any]) -> EventDetail:
    """Show a question in full; an inbound message has no envelope and is shown as it was read."""
    data = Raw(encode_event(record.event))
    return EventDetail(record.id, _name(record), record.at, record.cause, record.root, data)


def _divergence(service: str, asked: Redecision, differences: list[AnswerDifference]) -> Divergence:
    return Divergence(
        service,
        asked.sequence,
        asked.index,
        question_detail(asked.question),
        list(map(answer_detail, asked.recorded)),
        list(map(answer_detail, asked.current)),
        differences,
        asked.error,
    )
