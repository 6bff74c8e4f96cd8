"""Causal links between events: causes and effects, order lifecycles, and references."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.catalogue import ORDER_EVENTS
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.limits import LimitsSet
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
from deadreckon.replay.why.event_history import EventHistory

CAUSE, ORDER, NAMED, SINCE = "cause", "order", "named", "since"

# Order stages that later stages depend on; a fill does not depend on the fill before it.
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


class CausalLink(Struct, frozen=True):
    """Link to another event by its id; `label` is the kind of link."""

    label: str
    id: str


def causes(history: EventHistory, record: Recorded[Any]) -> list[CausalLink]:
    """Return the links to an event's causes, nearest first, each once."""
    return _known(history, record, _causes(history, record))


def effects(history: EventHistory, record: Recorded[Any], *, asked: bool) -> list[CausalLink]:
    """Return the links to an event's effects in log order, each once.

    The stages of an order follow from its intent; where an order event itself is `asked` about,
    from that one too.
    """
    found = _known(history, record, _effects(history, record, asked))
    return sorted(found, key=lambda link: _sequence(history, link))


def _sequence(history: EventHistory, link: CausalLink) -> tuple[int, int]:
    record = history.facts[link.id]
    return record.sequence, record.index


def _known(
    history: EventHistory, record: Recorded[Any], links: Iterator[CausalLink]
) -> list[CausalLink]:
    found: dict[str, CausalLink] = {}
    for link in links:
        if link.id in history.facts and link.id != record.id:
            found.setdefault(link.id, link)
    return list(found.values())


def _causes(history: EventHistory, record: Recorded[Any]) -> Iterator[CausalLink]:
    yield from (CausalLink(ORDER, name) for name in _earlier_steps(history, record))
    if record.cause is not None:
        yield CausalLink(CAUSE, record.cause)
    for name in history.named(record):
        yield CausalLink(_label(history.facts.get(name)), name)
    if (settings := history.settings.get(record.id)) is not None:
        yield CausalLink(_label(history.facts.get(settings)), settings)
    if isinstance(record.event, EquityMarked):
        yield from (CausalLink(SINCE, name) for name in since_last_mark(history, record))


def _label(record: Recorded[Any] | None) -> str:
    match record and record.event:
        case LimitsSet():
            return "limits"
        case StrategyConfigured():
            return "configured"
        case RegimeModelFitted():
            return "model"
        case _:
            return NAMED


def _effects(history: EventHistory, record: Recorded[Any], asked: bool) -> Iterator[CausalLink]:
    for name in history.answers.get(record.id, ()):
        yield CausalLink(CAUSE, name)
    yield from (CausalLink(ORDER, name) for name in _later_steps(history, record, asked))
    for name in history.mentions.get(record.id, ()):
        yield CausalLink(_label(record), name)
    if isinstance(record.event, StrategyConfigured):
        yield from (CausalLink("configured", name) for name in _configured(history, record.id))


def _configured(history: EventHistory, name: str) -> Iterator[str]:
    for signal, settings in history.settings.items():
        if settings == name and isinstance(history.facts[signal].event, SignalRaised):
            yield signal


def _earlier_steps(history: EventHistory, record: Recorded[Any]) -> list[str]:
    """Return the stages of an order since its intent, the intent first; fills are not causes.

    Before the intent, each stage is the answer to the one before.
    """
    lifecycle = _lifecycle(history, record)
    before = lifecycle[: lifecycle.index(record.id)] if lifecycle else []
    start = _intent(history, before)
    if start is None:
        return [] if record.cause in lifecycle else before[-1:]
    steps = [name for name in before[start + 1 :] if type(history.facts[name].event) in _STEPS]
    return [before[start], *steps]


def _later_steps(history: EventHistory, record: Recorded[Any], asked: bool) -> list[str]:
    """Return the later stages of an order, without those caused by another of its stages."""
    lifecycle = _lifecycle(history, record)
    if not lifecycle or not (asked or lifecycle[_intent(history, lifecycle) or 0] == record.id):
        return []
    later = lifecycle[lifecycle.index(record.id) + 1 :]
    return [name for name in later if history.facts[name].cause not in lifecycle]


def _lifecycle(history: EventHistory, record: Recorded[Any]) -> list[str]:
    if type(record.event) not in ORDER_EVENTS:
        return []
    return history.lifecycles[record.event.order_id]


def _intent(history: EventHistory, lifecycle: list[str]) -> int | None:
    """Return the index of an order's intent in its lifecycle; None when there is none."""
    for index, name in enumerate(lifecycle):
        if isinstance(history.facts[name].event, OrderSubmitting):
            return index
    return None


def since_last_mark(history: EventHistory, record: Recorded[EquityMarked]) -> list[str]:
    """Return the fills, funding and fees between the previous equity mark and this one."""
    before = last_mark(history, record)
    start = (before.sequence, before.index) if before else (0, 0)
    flows = [name for names in history.flows.values() for name in names]
    facts = [history.facts[name] for name in flows]
    within = [one for one in facts if start < (one.sequence, one.index) < _at(record)]
    return [one.id for one in sorted(within, key=_at)]


def last_mark(history: EventHistory, record: Recorded[Any]) -> Recorded[EquityMarked] | None:
    """Return the last equity mark before an event."""
    before = [name for name in history.marks if _at(history.facts[name]) < _at(record)]
    return history.facts[before[-1]] if before else None


def next_mark(history: EventHistory, record: Recorded[Any]) -> Recorded[EquityMarked] | None:
    """Return the first equity mark after an event."""
    after = (name for name in history.marks if _at(history.facts[name]) > _at(record))
    found = next(after, None)
    return None if found is None else history.facts[found]


def _at(record: Recorded[Any]) -> tuple[int, int]:
    return record.sequence, record.index
