"""JSON documents of `dr replay why`: a story of linked events, or a figure with its flows."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from deadreckon.contracts.amounts import text
from deadreckon.contracts.codec import plain_body
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.why.detail import Detail
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.figure import ProfitFigure, ProfitFlow
from deadreckon.replay.why.tracing import CausalBranch, Explanation, Node

Amount = Annotated[str, Meta(description="exact decimal")]
Time = Annotated[str, Meta(description="RFC 3339, UTC")]


class EventDocument(Struct, frozen=True):
    """An event of the log with its body."""

    sequence: int
    index: int
    id: str
    type: str
    at: Annotated[Time | None, Meta(description="decision time; null before any clock")]
    source: str
    cause: Annotated[str | None, Meta(description="id of the event that it answers")]
    event: Annotated[
        dict[str, Any], Meta(description="body, as the JSON Schema of its type describes it")
    ]


class DetailDocument(Struct, frozen=True):
    """A line of detail about an event."""

    name: str
    text: Annotated[str, Meta(description="description for people")]
    id: Annotated[str, Meta(description="of the event that the detail is based on")]
    sequence: Annotated[int | None, Meta(description="of that event; null: not in this log")]
    index: int | None
    figures: Annotated[dict[str, str], Meta(description="exact texts by name")]
    refuses: Annotated[bool, Meta(description="true for the rule that refused")]


class NodeDocument(EventDocument, frozen=True):
    """An event of a story, described and with details."""

    who: Annotated[str, Meta(description="publisher")]
    text: Annotated[str, Meta(description="description for people")]
    details: list[DetailDocument]


class LinkDocument(Struct, frozen=True):
    """A link between two events of a story, from the earlier to the later."""

    start: Annotated[str, Meta(description="id")] = field(name="from")
    end: Annotated[str, Meta(description="id")] = field(name="to")
    label: Annotated[
        str, Meta(description="cause, order, named, since, limits, configured or model")
    ]


class StoryDocument(Struct, frozen=True):
    """An event with its causes and effects; every event is in `nodes` once."""

    asked: Annotated[str, Meta(description="id of the queried event")]
    nodes: list[NodeDocument]
    causes: list[LinkDocument]
    effects: list[LinkDocument]
    not_followed: Annotated[int, Meta(description="number of links beyond the depth")]


class FlowDocument(EventDocument, frozen=True):
    """An event that changed a figure, with its contribution in the quote currency."""

    realised: Annotated[Amount, Meta(description="before fees and funding")]
    fee: Annotated[Amount, Meta(description="positive: paid")]
    fee_currency: str
    funding: Annotated[Amount, Meta(description="positive: received")]
    quantity_after: Annotated[Amount, Meta(description="signed position after the event")]


class FigureDocument(Struct, frozen=True):
    """A strategy's profit and position in an instrument, with every event that made them."""

    asked: str
    quantity: Amount
    average_price: Amount
    realised: Amount
    fees: Annotated[dict[str, Amount], Meta(description="by currency")]
    funding: Amount
    mark: Annotated[Amount | None, Meta(description="null before the first price")]
    marked_at: Time | None
    unrealised: Amount | None
    position_changed: Annotated[
        str | None, Meta(description="id of the last PositionChanged; null: none yet")
    ]
    agrees: Annotated[
        bool | None,
        Meta(description="whether it has the same figures; null: it does not cover the last flow"),
    ]
    flows: list[FlowDocument]


def story_document(explained: Explanation) -> StoryDocument:
    """Make the document of a story."""
    story = explained.story
    root = story.asked.id
    return StoryDocument(
        asked=root,
        nodes=[_node(explained, node) for node in explained.nodes.values()],
        causes=[LinkDocument(far, near, label) for near, far, label in links(root, story.causes)],
        effects=[LinkDocument(near, far, label) for near, far, label in links(root, story.effects)],
        not_followed=sum(
            branch.more for tree in (*story.causes, *story.effects) for branch in tree
        ),
    )


def links(root: str, branches: list[CausalBranch]) -> Iterator[tuple[str, str, str]]:
    """Yield every link of a tree as (nearer to the queried event, further away, label)."""
    for branch in branches:
        yield root, branch.id, branch.label
        yield from links(branch.id, branch.branches)


def _event(record: Recorded[Any]) -> dict[str, Any]:
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


def _node(explained: Explanation, node: Node) -> NodeDocument:
    return NodeDocument(
        **_event(node.record),
        who=node.who,
        text=node.text,
        details=[_detail(explained, detail) for detail in node.details],
    )


def _detail(explained: Explanation, detail: Detail) -> DetailDocument:
    sequence, _, index = explained.sequences.get(detail.id, "").partition(".")
    return DetailDocument(
        name=detail.name,
        text=detail.text,
        id=detail.id,
        sequence=int(sequence) if sequence else None,
        index=int(index) if index else None,
        figures=detail.figures,
        refuses=detail.is_bad,
    )


def figure_document(history: EventHistory, figure: ProfitFigure) -> FigureDocument:
    """Make the document of a profit or position with every event that made it."""
    query = figure.query
    return FigureDocument(
        asked=f"{query.kind}:{query.strategy}/{query.instrument}@{figure.sequence}",
        quantity=text(figure.held.quantity),
        average_price=text(figure.held.average_price),
        realised=text(figure.realised),
        fees={currency: text(fee) for currency, fee in figure.fees.items()},
        funding=text(figure.funding),
        mark=None if figure.mark is None else text(figure.mark),
        marked_at=format_timestamp(figure.marked_at) if figure.marked_at else None,
        unrealised=None if figure.unrealised is None else text(figure.unrealised),
        position_changed=figure.published,
        agrees=figure.agrees,
        flows=[_flow(history, flow) for flow in figure.flows],
    )


def _flow(history: EventHistory, flow: ProfitFlow) -> FlowDocument:
    return FlowDocument(
        **_event(history.facts[flow.id]),
        realised=text(flow.realised),
        fee=text(flow.fee),
        fee_currency=flow.fee_currency,
        funding=text(flow.funding),
        quantity_after=text(flow.held),
    )
