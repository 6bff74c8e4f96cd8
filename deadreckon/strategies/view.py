"""What a strategy would do at a bar, before its own position is asked, and on what grounds."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.fields import Side


class Decision(Struct, frozen=True):
    """The side to enter now, if any, and which held sides should not be held any longer."""

    enter: Side | None = None
    leave_long: bool = False
    leave_short: bool = False


class Rationale(Struct, frozen=True):
    """Why: the model and its figures as texts; `confidence` is a share of 1."""

    confidence: Decimal
    model_id: str
    features: dict[str, str]


SILENT = Decision()
