"""Names that operators' messages refer to; one that names nothing is refused."""

from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import FlattenRequested, OperatorRefused
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed
from deadreckon.contracts.market import FundingRatePublished, MarkUpdated

OPERATOR_SOURCE = "op."  # before the operator's name
RULE = "unknown_instrument"
REFERRING: tuple[type[Event], ...] = (
    FlattenRequested,
    InstrumentDelisted,
    MarkUpdated,
    FundingRatePublished,
)


class KnownNames(Struct):
    """Instruments that were ever listed: a position may outlast its listing."""

    instruments: dict[str, Literal[True]] = {}


def fold(known: KnownNames, listing: InstrumentListed) -> None:
    """Remember a listed instrument."""
    known.instruments[listing.instrument] = True


def refusal(known: KnownNames, record: Recorded[Any]) -> OperatorRefused | None:
    """Refuse an operator's message about an instrument that nobody listed; None for any other."""
    name = record.event.instrument
    if name is None or name in known.instruments or not record.source.startswith(OPERATOR_SOURCE):
        return None
    door = record.source.removeprefix(OPERATOR_SOURCE)
    return OperatorRefused(door, RULE, f"{name} was never listed", name[:512])
