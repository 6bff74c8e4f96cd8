"""The unit of every rule that refuses or halts: of its limit and of what it measured.

Declared here alone, beside the events that name the rules: formatting reads it, and lies below the
services whose guards measure. A test holds every rule of a service to it.
"""

from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.units import Unit, units

# Rules without a field of the same name in LimitsSet that has a unit; None: it measures nothing.
_OTHERS: dict[str, Unit | None] = {
    "halted": None,  # its figures are those of the rule that halted
    "limits_set": None,
    "trading_enabled": None,
    "order_shape": None,
    "known_instrument": None,
    "instruments_allowed": None,
    "markets_allowed": None,
    "expired": "timestamp",
    "too_old": "seconds",
    "from_the_future": "seconds",
    "clock_step": "seconds",
    "clock_stop": "seconds",
    "clock_behind": "seconds",
    "quarantine": "count",
    "strategy_allocation": "reporting",
    "reduce_only_without_position": "base",
    "exits_in_flight": "base",
    "quota_exceeded": "count",  # signals or bytes a second, as the reason says
    "known_price": "price",
    "bracket_side": "price",
    "minimum_price": "price",
    "minimum_quantity": "base",
    "minimum_notional": "quote",
    "venue_unknown_order": "base",
    "venue_wrong_side": "base",
    "venue_overfill": "base",
    "venue_strangers": "count",
}

RULE_UNITS: dict[str, Unit | None] = {**units(LimitsSet), **_OTHERS}
