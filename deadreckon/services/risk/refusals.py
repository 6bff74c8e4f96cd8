"""A refusal says which rule, the limit in force, what was measured, and who set the limit."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from deadreckon.contracts.amounts import ROUNDING, SCALE_MAX, decimals, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import FlattenRequested
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRaised, SignalRefused

# What every table holds. Products of what producers may ask for can be wider and finer.
_STORABLE = Decimal(10) ** 20
_FINEST = Decimal(1).scaleb(-SCALE_MAX)


class Violation(NamedTuple):
    """Why a rule says no; `limit` and `measured` in the unit of the rule (docs/risk.md).

    `set_by` is the id of the event that set the limit, where that is not the LimitsSet in force.
    """

    limit: Decimal | None
    measured: Decimal | None
    reason: str
    set_by: str | None = None


def refuse(
    wish: SignalRaised | CancelRaised | ReplaceRaised,
    instrument: str,
    rule: str,
    breach: Violation,
    set_by: str | None,
) -> SignalRefused:
    """The refusal of a wish, a cancel or a replace; `set_by` where the breach does not say."""
    measured, reason = storable(breach)
    return SignalRefused(
        signal_id=wish.signal_id,
        producer=wish.producer,
        strategy=wish.strategy,
        instrument=instrument,
        rule=rule,
        limit=breach.limit,
        measured=measured,
        limit_set_by=breach.set_by or set_by,
        reason=reason,
    )


def storable(breach: Violation) -> tuple[Decimal | None, str]:
    """What was measured, as far as a table can hold it, and the reason.

    What is finer is rounded away from the limit, so that a breach still shows; what is too large
    stands in the reason.
    """
    measured = breach.measured
    if measured is None or (measured.copy_abs() < _STORABLE and decimals(measured) <= SCALE_MAX):
        return measured, breach.reason
    if measured.copy_abs() >= _STORABLE:
        return None, f"{breach.reason}: {text(measured)}"
    below = breach.limit is not None and measured < breach.limit
    away = ROUND_FLOOR if below else ROUND_CEILING
    return measured.quantize(_FINEST, away, ROUNDING), breach.reason


def refuse_flattening(
    record: Recorded[FlattenRequested], strategy: str, instrument: str
) -> SignalRefused:
    """A position cannot be flattened: nobody knows what it would trade at."""
    return SignalRefused(
        signal_id=record.id,
        producer="",
        strategy=strategy,
        instrument=instrument,
        rule="known_price",
        limit=None,
        measured=None,
        limit_set_by=None,
        reason=f"{instrument} has no price; what {strategy} holds of it stays",
    )
