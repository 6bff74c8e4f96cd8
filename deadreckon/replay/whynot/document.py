"""JSON document of `whynot`: outcome groups, price gaps and events of a window."""

from typing import Any

from deadreckon.contracts.amounts import text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.whynot.grouping import EventReference, OutcomeGroup
from deadreckon.replay.whynot.page import group_text
from deadreckon.replay.whynot.tracker import PriceGap, WindowEvent, WindowTracker
from deadreckon.services.risk.explaining import RuleResult

Document = dict[str, Any]


def window_document(listener: WindowTracker) -> Document:
    """Make the document of a window."""
    window = listener.window
    configured = listener.strategies.items()
    return {
        "instrument": window.instrument,
        "from": format_timestamp(window.start),
        "to": format_timestamp(window.end),
        "strategy": window.strategy,
        "prices": listener.prices,
        "strategies": {
            name: it.kind for name, it in configured if it.instrument == window.instrument
        },
        "elsewhere": {
            name: it.instrument for name, it in configured if it.instrument != window.instrument
        },
        "producers": listener.producers,
        "groups": [_group(listener, group) for group in listener.groups],
        "gaps": [_gap(gap) for gap in listener.gaps],
        "events": [_told(told) for told in listener.told],
    }


def _place(place: EventReference) -> Document:
    return {
        "sequence": place.sequence,
        "index": place.index,
        "id": place.id,
        "at": format_timestamp(place.at) if place.at else None,
    }


def _group(listener: WindowTracker, group: OutcomeGroup) -> Document:
    return {
        "kind": group.kind,
        "who": group.who,
        "outcome": group.outcome,
        "first": _place(group.first),
        "last": _place(group.last),
        "count": group.count,
        "figures": {
            name: {"least": text(least), "most": text(most)}
            for name, (least, most) in group.ranges.items()
        },
        "rests_on": group.rests_on or None,
        "text": group_text(listener, group),
    }


def _gap(gap: PriceGap) -> Document:
    return {
        "from": format_timestamp(gap.start),
        "to": format_timestamp(gap.end),
        "missing_bars": gap.missing,
        "ended_by": None if gap.before is None else _place(gap.before),
    }


def _told(told: WindowEvent) -> Document:
    return {
        **_place(told.place),
        "who": told.who,
        "type": told.type,
        "text": told.text,
        "rules": [_rule(rule) for rule in told.rules],
    }


def _rule(rule: RuleResult) -> Document:
    return {
        "rule": rule.rule,
        "verdict": rule.verdict,
        "limit": None if rule.limit is None else text(rule.limit),
        "measured": None if rule.measured is None else text(rule.measured),
        "note": rule.note,
        "limit_set_by": rule.limit_set_by,
    }
