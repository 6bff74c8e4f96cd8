"""What a session is made of: rows of a tape, and what people and programs say between them."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Side
from deadreckon.contracts.inbound import AMOUNTS
from deadreckon.contracts.orders import OrderSubmitting
from tests.stories import HOUR, INSTRUMENT, MINUTE, Number, deposit, listed, reporting, venue

ROUND_THE_CLOCK = 6 * HOUR  # equity is marked so often, unless a session says otherwise


class Row(Struct, frozen=True):
    """The market says this, `after` nanoseconds after what it said before."""

    event: Event
    after: int


class Fact(Struct, frozen=True):
    """An operator says this; bytes are put on the wire as they are."""

    who: str
    record: Event | bytes
    id: str = ""  # by default the fact's place in the session


class Wire(Struct, frozen=True):
    """A producer sends this: objects get the tape's time as `at` unless they have one."""

    who: str
    sent: dict[str, Any] | list[Any] | bytes


class Report(Struct, frozen=True):
    """The edge of a real venue says this of the `of`th order that was intended, from 0."""

    of: int
    record: Callable[[OrderSubmitting], Event]


Step = Row | Fact | Wire | Report
Script = list[Step]


def minute(*events: Event) -> Script:
    """Each a minute after the one before."""
    return [Row(event, MINUTE) for event in events]


def later(after: int, event: Event) -> Script:
    return [Row(event, after)]


def at_once(*events: Event) -> Script:
    """Rows that come at the same time as the one before."""
    return [Row(event, 0) for event in events]


def ann(*facts: Event | bytes) -> Script:
    """Ann is the operator."""
    return [Fact("ann", record) for record in facts]


def alice(
    id: str,
    side: Side,
    quantity: Number | None = None,
    *,
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    **more: Any,
) -> Script:
    """Alice is a producer; her amounts go over the wire as texts."""
    signal: dict[str, Any] = {
        "id": id,
        "strategy": strategy,
        "instrument": instrument,
        "side": side,
    }
    if quantity is not None:
        signal["quantity"] = str(quantity)
    texts = {name: str(value) if name in AMOUNTS else value for name, value in more.items()}
    return [Wire("alice", signal | texts)]


def alice_cancels(target: str, *, id: str = "", strategy: str = "ext") -> Script:
    return [Wire("alice", {"id": id or f"no {target}", "strategy": strategy, "cancel": target})]


def alice_changes(target: str, *, id: str, strategy: str = "ext", **terms: Number) -> Script:
    change = {"id": id, "strategy": strategy, "replace": target}
    return [Wire("alice", change | {name: str(value) for name, value in terms.items()})]


def opening(
    *more: Event,
    instrument: Event | None = None,
    at: Event | None = None,
    cash: Event | None = None,
) -> Script:
    """What Ann says first: an instrument, its venue, USDT to report in, 100,000 of it, and more."""
    first = (instrument or listed(), at or venue(), reporting(every=ROUND_THE_CLOCK))
    return ann(*first, cash or deposit(), *more)
