"""Grouping of equal outcomes in a row, with the ranges of what was measured."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Recorded


class EventReference(Struct, frozen=True, order=True):
    """Reference to an event: sequence, index and id, and its decision time (nanoseconds UTC)."""

    sequence: int
    index: int
    id: str
    at: int


def event_reference(record: Recorded[Any]) -> EventReference:
    """Return the reference of an event."""
    return EventReference(record.sequence, record.index, record.id, record.at)


class OutcomeGroup(Struct):
    """One outcome of `count` events in a row, from `first` to `last`.

    `kind` is strategy, order or rule, `who` its name; `outcome` is a word for machines. `ranges`
    hold the least and the greatest of each figure. `rests_on` is the id of the event that set a
    limit or a halt, empty where there is none.
    """

    kind: str
    who: str
    outcome: str
    first: EventReference
    last: EventReference
    count: int
    ranges: dict[str, tuple[Decimal, Decimal]]
    rests_on: str = ""
    note: str = ""


class OutcomeGrouping:
    """Groups the outcomes of consecutive events."""

    def __init__(self) -> None:
        self.groups: list[OutcomeGroup] = []
        self._current: dict[tuple[str, str], tuple[int, OutcomeGroup]] = {}
        self._event = 0

    def next_event(self) -> None:
        """Begin the next event: following outcomes belong to it."""
        self._event += 1

    def add(
        self,
        kind: str,
        who: str,
        outcome: str,
        figures: dict[str, Decimal],
        record: Recorded[Any],
        *,
        rests_on: str = "",
        note: str = "",
    ) -> None:
        """Add an outcome of the current event; it joins an equal outcome of the event before."""
        number, group = self._current.get((kind, who), (0, None))
        same = group is not None and (group.outcome, group.rests_on) == (outcome, rests_on)
        if group is None or not same or number < self._event - 1:
            reference = event_reference(record)
            ranges = {name: (figure, figure) for name, figure in figures.items()}
            group = OutcomeGroup(
                kind, who, outcome, reference, reference, 1, ranges, rests_on, note
            )
            self.groups.append(group)
        else:
            _extend(group, figures, record)
        self._current[kind, who] = (self._event, group)


def _extend(group: OutcomeGroup, figures: dict[str, Decimal], record: Recorded[Any]) -> None:
    group.last = event_reference(record)
    group.count += 1
    for name, figure in figures.items():
        least, most = group.ranges.get(name, (figure, figure))
        group.ranges[name] = (min(least, figure), max(most, figure))
