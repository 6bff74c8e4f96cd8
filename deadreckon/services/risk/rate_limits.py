"""Rate limits: gaps between entries, counts per minute, notional within a window.

Only approved orders count, so a refused signal uses up nothing. A measured figure includes the
order that is checked.
"""

from collections.abc import Sequence
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING
from deadreckon.services.risk import windows
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.windows import MINUTE, within


def order_gap_min(check: Evaluation) -> Violation | None:
    limit, last = check.limits.order_gap_min, check.state.rates.last_entry
    if not limit or last is None or check.at - last >= limit:
        return None
    return Violation(Decimal(limit), Decimal(check.at - last), "too soon after the last entry")


def entries_per_minute(check: Evaluation) -> Violation | None:
    moments = check.state.rates.entries
    return per_minute(check.limits.entries_per_minute, moments, check.at)


def entries_per_minute_instrument(check: Evaluation) -> Violation | None:
    moments = check.state.rates.entries_of.get(check.signal.instrument, [])
    return per_minute(check.limits.entries_per_minute_instrument, moments, check.at)


def notional_window_max(check: Evaluation) -> Violation | None:
    limits, window = check.limits, check.state.rates.notionals
    if limits.notional_window_max is None:
        return None
    before = windows.notional_within(window, check.at, limits.notional_window)
    found = ROUNDING.add(before, check.added_notional)
    if found <= limits.notional_window_max:
        return None
    return Violation(limits.notional_window_max, found, "entries of the window, this one included")


def exits_per_minute(check: Evaluation) -> Violation | None:
    """Check the exits of a minute; a replaced exit counts as a cancel instead."""
    if not check.is_exit or check.replaces is not None:
        return None
    return per_minute(check.limits.exits_per_minute, check.state.rates.exits, check.at)


def per_minute(limit: int | None, moments: Sequence[int], at: int) -> Violation | None:
    """Check one more within the last 60 seconds against a limit."""
    if limit is None or (found := within(moments, at, MINUTE) + 1) <= limit:
        return None
    return Violation(Decimal(limit), Decimal(found), "in the last 60 seconds, this one included")
