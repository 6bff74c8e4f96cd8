"""From an id to its story: the event, all that stands behind it, and all that came of it."""

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
from deadreckon.replay.why.event_index import EventHistory
from deadreckon.replay.why.risk_recheck import RiskRecheck

DEPTH = 24  # ties from the event that is asked about
CHILDREN_SHOWN = 12  # of one event: a limit may have refused thousands


class CausalBranch(Struct):
    """An event by its id, how it is tied to the one above it, and what lies further out.

    `again` is an event that stands in the story already; `more` is how many ties are not followed.
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
    """What was asked about, with its causes and its effects as trees of ids."""

    asked: CausalBranch
    causes: list[CausalBranch]
    effects: list[CausalBranch]

    @property
    def ids(self) -> list[str]:
        """Every event of the story, each once, what was asked about first."""
        branches = (self.asked, *self.causes, *self.effects)
        return list(dict.fromkeys(each.id for branch in branches for each in branch))


def found_event(history: EventHistory, found: IdMatch) -> Recorded[Any]:
    """The event that an id stands for: itself, or the first that says it."""
    record = history.facts.get(found.id)
    if record is not None and found.kind == "event":
        return record
    for fact in history.facts.values():
        if (fact.sequence, fact.index) == (found.sequence, found.index):
            return fact
    raise UnknownIdError(f"{found} is not kept by the chronicle")


def trace(history: EventHistory, record: Recorded[Any], depth: int = DEPTH) -> Story:
    """The story of an event, up to so many ties away."""
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
    for place, link in enumerate(links):
        if place == CHILDREN_SHOWN:
            branch.more = len(links) - place
            break
        fact = history.facts[link.id]
        if link.id in seen:
            branch.branches.append(CausalBranch(link.label, link.id, again=True))
            continue
        seen.add(link.id)
        if link.label == SINCE:  # one of many: its own id tells the rest
            branch.branches.append(CausalBranch(link.label, link.id))
            continue
        grown = _grow(history, fact, depth - 1, seen, ties)
        grown.label = link.label
        branch.branches.append(grown)
    return branch


def rechecked_events(history: EventHistory, story: Story) -> dict[str, int]:
    """The events of a story that risk is to be asked about, with their sequences."""
    facts = (history.facts[name] for name in story.ids)
    return {
        fact.id: fact.sequence
        for fact in facts
        if isinstance(fact.event, SignalRaised | OrderFilled)
    }


class Node(Struct, frozen=True):
    """An event of a story, with all that is known beside it."""

    record: Recorded[Any]
    who: str
    text: str
    details: list[Detail]


def nodes(history: EventHistory, witness: RiskRecheck, story: Story) -> dict[str, Node]:
    """Every event of a story by its id, in the order in which it is told."""
    found = {}
    for name in story.ids:
        record = history.facts[name]
        who = record.source.removeprefix("op.").removeprefix("in.")
        beside = details(history, witness, record)
        found[name] = Node(record, who, history.words(record), beside)
    return found


class Explanation(Struct, frozen=True):
    """A story with everything beside it; `places` says of each id in it where the log has it."""

    story: Story
    nodes: dict[str, Node]
    places: dict[str, str]


def explanation(history: EventHistory, witness: RiskRecheck, story: Story) -> Explanation:
    """The story of an event, told in full."""
    found = nodes(history, witness, story)
    beside = [detail.id for node in found.values() for detail in node.details]
    known = [name for name in (*found, *beside) if name in history.facts]
    places = {name: sequence_text(history.facts[name]) for name in known}
    return Explanation(story, found, places)


def sequence_text(record: Recorded[Any]) -> str:
    """Where in the log: `SEQUENCE.INDEX`."""
    return f"{record.sequence}.{record.index}"
