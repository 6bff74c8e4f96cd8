"""A line that stands beside an event, with its figures as exact texts."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import text


class Detail(Struct, frozen=True):
    """A line beside an event; `id` is the event it rests on, `figures` are exact texts.

    `is_bad` marks what refused, `is_minor` what may be left out further away from what was asked.
    """

    name: str
    text: str
    id: str
    figures: dict[str, str] = {}
    is_bad: bool = False
    is_minor: bool = False


Details = Iterator[Detail]


def exact_figures(**amounts: Decimal | str | None) -> dict[str, str]:
    """What is known of these, amounts as exact texts."""
    return {
        name: text(amount) if isinstance(amount, Decimal) else amount
        for name, amount in amounts.items()
        if amount is not None
    }
