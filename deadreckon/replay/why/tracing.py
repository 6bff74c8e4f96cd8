"""Tracing of an event's story: the trees of its causes and effects."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.lookup import IdMatch, UnknownIdError
from deadreckon.replay.why.causality import SINCE, CausalLink, causes, effects
from deadreckon.replay.why.detail import Detail
from deadreckon.replay.why.details import details
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.risk_recheck import RiskRecheck

DEPTH = 24  # links from the queried event
CHILDREN_SHOWN = 12  # of one event: a limit may have refused thousands


class CausalBranch(Struct):
    """Node of a causal tree: an event by its id, its link to the parent, and its children.

    `again` marks an event that is in the story already; `more` counts links that are not followed.
    """

    label: str
    id: str
    branches: list["CausalBranch"] = []
    again: bool = False
    more: int = 0

    def __iter__(self) -> Iterator["CausalBranch"]:
        yield self
        for branch in self.branches:
            yield from branch


class Story(Struct):
    """The queried event with its causes and its effects as trees of ids."""

    asked: CausalBranch
    causes: list[CausalBranch]
    effects: list[CausalBranch]

    @property
    def ids(self) -> list[str]:
        """Ids of all events of the story, each once, the queried one first."""
        branches = (self.asked, *self.causes, *self.effects)
        return list(dict.fromkeys(each.id for branch in branches for each in branch))


def found_event(history: EventHistory, found: IdMatch) -> Recorded[Any]:
    """Return the event that an id identifies: itself, or the first event that names it."""
    record = history.facts.get(found.id)
    if record is not None and found.kind == "event":
        return record
    for fact in history.facts.values():
        if (fact.sequence, fact.index) == (found.sequence, found.index):
            return fact
    raise UnknownIdError(f"{found} is not in the history")


def trace(history: EventHistory, record: Recorded[Any], depth: int = DEPTH) -> Story:
    """Trace the story of an event, up to `depth` links away."""
    asked = CausalBranch("asked", record.id)
    behind = _grow(history, record, depth, {record.id}, causes)
    ahead = _grow(history, record, depth, {record.id}, _effects_of(record))
    return Story(asked, behind.branches, ahead.branches)


LinkFinder = Callable[[EventHistory, Recorded[Any]], list[CausalLink]]


def _effects_of(asked: Recorded[Any]) -> LinkFinder:
    def ties(history: EventHistory, record: Recorded[Any]) -> list[CausalLink]:
        return effects(history, record, asked=record.id == asked.id)

    return ties


def _grow(
    history: EventHistory, record: Recorded[Any], depth: int, seen: set[str], ties: LinkFinder
) -> CausalBranch:
    branch = CausalBranch("", record.id)
    links = ties(history, record)
    if depth <= 0:
        branch.more = len([link for link in links if link.id not in seen])
        return branch
    for index, link in enumerate(links):
        if index == CHILDREN_SHOWN:
            branch.more = len(links) - index
            break
        fact = history.facts[link.id]
        if link.id in seen:
            branch.branches.append(CausalBranch(link.label, link.id, again=True))
            continue
        seen.add(link.id)
        if link.label == SINCE:  # one of many: query it by its own id for more
            branch.branches.append(CausalBranch(link.label, link.id))
            continue
        grown = _grow(history, fact, depth - 1, seen, ties)
        grown.label = link.label
        branch.branches.append(grown)
    return branch


def rechecked_events(history: EventHistory, story: Story) -> dict[str, int]:
    """Return the sequences of the events that risk is to recheck, by id."""
    facts = (history.facts[name] for name in story.ids)
    return {
        fact.id: fact.sequence
        for fact in facts
        if isinstance(fact.event, SignalRaised | OrderFilled)
    }


class Node(Struct, frozen=True):
    """An event of a story, with its description and details."""

    record: Recorded[Any]
    who: str
    text: str
    details: list[Detail]


def nodes(history: EventHistory, recheck: RiskRecheck, story: Story) -> dict[str, Node]:
    """Describe every event of a story, by id, in story order."""
    found = {}
    for name in story.ids:
        record = history.facts[name]
        who = record.source.removeprefix("op.").removeprefix("in.")
        lines = details(history, recheck, record)
        found[name] = Node(record, who, history.describe(record), lines)
    return found


class Explanation(Struct, frozen=True):
    """A story with descriptions and details; `sequences` gives `SEQUENCE.INDEX` by id."""

    story: Story
    nodes: dict[str, Node]
    sequences: dict[str, str]


def explanation(history: EventHistory, recheck: RiskRecheck, story: Story) -> Explanation:
    """Explain a story: describe its events and add their details."""
    found = nodes(history, recheck, story)
    cited = [detail.id for node in found.values() for detail in node.details]
    known = [name for name in (*found, *cited) if name in history.facts]
    sequences = {name: sequence_text(history.facts[name]) for name in known}
    return Explanation(story, found, sequences)


def sequence_text(record: Recorded[Any]) -> str:
    """Format where an event is in the log: `SEQUENCE.INDEX`."""
    return f"{record.sequence}.{record.index}"
