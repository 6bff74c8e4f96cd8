"""JSON document of `dr replay whynot`: outcome groups, price gaps and events of a window."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

from deadreckon.contracts.amounts import text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.whynot.grouping import EventReference, OutcomeGroup
from deadreckon.replay.whynot.page import group_text
from deadreckon.replay.whynot.tracker import PriceGap, WindowEvent, WindowTracker
from deadreckon.services.risk.explaining import RuleResult

Amount = Annotated[str, Meta(description="exact decimal")]
Time = Annotated[str, Meta(description="RFC 3339, UTC")]


class EventReferenceDocument(Struct, frozen=True):
    """Where an event is in the log."""

    sequence: int
    index: int
    id: str
    at: Annotated[Time | None, Meta(description="decision time; null before any clock")]


class RangeDocument(Struct, frozen=True):
    """Least and greatest value of a figure within a group."""

    least: Amount
    most: Amount


class GroupDocument(Struct, frozen=True):
    """One outcome of consecutive events."""

    kind: Annotated[str, Meta(description="strategy, order or rule")]
    who: Annotated[str, Meta(description="name of the strategy or rule, id of the order")]
    outcome: Annotated[str, Meta(description="see the table of outcomes in docs/replay.md")]
    first: EventReferenceDocument
    last: EventReferenceDocument
    count: int
    figures: dict[str, RangeDocument]
    rests_on: Annotated[str | None, Meta(description="id of the event that set limit or halt")]
    text: Annotated[str, Meta(description="description for people")]


class GapDocument(Struct, frozen=True):
    """A time without a price of the instrument."""

    start: Time = field(name="from")
    end: Time = field(name="to")
    missing_bars: Annotated[int | None, Meta(description="null where the market is not in bars")]
    ended_by: Annotated[
        EventReferenceDocument | None, Meta(description="null: lasts beyond the window")
    ]


class RuleDocument(Struct, frozen=True):
    """Result of one rule for a signal; `limit` and `measured` are in the unit of the rule."""

    rule: str
    verdict: Annotated[str, Meta(description="passes, refuses, off, free or unasked")]
    limit: Amount | None
    measured: Amount | None
    note: str
    limit_set_by: Annotated[str | None, Meta(description="id of the event that set the limit")]


class WindowEventDocument(Struct, frozen=True):
    """An event of the window."""

    sequence: int
    index: int
    id: str
    at: Annotated[Time | None, Meta(description="decision time; null before any clock")]
    who: Annotated[str, Meta(description="publisher")]
    type: str
    text: Annotated[str, Meta(description="description for people")]
    rules: Annotated[list[RuleDocument], Meta(description="of a raised signal")]


class WindowDocument(Struct, frozen=True):
    """Everything that happened and did not happen in a window."""

    instrument: str
    start: Time = field(name="from")
    end: Time = field(name="to")
    strategy: Annotated[str | None, Meta(description="null: every strategy")]
    prices: Annotated[int, Meta(description="number of prices in the window")]
    strategies: Annotated[
        dict[str, str],
        Meta(description="kind of each strategy configured for the instrument at the window's end"),
    ]
    elsewhere: Annotated[dict[str, str], Meta(description="instrument of every other strategy")]
    producers: Annotated[dict[str, int], Meta(description="number of signals by producer")]
    groups: list[GroupDocument]
    gaps: list[GapDocument]
    events: list[WindowEventDocument]


def window_document(tracker: WindowTracker) -> WindowDocument:
    """Make the document of a window."""
    window = tracker.window
    configured = tracker.strategies.items()
    here = {name: it.kind for name, it in configured if it.instrument == window.instrument}
    return WindowDocument(
        instrument=window.instrument,
        start=format_timestamp(window.start),
        end=format_timestamp(window.end),
        strategy=window.strategy,
        prices=tracker.prices,
        strategies=here,
        elsewhere={name: it.instrument for name, it in configured if name not in here},
        producers=tracker.producers,
        groups=[_group(tracker, group) for group in tracker.groups],
        gaps=[_gap(gap) for gap in tracker.gaps],
        events=[_event(event) for event in tracker.events],
    )


def _reference(of: EventReference) -> EventReferenceDocument:
    return EventReferenceDocument(of.sequence, of.index, of.id, _time(of.at))


def _time(at: int) -> str | None:
    return format_timestamp(at) if at else None


def _group(tracker: WindowTracker, group: OutcomeGroup) -> GroupDocument:
    return GroupDocument(
        kind=group.kind,
        who=group.who,
        outcome=group.outcome,
        first=_reference(group.first),
        last=_reference(group.last),
        count=group.count,
        figures={
            name: RangeDocument(text(least), text(most))
            for name, (least, most) in group.ranges.items()
        },
        rests_on=group.rests_on or None,
        text=group_text(tracker, group),
    )


def _gap(gap: PriceGap) -> GapDocument:
    return GapDocument(
        start=format_timestamp(gap.start),
        end=format_timestamp(gap.end),
        missing_bars=gap.missing,
        ended_by=None if gap.before is None else _reference(gap.before),
    )


def _event(event: WindowEvent) -> WindowEventDocument:
    reference = event.reference
    return WindowEventDocument(
        sequence=reference.sequence,
        index=reference.index,
        id=reference.id,
        at=_time(reference.at),
        who=event.who,
        type=event.type,
        text=event.text,
        rules=[_rule(rule) for rule in event.rules],
    )


def _rule(rule: RuleResult) -> RuleDocument:
    return RuleDocument(
        rule=rule.rule,
        verdict=rule.verdict,
        limit=_amount(rule.limit),
        measured=_amount(rule.measured),
        note=rule.note,
        limit_set_by=rule.limit_set_by,
    )


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else text(amount)
