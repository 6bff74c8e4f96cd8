"""Limits that forbid nothing, rule by rule, and the rules that no limit can open."""

from typing import Any, get_args

from deadreckon.contracts.inbound_commands import INTEGER_MAX
from deadreckon.contracts.instruments import MarketClass
from deadreckon.contracts.limits import LimitsSet
from deadreckon.services.governance.performance import MEASURES
from deadreckon.services.risk.rules import RULES

# Why a rule without a key in the limits cannot be disabled.
NOT_DISABLED = {
    "halted": "an operator or a breaker halted, which is not a limit; name the breaker's rule",
    "limits_set": "nothing trades before somebody has set limits",
    "order_shape": "such a signal makes no order",
    "known_instrument": "nothing is known of what was never listed",
    "reduce_only_without_position": "there is nothing to reduce",
    "exits_in_flight": "nothing is left to close",
    "expired": "the producer itself gave the signal an end",
    "known_price": "without a price or a rate nothing can be weighed, or matched",
    "bracket_side": "a protective order on the wrong side would close at once",
}

# Limits that do not say "no rule" by null.
_OPEN: dict[str, Any] = {
    "trading_enabled": True,
    "instruments_allowed": [],
    "markets_allowed": list(get_args(MarketClass)),
    "order_gap_min": 0,
    "price_age_max": INTEGER_MAX,
    "strategy_allocations": {},
}


def limits_of_rules() -> dict[str, str]:
    """Return the key of the limits for each rule that has one, in the order in which they are
    checked."""
    found = {rule.name: rule.field for rule in RULES if rule.field}
    return found | {name: name for name in MEASURES}


def key_of_rule(name: str) -> str:
    """Return the limit that belongs to a rule, by the rule's name or its own.

    Raises ValueError that says why there is none, or which rules there are.
    """
    keys = limits_of_rules()
    if name in keys:
        return keys[name]
    if name in keys.values():
        return name
    if name in NOT_DISABLED:
        raise ValueError(
            f"rule {name} cannot be disabled, no key of the limits belongs to it: "
            f"{NOT_DISABLED[name]}"
        )
    raise ValueError(f"{name!r} is no rule of risk or governance; these are: {', '.join(keys)}")


def open_value(key: str) -> Any:
    """Return the value of a limit whose rule forbids nothing."""
    assert key in LimitsSet.__struct_fields__, key
    return _OPEN.get(key)
