"""JSON documents of `why`: a story with every event once and the links between them, or a
figure."""

from collections.abc import Iterator
from typing import Any

from deadreckon.contracts.amounts import text
from deadreckon.contracts.codec import plain_body
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.why.detail import Detail
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.figure import ProfitFigure
from deadreckon.replay.why.tracing import CausalBranch, Explanation

Document = dict[str, Any]


def story_document(answer: Explanation) -> Document:
    """Make the document of a story."""
    story = answer.story
    return {
        "asked": story.asked.id,
        "nodes": [
            {
                **event_document(node.record),
                "who": node.who,
                "text": node.text,
                "details": [_detail(answer, detail) for detail in node.details],
            }
            for node in answer.nodes.values()
        ],
        "causes": [
            {"from": behind, "to": ahead, "label": label}
            for ahead, behind, label in ties(story.asked.id, story.causes)
        ],
        "effects": [
            {"from": behind, "to": ahead, "label": label}
            for behind, ahead, label in ties(story.asked.id, story.effects)
        ],
        "not_followed": sum(
            branch.more for root in (*story.causes, *story.effects) for branch in root
        ),
    }


def ties(root: str, branches: list[CausalBranch]) -> Iterator[tuple[str, str, str]]:
    """Yield every link of a tree as (nearer to the queried event, further away, label)."""
    for branch in branches:
        yield root, branch.id, branch.label
        yield from ties(branch.id, branch.branches)


def event_document(record: Recorded[Any]) -> Document:
    """Make the document of an event: its sequence, its time (null before any clock) and its
    body."""
    return {
        "sequence": record.sequence,
        "index": record.index,
        "id": record.id,
        "type": type(record.event).__name__,
        "at": format_timestamp(record.at) if record.at else None,
        "source": record.source,
        "cause": record.cause,
        "event": plain_body(record.event),
    }


def _detail(answer: Explanation, detail: Detail) -> Document:
    sequence, _, index = answer.places.get(detail.id, "").partition(".")
    return {
        "name": detail.name,
        "text": detail.text,
        "id": detail.id,
        "sequence": int(sequence) if sequence else None,
        "index": int(index) if index else None,
        "figures": detail.figures,
        "refuses": detail.is_bad,
    }


def figure_document(history: EventHistory, figure: ProfitFigure) -> Document:
    """Make the document of a profit or position with every event that made it."""
    wanted = figure.wanted
    return {
        "asked": f"{wanted.kind}:{wanted.strategy}/{wanted.instrument}@{figure.sequence}",
        "quantity": text(figure.held.quantity),
        "average_price": text(figure.held.average_price),
        "realised": text(figure.realised),
        "fees": {currency: text(fee) for currency, fee in figure.fees.items()},
        "funding": text(figure.funding),
        "mark": None if figure.mark is None else text(figure.mark),
        "marked_at": format_timestamp(figure.marked_at) if figure.marked_at else None,
        "unrealised": None if figure.unrealised is None else text(figure.unrealised),
        "position_changed": figure.told,
        "agrees": figure.agrees,
        "flows": [
            {
                **event_document(history.facts[flow.id]),
                "realised": text(flow.realised),
                "fee": text(flow.fee),
                "fee_currency": flow.fee_currency,
                "funding": text(flow.funding),
                "quantity_after": text(flow.held),
            }
            for flow in figure.flows
        ],
    }
