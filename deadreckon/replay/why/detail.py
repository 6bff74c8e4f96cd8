"""One line of detail about an event, with its figures as exact text."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import text


class Detail(Struct, frozen=True):
    """Detail of an event; `id` is the event it is based on, `figures` are exact text.

    `is_bad` marks a refusal, `is_minor` a detail that is omitted for distant events.
    """

    name: str
    text: str
    id: str
    figures: dict[str, str] = {}
    is_bad: bool = False
    is_minor: bool = False


Details = Iterator[Detail]


def exact_figures(**amounts: Decimal | str | None) -> dict[str, str]:
    """Return the figures that are not None, amounts as exact text."""
    return {
        name: text(amount) if isinstance(amount, Decimal) else amount
        for name, amount in amounts.items()
        if amount is not None
    }
