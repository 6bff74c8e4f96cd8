"""Whether it is too soon for another order: gaps, counts a minute, notional in a window.

Only approved orders were counted, so a refused wish takes nobody's turn. A measured figure includes
the order in question.
"""

from collections.abc import Sequence
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING
from deadreckon.services.risk import windows
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.windows import MINUTE, within


def order_gap_min(asked: Evaluation) -> Violation | None:
    limit, last = asked.limits.order_gap_min, asked.state.rates.last_entry
    if not limit or last is None or asked.at - last >= limit:
        return None
    return Violation(Decimal(limit), Decimal(asked.at - last), "too soon after the last entry")


def entries_per_minute(asked: Evaluation) -> Violation | None:
    moments = asked.state.rates.entries
    return per_minute(asked.limits.entries_per_minute, moments, asked.at)


def entries_per_minute_instrument(asked: Evaluation) -> Violation | None:
    moments = asked.state.rates.entries_of.get(asked.wish.instrument, [])
    return per_minute(asked.limits.entries_per_minute_instrument, moments, asked.at)


def notional_window_max(asked: Evaluation) -> Violation | None:
    limits, window = asked.limits, asked.state.rates.notionals
    if limits.notional_window_max is None:
        return None
    before = windows.notional_within(window, asked.at, limits.notional_window)
    found = ROUNDING.add(before, asked.added_notional)
    if found <= limits.notional_window_max:
        return None
    return Violation(limits.notional_window_max, found, "entries of the window, this one included")


def exits_per_minute(asked: Evaluation) -> Violation | None:
    """A replaced exit is no new one: it counts as a cancel."""
    if not asked.is_exit or asked.replaces is not None:
        return None
    return per_minute(asked.limits.exits_per_minute, asked.state.rates.exits, asked.at)


def per_minute(limit: int | None, moments: Sequence[int], at: int) -> Violation | None:
    """One more within the last 60 seconds, against the limit."""
    if limit is None or (found := within(moments, at, MINUTE) + 1) <= limit:
        return None
    return Violation(Decimal(limit), Decimal(found), "in the last 60 seconds, this one included")
