"""Which events stand behind an event, and which followed from it."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import LimitsSet, StrategyConfigured
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderCancelling,
    OrderReplaced,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
)
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.contracts.signals import SignalRaised
from deadreckon.contracts.venues import VenueOrderAccepted, VenueRequestSending
from deadreckon.replay.why.event_index import OF_AN_ORDER, Chronicle

CAUSE, ORDER, NAMED, SINCE = "cause", "order", "named", "since"

# Stages of an order that what comes later rests on; a fill does not rest on the fill before it.
_STEPS = frozenset(
    {
        OrderAccepted,
        OrderTriggered,
        OrderReplaced,
        OrderUnknown,
        OrderCancelling,
        VenueRequestSending,
        VenueOrderAccepted,
    }
)


class Link(Struct, frozen=True):
    """A tie to another event by its id; `label` says which."""

    label: str
    id: str


def causes(chronicle: Chronicle, said: Recorded[Any]) -> list[Link]:
    """What stands behind an event, the nearest first, each once."""
    return _known(chronicle, said, _causes(chronicle, said))


def effects(chronicle: Chronicle, said: Recorded[Any], *, asked: bool) -> list[Link]:
    """What followed from an event in the order of the log, each once.

    What an order goes through follows from its intent; where an event of its life itself is
    `asked` about, from that one too.
    """
    found = _known(chronicle, said, _effects(chronicle, said, asked))
    return sorted(found, key=lambda link: _place(chronicle, link))


def _place(chronicle: Chronicle, link: Link) -> tuple[int, int]:
    said = chronicle.facts[link.id]
    return said.sequence, said.index


def _known(chronicle: Chronicle, said: Recorded[Any], links: Iterator[Link]) -> list[Link]:
    found: dict[str, Link] = {}
    for link in links:
        if link.id in chronicle.facts and link.id != said.id:
            found.setdefault(link.id, link)
    return list(found.values())


def _causes(chronicle: Chronicle, said: Recorded[Any]) -> Iterator[Link]:
    yield from (Link(ORDER, name) for name in _lived(chronicle, said))
    if said.cause is not None:
        yield Link(CAUSE, said.cause)
    for name in chronicle.named(said):
        yield Link(_label(chronicle.facts.get(name)), name)
    if (settings := chronicle.settings.get(said.id)) is not None:
        yield Link(_label(chronicle.facts.get(settings)), settings)
    if isinstance(said.event, EquityMarked):
        yield from (Link(SINCE, name) for name in since_last_mark(chronicle, said))


def _label(said: Recorded[Any] | None) -> str:
    match said and said.event:
        case LimitsSet():
            return "limits"
        case StrategyConfigured():
            return "configured"
        case RegimeModelFitted():
            return "model"
        case _:
            return NAMED


def _effects(chronicle: Chronicle, said: Recorded[Any], asked: bool) -> Iterator[Link]:
    for name in chronicle.answers.get(said.id, ()):
        yield Link(CAUSE, name)
    yield from (Link(ORDER, name) for name in _to_live(chronicle, said, asked))
    for name in chronicle.mentions.get(said.id, ()):
        yield Link(_label(said), name)
    if isinstance(said.event, StrategyConfigured):
        yield from (Link("configured", name) for name in _configured(chronicle, said.id))


def _configured(chronicle: Chronicle, name: str) -> Iterator[str]:
    for signal, settings in chronicle.settings.items():
        if settings == name and isinstance(chronicle.facts[signal].event, SignalRaised):
            yield signal


def _lived(chronicle: Chronicle, said: Recorded[Any]) -> list[str]:
    """What an order had gone through since its intent, the intent first; fills are no cause.

    Before there is an intent, one stage is the answer to the other.
    """
    life = _life(chronicle, said)
    before = life[: life.index(said.id)] if life else []
    start = _intent(chronicle, before)
    if start is None:
        return [] if said.cause in life else before[-1:]
    steps = [name for name in before[start + 1 :] if type(chronicle.facts[name].event) in _STEPS]
    return [before[start], *steps]


def _to_live(chronicle: Chronicle, said: Recorded[Any], asked: bool) -> list[str]:
    """What an order went through after its intent, unless something of its own life caused it."""
    life = _life(chronicle, said)
    if not life or not (asked or life[_intent(chronicle, life) or 0] == said.id):
        return []
    later = life[life.index(said.id) + 1 :]
    return [name for name in later if chronicle.facts[name].cause not in life]


def _life(chronicle: Chronicle, said: Recorded[Any]) -> list[str]:
    if type(said.event) not in OF_AN_ORDER:
        return []
    return chronicle.lives[said.event.order_id]


def _intent(chronicle: Chronicle, life: list[str]) -> int | None:
    """Where in its life an order was meant for its venue; None where it never was."""
    for place, name in enumerate(life):
        if isinstance(chronicle.facts[name].event, OrderSubmitting):
            return place
    return None


def since_last_mark(chronicle: Chronicle, said: Recorded[EquityMarked]) -> list[str]:
    """Fills, funding and fees between the mark of equity before this one and this one."""
    before = last_mark(chronicle, said)
    start = (before.sequence, before.index) if before else (0, 0)
    flows = [name for names in chronicle.flows.values() for name in names]
    facts = [chronicle.facts[name] for name in flows]
    within = [one for one in facts if start < (one.sequence, one.index) < _at(said)]
    return [one.id for one in sorted(within, key=_at)]


def last_mark(chronicle: Chronicle, said: Recorded[Any]) -> Recorded[EquityMarked] | None:
    """The mark of equity before an event."""
    before = [name for name in chronicle.marks if _at(chronicle.facts[name]) < _at(said)]
    return chronicle.facts[before[-1]] if before else None


def next_mark(chronicle: Chronicle, said: Recorded[Any]) -> Recorded[EquityMarked] | None:
    """The first mark of equity after an event."""
    after = (name for name in chronicle.marks if _at(chronicle.facts[name]) > _at(said))
    found = next(after, None)
    return None if found is None else chronicle.facts[found]


def _at(said: Recorded[Any]) -> tuple[int, int]:
    return said.sequence, said.index
