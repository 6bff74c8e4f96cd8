"""Refusals: the rule, the limit in force, the measured value, and who set the limit."""

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
    """Violation of a rule, with `limit` and `measured` in the unit of the rule (docs/risk.md)."""

    limit: Decimal | None
    measured: Decimal | None
    reason: str
    set_by: str | None = None


def refuse(
    signal: SignalRaised | CancelRaised | ReplaceRaised,
    instrument: str,
    rule: str,
    violation: Violation,
    set_by: str | None,
) -> SignalRefused:
    """Refuse a signal, a cancel or a replace; `set_by` is used where the violation has none."""
    measured, reason = storable(violation)
    return SignalRefused(
        signal_id=signal.signal_id,
        producer=signal.producer,
        strategy=signal.strategy,
        instrument=instrument,
        rule=rule,
        limit=violation.limit,
        measured=measured,
        limit_set_by=violation.set_by or set_by,
        reason=reason,
    )


def storable(violation: Violation) -> tuple[Decimal | None, str]:
    """Return the measured value as far as a table can hold it, and the reason.

    A value with too many decimals is rounded away from the limit, so that the violation still
    shows; one that is too large goes into the reason.
    """
    measured = violation.measured
    if measured is None or (measured.copy_abs() < _STORABLE and decimals(measured) <= SCALE_MAX):
        return measured, violation.reason
    if measured.copy_abs() >= _STORABLE:
        return None, f"{violation.reason}: {text(measured)}"
    below = violation.limit is not None and measured < violation.limit
    away = ROUND_FLOOR if below else ROUND_CEILING
    return measured.quantize(_FINEST, away, ROUNDING), violation.reason


def refuse_flattening(
    record: Recorded[FlattenRequested], strategy: str, instrument: str
) -> SignalRefused:
    """Refuse to flatten a position whose price is unknown."""
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
