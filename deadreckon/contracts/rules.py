"""The unit of every rule that measures something: of its limit and of what it measured."""

from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.units import Unit, units

# Rules without a field of the same name in LimitsSet.
_OTHERS: dict[str, Unit] = {
    "expired": "timestamp",
    "too_old": "seconds",
    "from_the_future": "seconds",
    "quarantine": "count",
    "strategy_allocation": "reporting",
    "reduce_only_without_position": "base",
    "known_price": "price",
    "bracket_side": "price",
}

RULE_UNITS: dict[str, Unit] = {**units(LimitsSet), **_OTHERS}
