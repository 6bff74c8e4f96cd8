"""A driver for one decider: events in, answers out, restarts in between."""

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, Self

import msgspec

from deadreckon.contracts.codec import canonical_event
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import BarSettled
from deadreckon.contracts.signals import DecisionDeferred
from deadreckon.runtime.service.decider_runner import DeciderRunner
from tests.stories import START, at


class DeciderDriver:
    """A decider that is given events one by one; time passes only where a test says so."""

    def __init__(self, decider: ModuleType, service: str = "", start: int = START) -> None:
        self.runner = DeciderRunner(service or decider.__name__.rpartition(".")[2], "desk", decider)
        self.now = start
        self.count = 0
        self.history: list[tuple[Recorded[Any], list[Recorded[Event]]]] = []

    @property
    def state(self) -> Any:
        return self.runner.state

    def tell(self, *events: Event | Recorded[Any], after: int = 0) -> list[Event]:
        """Give it events, each `after` nanoseconds later than the one before; all its answers."""
        answers: list[Event] = []
        for event in events:
            self.now += after
            record = event if isinstance(event, Recorded) else self._recorded(event)
            self.now = max(self.now, record.at)
            replies = self.runner.answer(record)
            self.history.append((record, replies))
            answers += [reply.event for reply in replies]
        return answers

    def _recorded(self, event: Event) -> Recorded[Any]:
        self.count += 1
        return at(canonical_event(event), self.now, id=f"q{self.count}")

    def restarted(self, decider: ModuleType) -> Self:
        """A second driver with the recorded history, as after a crash: nothing is decided."""
        fresh = type(self)(decider, self.runner.service, self.now)
        for question, answers in self.history:
            fresh.runner.replay(question, answers)
        fresh.history = list(self.history)
        fresh.count = self.count
        return fresh


class SettlingDriver(DeciderDriver):
    """The signal service, with a paper venue that has recorded every fill when it is asked."""

    def tell(self, *events: Event | Recorded[Any], after: int = 0) -> list[Event]:
        answers: list[Event] = []
        for event in events:
            for answer in super().tell(event, after=after):
                if isinstance(answer, DecisionDeferred):
                    settled = BarSettled(answer.bar, answer.instrument, answer.strategies)
                    answers += super().tell(settled)
                else:
                    answers.append(answer)
        return answers


def expect(
    decider: ModuleType,
    given: Iterable[Event | Recorded[Any]],
    when: Event | Recorded[Any],
    then: Sequence[Event],
    start: int = START,
) -> None:
    """Given events, when one more comes, then exactly these answers follow; ids are ignored."""
    driver = DeciderDriver(decider, start=start)
    driver.tell(*given)
    answers = driver.tell(when)
    assert _plain(answers) == _plain(then)


def _plain(events: Iterable[Event]) -> list[Any]:
    return [(type(event).__name__, msgspec.to_builtins(canonical_event(event))) for event in events]
