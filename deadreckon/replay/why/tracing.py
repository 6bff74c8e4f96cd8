"""From an id to its story: the event, all that stands behind it, and all that came of it."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.lookup import Found, UnknownIdError
from deadreckon.replay.why.causality import SINCE, Link, causes, effects
from deadreckon.replay.why.detail import Detail
from deadreckon.replay.why.details import details
from deadreckon.replay.why.event_index import Chronicle
from deadreckon.replay.why.risk_recheck import Witness

DEPTH = 24  # ties from the event that is asked about
CHILDREN_SHOWN = 12  # of one event: a limit may have refused thousands


class Branch(Struct):
    """An event by its id, how it is tied to the one above it, and what lies further out.

    `again` is an event that stands in the story already; `more` is how many ties are not followed.
    """

    label: str
    id: str
    branches: list["Branch"] = []
    again: bool = False
    more: int = 0

    def __iter__(self) -> Iterator["Branch"]:
        yield self
        for branch in self.branches:
            yield from branch


class Story(Struct):
    """What was asked about, with its causes and its effects as trees of ids."""

    asked: Branch
    causes: list[Branch]
    effects: list[Branch]

    @property
    def ids(self) -> list[str]:
        """Every event of the story, each once, what was asked about first."""
        branches = (self.asked, *self.causes, *self.effects)
        return list(dict.fromkeys(each.id for branch in branches for each in branch))


def event_of(chronicle: Chronicle, found: Found) -> Recorded[Any]:
    """The event that an id stands for: itself, or the first that says it."""
    said = chronicle.facts.get(found.id)
    if said is not None and found.kind == "event":
        return said
    for fact in chronicle.facts.values():
        if (fact.sequence, fact.index) == (found.sequence, found.index):
            return fact
    raise UnknownIdError(f"{found} is not kept by the chronicle")


def trace(chronicle: Chronicle, said: Recorded[Any], depth: int = DEPTH) -> Story:
    """The story of an event, up to so many ties away."""
    asked = Branch("asked", said.id)
    behind = _grow(chronicle, said, depth, {said.id}, causes)
    ahead = _grow(chronicle, said, depth, {said.id}, _effects_of(said))
    return Story(asked, behind.branches, ahead.branches)


Ties = Callable[[Chronicle, Recorded[Any]], list[Link]]


def _effects_of(asked: Recorded[Any]) -> Ties:
    def ties(chronicle: Chronicle, said: Recorded[Any]) -> list[Link]:
        return effects(chronicle, said, asked=said.id == asked.id)

    return ties


def _grow(
    chronicle: Chronicle, said: Recorded[Any], depth: int, seen: set[str], ties: Ties
) -> Branch:
    branch = Branch("", said.id)
    links = ties(chronicle, said)
    if depth <= 0:
        branch.more = len([link for link in links if link.id not in seen])
        return branch
    for place, link in enumerate(links):
        if place == CHILDREN_SHOWN:
            branch.more = len(links) - place
            break
        fact = chronicle.facts[link.id]
        if link.id in seen:
            branch.branches.append(Branch(link.label, link.id, again=True))
            continue
        seen.add(link.id)
        if link.label == SINCE:  # one of many: its own id tells the rest
            branch.branches.append(Branch(link.label, link.id))
            continue
        grown = _grow(chronicle, fact, depth - 1, seen, ties)
        grown.label = link.label
        branch.branches.append(grown)
    return branch


def wanted(chronicle: Chronicle, story: Story) -> dict[str, int]:
    """The events of a story that risk is to be asked about, with their sequences."""
    facts = (chronicle.facts[name] for name in story.ids)
    return {
        fact.id: fact.sequence
        for fact in facts
        if isinstance(fact.event, SignalRaised | OrderFilled)
    }


class Node(Struct, frozen=True):
    """An event of a story, with all that is known beside it."""

    said: Recorded[Any]
    who: str
    text: str
    details: list[Detail]


def nodes(chronicle: Chronicle, witness: Witness, story: Story) -> dict[str, Node]:
    """Every event of a story by its id, in the order in which it is told."""
    found = {}
    for name in story.ids:
        said = chronicle.facts[name]
        who = said.source.removeprefix("op.").removeprefix("in.")
        beside = details(chronicle, witness, said)
        found[name] = Node(said, who, chronicle.words(said), beside)
    return found


class Answer(Struct, frozen=True):
    """A story with everything beside it; `places` says of each id in it where the log has it."""

    story: Story
    nodes: dict[str, Node]
    places: dict[str, str]


def answer(chronicle: Chronicle, witness: Witness, story: Story) -> Answer:
    """The story of an event, told in full."""
    found = nodes(chronicle, witness, story)
    beside = [detail.id for node in found.values() for detail in node.details]
    known = [name for name in (*found, *beside) if name in chronicle.facts]
    places = {name: place_of(chronicle.facts[name]) for name in known}
    return Answer(story, found, places)


def place_of(said: Recorded[Any]) -> str:
    """Where in the log: `SEQUENCE.INDEX`."""
    return f"{said.sequence}.{said.index}"
