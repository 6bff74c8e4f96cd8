"""What would refuse an entry in an instrument whoever wished it: halts, switches, stale prices.

Asked where nobody wishes anything, so that a silence of producers shows what they would have met.
"""

from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk import preconditions
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.explaining import RuleResult
from deadreckon.services.risk.refusals import storable
from deadreckon.services.risk.rules import RULES
from deadreckon.services.risk.state import State

# Rules that look at the book and the instrument alone, and never at the wish itself.
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
    """The rules that say no to any entry now (nanoseconds UTC), each with its figures."""
    nobody = SignalRaised("", "", "", instrument, "buy", None, None)
    asked = Evaluation(state, at, nobody)
    found = []
    for rule in _STANDING:
        breach = rule.guard(asked)
        if breach is not None:
            by = breach.set_by or (state.limits_id if rule.field else None)
            measured, reason = storable(breach)
            found.append(RuleResult(rule.name, "refuses", breach.limit, measured, reason, by))
    return found
