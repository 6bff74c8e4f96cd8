"""Breakers that trip: the limits in force against the figures that are watched."""

from collections.abc import Iterator
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, ratio
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.governance import HaltImposed
from deadreckon.services.risk.breakers import drawdown, median
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.state import State
from deadreckon.services.risk.windows import MINUTE, within

COOLDOWN_LEAST = NANOSECONDS  # a cooldown of 0 would halt again at every event


def equity_floor(state: State) -> Violation | None:
    floor = state.limits.equity_floor if state.limits else None
    equity = state.breakers.equity
    if floor is None or equity is None or equity >= floor:
        return None
    return Violation(floor, equity, "equity is below its floor")


def drawdown_max(state: State) -> Violation | None:
    limit, breakers = state.limits.drawdown_max if state.limits else None, state.breakers
    if limit is None or breakers.equity is None or breakers.peak is None:
        return None
    kept = ROUNDING.subtract(breakers.peak, ROUNDING.multiply(limit, breakers.peak))
    if breakers.equity >= kept:
        return None
    return Violation(limit, drawdown(breakers), f"equity is too far below its peak {breakers.peak}")


def daily_loss_max(state: State) -> Violation | None:
    limit = state.limits.daily_loss_max if state.limits else None
    loss = state.breakers.day_result.copy_negate()
    if limit is None or loss <= limit:
        return None
    return Violation(limit, loss, "the UTC day lost too much: realised - fees + funding")


def slippage_bps_max(state: State) -> Violation | None:
    """Check the median slippage; only a full set of samples counts."""
    limits, samples = state.limits, state.breakers.slippages
    if limits is None or limits.slippage_bps_max is None or not samples:
        return None
    if len(samples) < limits.slippage_samples:
        return None
    found = median(samples)
    if found <= limits.slippage_bps_max:
        return None
    return Violation(limits.slippage_bps_max, found, "median slippage of the latest entry fills")


def venue_errors_max(check: Evaluation) -> Violation | None:
    """Check the share of a venue's results in the last minute that were faults."""
    limits, listing = check.limits, check.listing
    if limits.venue_errors_max is None or listing is None:
        return None
    results = check.state.breakers.venues.get(listing.venue)
    if results is None:
        return None
    answers = Decimal(within(results.answers, check.at, MINUTE))
    faults = Decimal(within(results.faults, check.at, MINUTE))
    if not answers or answers < limits.venue_errors_samples:
        return None
    if faults <= ROUNDING.multiply(limits.venue_errors_max, answers):
        return None
    reason = f"{listing.venue} failed in {faults} of {answers} results within a minute"
    return Violation(limits.venue_errors_max, ratio(faults, answers), reason)


def trip(state: State, record: Recorded[Event]) -> list[Event]:
    """Return the halts that are due now, each at most once per cooldown."""
    return [] if state.limits is None else list(_due(state, record.at))


def _due(state: State, at: int) -> Iterator[HaltImposed]:
    assert state.limits is not None
    cooled = at + max(state.limits.breaker_cooldown, COOLDOWN_LEAST)
    for rule, guard, until in (
        ("equity_floor", equity_floor, cooled),
        ("drawdown_max", drawdown_max, cooled),
        ("daily_loss_max", daily_loss_max, state.breakers.day_ends),
    ):
        if at >= state.breakers.imposed.get(rule, 0) and (violation := guard(state)):
            yield _halt(state, rule, violation, until)
    if violation := slippage_bps_max(state):
        yield _halt(state, "slippage_bps_max", violation, None)


def _halt(state: State, rule: str, violation: Violation, until: int | None) -> HaltImposed:
    return HaltImposed(
        scope="close_only",
        rule=rule,
        limit=violation.limit,
        measured=violation.measured,
        limit_set_by=state.limits_id,
        reason=violation.reason,
        until=until,
    )
