"""Rules that refuse any entry in an instrument at present: halts, switches, stale prices.

Used when no producer sends anything, to show what a signal would have met.
"""

from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk import preconditions
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.explaining import RuleResult
from deadreckon.services.risk.refusals import storable
from deadreckon.services.risk.rules import RULES
from deadreckon.services.risk.state import State

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
_STANDING = tuple(
    rule for rule in RULES if rule.name in ENTRY_RULES or rule.guard is preconditions.known_price
)


def entry_refusals(state: State, instrument: str, at: int) -> list[RuleResult]:
    """Return the rules that would refuse any entry at `at` (nanoseconds UTC), with figures."""
    nobody = SignalRaised("", "", "", instrument, "buy", None, None)
    check = Evaluation(state, at, nobody)
    found = []
    for rule in _STANDING:
        violation = rule.guard(check)
        if violation is not None:
            by = violation.set_by or (state.limits_id if rule.field else None)
            measured, reason = storable(violation)
            found.append(RuleResult(rule.name, "refuses", violation.limit, measured, reason, by))
    return found
