"""Results of every rule for a signal: passed and by how much, refused, or not applied."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ZERO, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk import preconditions
from deadreckon.services.risk.breakers import drawdown
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.metrics import BY_GUARD, METRICS, Measurement
from deadreckon.services.risk.refusals import Violation, storable
from deadreckon.services.risk.rules import RULES, Rule, binds
from deadreckon.services.risk.state import Exposure, State, key_of
from deadreckon.services.risk.worst_case import worst_cases_with

# off: no limit is set, or it has no say in such a signal; free: exits pass it without being asked;
# unasked: a rule before it has refused.
RuleOutcome = Literal["passes", "refuses", "off", "free", "unasked"]


class RuleResult(Struct, frozen=True):
    """The result of one rule for one signal; `limit` and `measured` in the unit of the rule.

    `limit_set_by` is the id of the event that set the limit; null when none did.
    """

    rule: str
    verdict: RuleOutcome
    limit: Decimal | None = None
    measured: Decimal | None = None
    note: str = ""
    limit_set_by: str | None = None


def explain(state: State, record: Recorded[SignalRaised]) -> list[RuleResult]:
    """Return the result of every rule in order, given the state after the signal.

    The first that refuses, if any, is the refusal that `decide` gives.
    """
    return list(_asked_in_turn(Evaluation(state, record.at, record.event)))


def _asked_in_turn(check: Evaluation) -> Iterator[RuleResult]:
    refused = False
    exits = check.is_exit
    for rule in RULES:
        if refused:
            yield RuleResult(rule.name, "unasked")
        elif exits and not binds(rule, check):
            yield RuleResult(rule.name, "free")
        else:
            found = _weighed(rule, check)
            refused = found.verdict == "refuses"
            yield found


def _weighed(rule: Rule, check: Evaluation) -> RuleResult:
    set_by = check.state.limits_id if rule.field else None
    violation = rule.guard(check)
    if violation is not None:
        found, reason = storable(violation)
        return RuleResult(
            rule.name, "refuses", violation.limit, found, reason, violation.set_by or set_by
        )
    passed = measured(rule, check)
    if passed is None:
        return RuleResult(rule.name, "off")
    found, note = storable(Violation(passed.limit, passed.measured, passed.note))
    return RuleResult(rule.name, "passes", passed.limit, found, note, set_by)


def measured(rule: Rule, check: Evaluation) -> Measurement | None:
    """Return what a rule measured of a signal that it lets pass; None where it did not apply."""
    return BY_GUARD.get(rule.guard, METRICS[rule.name])(check)


# Rules that look at the book and the instrument alone, and never at the signal itself.
ENTRY_RULES = (
    "halted",
    "limits_set",
    "trading_enabled",
    "known_instrument",
    "instruments_allowed",
    "markets_allowed",
    "quarantine",
    "price_age_max",
    "equity_floor",
    "drawdown_max",
    "daily_loss_max",
    "slippage_bps_max",
    "venue_errors_max",
)
_BLOCKING = tuple(
    rule for rule in RULES if rule.name in ENTRY_RULES or rule.guard is preconditions.known_price
)


def entry_refusals(state: State, instrument: str, at: int) -> list[RuleResult]:
    """Return the rules that would refuse any entry at `at` (nanoseconds UTC), with figures."""
    nobody = SignalRaised("", "", "", instrument, "buy", None, None)
    check = Evaluation(state, at, nobody)
    found = []
    for rule in _BLOCKING:
        violation = rule.guard(check)
        if violation is not None:
            by = violation.set_by or (state.limits_id if rule.field else None)
            measured, reason = storable(violation)
            found.append(RuleResult(rule.name, "refuses", violation.limit, measured, reason, by))
    return found


def headroom_of_book(state: State, strategy: str, instrument: str) -> list[RuleResult]:
    """Return each limit in force that a position moves, with its present value."""
    limits = state.limits
    if limits is None:
        return []
    return [
        RuleResult(rule, "passes" if _is_within(rule, limit, found) else "refuses", limit, found,
                limit_set_by=state.limits_id)
        for rule, found in _of_book(state, strategy, instrument)
        if (limit := getattr(limits, rule)) is not None
    ]  # fmt: skip


def _is_within(rule: str, limit: Decimal, found: Decimal | None) -> bool:
    if found is None:
        return True
    return found >= limit if rule == "equity_floor" else found <= limit


def _of_book(state: State, strategy: str, instrument: str) -> Iterator[tuple[str, Decimal | None]]:
    listing = state.ledger.listings.get(instrument)
    venue = listing.venue if listing else ""
    exposure = state.exposures.get(key_of(strategy, instrument))
    book = worst_cases_with(state, exposure or Exposure(strategy, instrument, venue))
    yield "exposure_instrument_max", book.instruments.get(instrument, ZERO)
    yield "exposure_strategy_max", book.strategies.get(strategy, ZERO)
    yield "exposure_venue_max", book.venues.get(venue, ZERO)
    yield "exposure_gross_max", book.gross
    yield "exposure_net_max", book.net
    equity = ledger.net_worth(state.ledger).equity
    yield "leverage_max", ratio(book.gross, equity) if equity > 0 else None
    yield "equity_floor", state.breakers.equity
    yield "drawdown_max", drawdown(state.breakers)
    yield "daily_loss_max", state.breakers.day_result.copy_negate()
