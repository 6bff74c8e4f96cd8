"""Every rule by name, in the order of checking; the first violation is the refusal."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from deadreckon.services.risk import breaker_trips, heat, preconditions, rate_limits, size_limits
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.state import State


class Exits(Enum):
    """When a rule applies to exits."""

    FREE = "never"
    BOUND = "always"
    IF_THEY_ADD = "when the worst case grows"


class Rule(NamedTuple):
    """A named guard; its unit is in `contracts.rules`. `field` is the limit it reads, or empty."""

    name: str
    field: str
    guard: Callable[[Evaluation], Violation | None]
    exits: Exits = Exits.FREE


def _of_the_book(
    guard: Callable[[State], Violation | None],
) -> Callable[[Evaluation], Violation | None]:
    return lambda check: guard(check.state)


# docs/risk.md explains each; a test holds that table to this one.
RULES = (
    Rule("halted", "", preconditions.halted, Exits.BOUND),
    Rule("limits_set", "", preconditions.limits_set, Exits.BOUND),
    Rule("trading_enabled", "trading_enabled", preconditions.trading_enabled, Exits.BOUND),
    Rule("order_shape", "", preconditions.order_shape, Exits.BOUND),
    Rule("known_instrument", "", preconditions.known_instrument, Exits.BOUND),
    Rule(
        "reduce_only_without_position", "", preconditions.reduce_only_without_position, Exits.BOUND
    ),
    Rule("exits_in_flight", "", preconditions.exits_in_flight, Exits.BOUND),
    Rule("instruments_allowed", "instruments_allowed", preconditions.instruments_allowed),
    Rule("markets_allowed", "markets_allowed", preconditions.markets_allowed),
    Rule("quarantine", "quarantine_stops", preconditions.quarantine),
    Rule("expired", "", preconditions.expired, Exits.BOUND),
    Rule("signal_age_max", "signal_age_max", preconditions.signal_age_max),
    Rule("confidence_min", "confidence_min", preconditions.confidence_min),
    Rule("known_price", "", preconditions.known_price, Exits.BOUND),
    Rule("price_age_max", "price_age_max", preconditions.price_age_max),
    Rule("bracket_side", "", preconditions.bracket_side),
    Rule("order_notional_min", "order_notional_min", size_limits.order_notional_min),
    Rule("order_notional_max", "order_notional_max", size_limits.order_notional_max),
    Rule("instrument_lock", "instrument_lock", size_limits.instrument_lock),
    Rule("known_price", "", size_limits.book_priced, Exits.IF_THEY_ADD),
    Rule("order_equity_share_max", "order_equity_share_max", size_limits.order_equity_share_max),
    Rule(
        "strategy_allocation",
        "strategy_allocations",
        size_limits.strategy_allocation,
        Exits.IF_THEY_ADD,
    ),
    Rule(
        "exposure_instrument_max",
        "exposure_instrument_max",
        size_limits.exposure_instrument_max,
        Exits.IF_THEY_ADD,
    ),
    Rule(
        "exposure_strategy_max",
        "exposure_strategy_max",
        size_limits.exposure_strategy_max,
        Exits.IF_THEY_ADD,
    ),
    Rule(
        "exposure_venue_max",
        "exposure_venue_max",
        size_limits.exposure_venue_max,
        Exits.IF_THEY_ADD,
    ),
    Rule(
        "exposure_gross_max",
        "exposure_gross_max",
        size_limits.exposure_gross_max,
        Exits.IF_THEY_ADD,
    ),
    Rule("exposure_net_max", "exposure_net_max", size_limits.exposure_net_max, Exits.IF_THEY_ADD),
    Rule("positions_max", "positions_max", size_limits.positions_max),
    Rule("longs_max", "longs_max", size_limits.longs_max),
    Rule("shorts_max", "shorts_max", size_limits.shorts_max),
    Rule("orders_in_flight_max", "orders_in_flight_max", size_limits.orders_in_flight_max),
    Rule("leverage_max", "leverage_max", size_limits.leverage_max),
    Rule("liability_max", "liability_max", size_limits.liability_max),
    Rule("margin_level_min", "margin_level_min", size_limits.margin_level_min),
    Rule("equity_floor", "equity_floor", _of_the_book(breaker_trips.equity_floor)),
    Rule("drawdown_max", "drawdown_max", _of_the_book(breaker_trips.drawdown_max)),
    Rule("daily_loss_max", "daily_loss_max", _of_the_book(breaker_trips.daily_loss_max)),
    Rule("heat_max", "heat_max", heat.heat_max),
    Rule("slippage_bps_max", "slippage_bps_max", _of_the_book(breaker_trips.slippage_bps_max)),
    Rule("venue_errors_max", "venue_errors_max", breaker_trips.venue_errors_max),
    Rule("order_gap_min", "order_gap_min", rate_limits.order_gap_min),
    Rule("entries_per_minute", "entries_per_minute", rate_limits.entries_per_minute),
    Rule(
        "entries_per_minute_instrument",
        "entries_per_minute_instrument",
        rate_limits.entries_per_minute_instrument,
    ),
    Rule("notional_window_max", "notional_window_max", rate_limits.notional_window_max),
    Rule("exits_per_minute", "exits_per_minute", rate_limits.exits_per_minute, Exits.BOUND),
)


# Asked of every replace of an entry, however little it wants: a switch that is off, an order that
# would be dust or protect itself on the wrong side, and what these need in order to be measured.
_OF_LESS = tuple(
    rule
    for rule in RULES
    if rule.guard
    in (
        preconditions.trading_enabled,
        preconditions.order_shape,
        preconditions.known_price,
        preconditions.bracket_side,
        size_limits.order_notional_min,
    )
)


def first_violation(check: Evaluation) -> tuple[Rule, Violation] | None:
    """Return the first rule that refuses, with its figures; None when every rule passes."""
    exits = check.is_exit
    for rule in RULES:
        if (not exits or binds(rule, check)) and (violation := rule.guard(check)):
            return rule, violation
    return None


def first_violation_of_reduction(check: Evaluation) -> tuple[Rule, Violation] | None:
    """Return the first of the few rules that refuses a replace asking for no more than before."""
    for rule in _OF_LESS:
        if violation := rule.guard(check):
            return rule, violation
    return None


def binds(rule: Rule, check: Evaluation) -> bool:
    """Tell whether a rule applies to an exit."""
    if rule.exits is Exits.IF_THEY_ADD:
        return check.adds
    return rule.exits is Exits.BOUND
