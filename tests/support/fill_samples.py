"""Short words for stories about the fill service."""

from typing import Any, TypeVar

import msgspec

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderCancelled, OrderFilled, OrderRejected
from deadreckon.services.fill import decider as fill
from tests.stories import listed, venue
from tests.support.driver import DeciderDriver

E = TypeVar("E", bound=Event)


def fill_driver(*given: Event | Recorded[Any], **terms: Any) -> DeciderDriver:
    """A fill service that knows one instrument, and a venue on these terms."""
    story = DeciderDriver(fill, "fill")
    story.tell(listed(), venue(**terms), *given)
    return story


def answers_of(kind: type[E], answers: list[Event]) -> list[E]:
    """The answers of one kind."""
    return [answer for answer in answers if isinstance(answer, kind)]


def fills(answers: list[Event]) -> list[tuple[str, str, str, str]]:
    """(order, quantity, price, liquidity) of every fill."""
    return [
        (fill.order_id, str(fill.quantity), str(fill.price), fill.liquidity)
        for fill in answers_of(OrderFilled, answers)
    ]


def type_names(answers: list[Event]) -> list[str]:
    """What was said, by name."""
    return [type(answer).__name__ for answer in answers]


def end_rules(answers: list[Event]) -> dict[str, str]:
    """Which orders were cancelled or rejected, by which rule."""
    return {
        answer.order_id: answer.rule
        for answer in answers
        if isinstance(answer, OrderCancelled | OrderRejected)
    }


def encoded(story: DeciderDriver) -> bytes:
    """The service's state as bytes, queues in their order, to compare two of them."""
    return msgspec.json.encode(story.state)
