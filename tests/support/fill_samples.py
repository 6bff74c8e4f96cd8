"""Short words for stories about the fill service."""

from typing import Any, TypeVar

import msgspec

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderCancelled, OrderFilled, OrderRejected
from deadreckon.services.fill import decider as fill
from tests.stories import Story, listed, venue

E = TypeVar("E", bound=Event)


def desk(*given: Event | Recorded[Any], **terms: Any) -> Story:
    """A fill service that knows one instrument, and a venue on these terms."""
    story = Story(fill, "fill")
    story.tell(listed(), venue(**terms), *given)
    return story


def of(kind: type[E], answers: list[Event]) -> list[E]:
    """The answers of one kind."""
    return [answer for answer in answers if isinstance(answer, kind)]


def fills(answers: list[Event]) -> list[tuple[str, str, str, str]]:
    """(order, quantity, price, liquidity) of every fill."""
    return [
        (fill.order_id, str(fill.quantity), str(fill.price), fill.liquidity)
        for fill in of(OrderFilled, answers)
    ]


def kinds(answers: list[Event]) -> list[str]:
    """What was said, by name."""
    return [type(answer).__name__ for answer in answers]


def ends(answers: list[Event]) -> dict[str, str]:
    """Which orders were cancelled or rejected, by which rule."""
    return {
        answer.order_id: answer.rule
        for answer in answers
        if isinstance(answer, OrderCancelled | OrderRejected)
    }


def encoded(story: Story) -> bytes:
    """The service's state as bytes, queues in their order, to compare two of them."""
    return msgspec.json.encode(story.state)
