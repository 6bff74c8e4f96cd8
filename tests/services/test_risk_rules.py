"""Every rule of risk: what just passes, what just does not, and the same refusal after a crash."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.governance import HaltRequested, ResumeRequested
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.orders import OrderApproved, OrderCancelled, OrderReplaced
from deadreckon.contracts.portfolio import FeeCharged
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.services.risk.rules import RULES, Exits
from deadreckon.services.risk.state import InFlight
from tests.stories import (
    HOUR,
    INSTRUMENT,
    MINUTE,
    SECOND,
    START,
    Number,
    amount,
    bar,
    deposit,
    exact,
    filled,
    limits,
    listed,
    signal,
)
from tests.support.risk_driver import OTHER, RiskDriver, accepted, leg, rejected

PAGE = Path(__file__).parents[2] / "docs" / "risk.md"

Turn = Callable[[RiskDriver], object]


def nothing(driver: RiskDriver) -> None:
    """Nothing happens."""


@dataclass
class Case:
    """A rule at its limit: `inside` passes, `outside` does not; `turn` happens before outside."""

    rule: str
    inside: SignalRaised
    outside: SignalRaised
    limit: Number | None = None
    measured: Number | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    given: Turn = nothing
    turn: Turn = nothing
    set_by: str = "limits"  # or the name of another event, or nothing

    def __str__(self) -> str:
        return self.rule


def buy(quantity: Number | None = 1, **more: Any) -> SignalRaised:
    return signal("buy", quantity, **more)


def sell(quantity: Number | None = 1, **more: Any) -> SignalRaised:
    return signal("sell", quantity, **more)


def minutes(count: int) -> Turn:
    return lambda driver: driver.price(100, after=count * MINUTE)


def entries(count: int, **more: Any) -> Turn:
    return lambda driver: [driver.approved(**more) for _ in range(count)]


def held(side: Any = "buy", quantity: Number = 10, **more: Any) -> Turn:
    return lambda driver: driver.enter(side, quantity, **more)


def both(*turns: Turn) -> Turn:
    return lambda driver: [turn(driver) for turn in turns]


def exits(count: int) -> Turn:
    """So many exits of one, approved and on their way."""
    return lambda driver: [driver.approved("sell", 1) for _ in range(count)]


def results(answers: int, faults: int) -> Turn:
    """So many orders, of which the venue takes some and fails at others."""

    def turn(driver: RiskDriver) -> None:
        for number in range(answers):
            (child,) = driver.route(driver.approved("buy", "0.01"))
            driver.tell(rejected(child.order_id) if number < faults else accepted(child.order_id))

    return turn


def stopped_out(driver: RiskDriver) -> None:
    """An entry whose stop-loss is struck."""
    entry = driver.enter("buy", 1, stop_loss=90)
    stop = leg(entry, "stop_loss", 1, order=f"stop of {entry.order_id}", stop=90)
    driver.tell(stop)
    driver.tell(accepted(stop.order_id))
    child = driver.story.history[-2][0].event
    driver.fill(child, 1, 90)


CASES = [
    Case(
        "trading_enabled",
        buy(),
        buy(),
        turn=lambda driver: driver.tell(limits(trading_enabled=False)),
    ),
    Case("order_shape", buy(1), buy(1, notional=100), set_by=""),
    Case("order_shape", buy(1), buy(None), set_by=""),
    Case("order_shape", buy(1), buy(0), set_by=""),
    Case(
        "order_shape",
        buy(1, order_type="limit", limit_price=99),
        buy(1, order_type="limit"),
        set_by="",
    ),
    Case(
        "order_shape",
        buy(1, order_type="stop", stop_price=101),
        buy(1, order_type="market", stop_price=101),
        set_by="",
    ),
    Case("known_instrument", buy(), buy(instrument="SOLUSDT.PAPER"), set_by=""),
    Case(
        "known_instrument",
        buy(),
        buy(),
        turn=lambda driver: driver.tell(InstrumentDelisted(INSTRUMENT, "test", "story")),
        set_by="",
    ),
    Case(
        "reduce_only_without_position",
        sell(1, reduce_only=True),
        sell(1, reduce_only=True),
        measured=0,
        given=held(quantity=1),
        turn=lambda driver: driver.tell(filled("sell", 1, 100, id="out")),
        set_by="",
    ),
    Case(
        "exits_in_flight",
        sell(1, reduce_only=True),
        sell(1, reduce_only=True),
        limit=1,
        measured=1,
        given=held(quantity=1),
        turn=lambda driver: driver.approved("sell", 1, reduce_only=True),  # it is closing already
        set_by="",
    ),
    Case(
        "instruments_allowed",
        buy(),
        buy(instrument=OTHER),
        limits={"instruments_allowed": [INSTRUMENT]},
    ),
    Case(
        "markets_allowed",
        buy(),
        buy(instrument=OTHER),
        limits={"markets_allowed": ("spot",)},
        given=lambda driver: driver.tell(listed(OTHER, kind="perpetual", base="ETH")),
    ),
    Case(
        "quarantine",
        buy(),
        buy(),
        limit=2,
        measured=2,
        limits={"quarantine_stops": 2},
        given=stopped_out,
        turn=stopped_out,
    ),
    Case(
        "expired",
        buy(expires_at=START + 1),
        buy(expires_at=START),
        limit=START,
        measured=START,
        set_by="",
    ),
    Case(
        "signal_age_max",
        buy(claimed_at=START - SECOND),
        buy(claimed_at=START - SECOND - 1),
        limit=SECOND,
        measured=SECOND + 1,
        limits={"signal_age_max": SECOND},
    ),
    Case(
        "confidence_min",
        buy(confidence="0.6"),
        buy(confidence="0.59"),
        limit="0.6",
        measured="0.59",
        limits={"confidence_min": "0.6"},
    ),
    Case(
        "confidence_min",
        buy(confidence="0.6"),
        buy(),
        limit="0.6",
        limits={"confidence_min": "0.6"},
    ),
    Case(
        "known_price",
        buy(),
        buy(instrument="LTCUSDT.PAPER"),
        given=lambda driver: driver.tell(listed("LTCUSDT.PAPER", base="LTC")),
        set_by="",
    ),
    Case(
        "known_price",  # nothing says what the quote currency is worth
        buy(),
        buy(instrument="LTCEUR.PAPER"),
        given=lambda driver: driver.tell(
            listed("LTCEUR.PAPER", base="LTC", quote="EUR"), bar(100, instrument="LTCEUR.PAPER")
        ),
        set_by="",
    ),
    Case(
        "known_price",  # something else that counts has no rate
        buy(),
        buy(),
        limits={"leverage_max": 10},
        turn=lambda driver: driver.tell(deposit(1, "EUR")),
        set_by="",
    ),
    Case(
        "price_age_max",
        buy(),
        buy(),
        limit=30 * SECOND,
        measured=MINUTE,
        limits={"price_age_max": 30 * SECOND},
        turn=lambda driver: driver.price(100, OTHER, after=MINUTE),
    ),
    Case("bracket_side", buy(stop_loss=99), buy(stop_loss=100), limit=100, measured=100, set_by=""),
    Case(
        "bracket_side",
        sell(take_profit=99),
        sell(take_profit=100),
        limit=100,
        measured=100,
        set_by="",
    ),
    Case(
        "bracket_side",  # of a limit order its own price counts
        sell(order_type="limit", limit_price=110, stop_loss=111),
        sell(order_type="limit", limit_price=110, stop_loss=110),
        limit=110,
        measured=110,
        set_by="",
    ),
    Case(
        "order_notional_min",
        buy(1),
        buy("0.99"),
        limit=100,
        measured=99,
        limits={"order_notional_min": 100},
    ),
    Case(
        "order_notional_max",  # a quantity is valued, too
        buy(10),
        buy("10.01"),
        limit=1_000,
        measured=1_001,
        limits={"order_notional_max": 1_000},
    ),
    Case(
        "order_notional_max",
        buy(None, notional=1_000),
        buy(None, notional="1000.01"),
        limit=1_000,
        measured="1000.01",
        limits={"order_notional_max": 1_000},
    ),
    Case(
        "order_notional_max",  # a limit above the mark makes it worse
        buy(10, order_type="limit", limit_price=100),
        buy(10, order_type="limit", limit_price=101),
        limit=1_000,
        measured=1_010,
        limits={"order_notional_max": 1_000},
    ),
    Case(
        "order_notional_max",  # a limit below the mark makes it no better
        sell(10, order_type="limit", limit_price=50),
        sell(11, order_type="limit", limit_price=50),
        limit=1_000,
        measured=1_100,
        limits={"order_notional_max": 1_000},
    ),
    Case(
        "order_equity_share_max",
        buy(100),
        buy(101),
        limit="0.1",
        measured="0.101",
        limits={"order_equity_share_max": "0.1"},
    ),
    Case(
        "instrument_lock",
        buy(strategy="first"),
        buy(strategy="second"),
        limit=MINUTE,
        measured=0,
        limits={"instrument_lock": MINUTE},
        given=held(strategy="first"),
    ),
    Case(
        "strategy_allocation",
        buy(10),
        buy("10.1"),
        limit=1_000,
        measured=1_010,
        limits={"strategy_allocations": {"ext": exact(1_000)}},
    ),
    Case(
        "strategy_allocation",  # an allocation is used up, not one per order
        buy(1),
        buy(1),
        limit=1_000,
        measured=1_100,
        limits={"strategy_allocations": {"ext": exact(1_000)}},
        given=entries(9),
        turn=entries(1),
    ),
    Case(
        "strategy_allocation",  # none is nothing, not everything
        buy(),
        buy(strategy="nobody"),
        limit=0,
        measured=100,
        limits={"strategy_allocations": {"ext": exact(1_000)}},
    ),
    Case(
        "exposure_instrument_max",
        buy(4),
        buy("4.01"),
        limit=1_000,
        measured=1_001,
        limits={"exposure_instrument_max": 1_000},
        given=both(held(quantity=3), entries(3, instrument=INSTRUMENT)),
    ),
    Case(
        "exposure_instrument_max",  # a short of another strategy takes nothing away
        buy(4),
        buy(5),
        limit=1_000,
        measured=1_100,
        limits={"exposure_instrument_max": 1_000},
        given=held("sell", 6, strategy="bear"),
    ),
    Case(
        "exposure_strategy_max",
        buy(4),
        buy(5),
        limit=1_000,
        measured=1_100,
        limits={"exposure_strategy_max": 1_000},
        given=held("sell", 6, instrument=OTHER),
    ),
    Case(
        "exposure_venue_max",
        buy(4, strategy="second"),
        buy(5, strategy="second"),
        limit=1_000,
        measured=1_100,
        limits={"exposure_venue_max": 1_000},
        given=both(held(quantity=6, strategy="first"), held(quantity=6, instrument=OTHER)),
    ),
    Case(
        "exposure_gross_max",
        buy(4),
        buy(5),
        limit=1_000,
        measured=1_100,
        limits={"exposure_gross_max": 1_000},
        given=held("sell", 6, instrument=OTHER, strategy="bear"),
    ),
    Case(
        "exposure_net_max",
        buy(16),
        buy(17),
        limit=1_000,
        measured=1_100,
        limits={"exposure_net_max": 1_000},
        given=held("sell", 6, instrument=OTHER, strategy="bear"),
    ),
    Case(
        "exposure_net_max",  # a short that is only on its way is no hedge yet
        buy(10),
        buy(11),
        limit=1_000,
        measured=1_100,
        limits={"exposure_net_max": 1_000},
        given=entries(1, side="sell", quantity=6, instrument=OTHER, strategy="bear"),
    ),
    Case(
        "positions_max",
        buy(),
        buy(instrument=OTHER),
        limit=1,
        measured=2,
        limits={"positions_max": 1},
        given=entries(1),
    ),
    Case(
        "longs_max",
        sell(instrument=OTHER),
        buy(instrument=OTHER),
        limit=1,
        measured=2,
        limits={"longs_max": 1},
        given=held(),
    ),
    Case(
        "shorts_max",
        buy(instrument=OTHER),
        sell(instrument=OTHER),
        limit=1,
        measured=2,
        limits={"shorts_max": 1},
        given=held("sell"),
    ),
    Case(
        "orders_in_flight_max",
        buy(),
        buy(),
        limit=2,
        measured=3,
        limits={"orders_in_flight_max": 2},
        given=entries(1),
        turn=entries(1),
    ),
    Case(
        "leverage_max",
        buy(2_000),
        buy(2_001),
        limit=2,
        measured="2.001",
        limits={"leverage_max": 2},
    ),
    Case(
        "liability_max",  # what cash does not pay for is borrowed
        buy(1_010),
        buy(1_011),
        limit=1_000,
        measured=1_100,
        limits={"liability_max": 1_000},
    ),
    Case(
        "liability_max",  # and so is what is sold without being held
        sell(20),
        sell(21),
        limit=1_000,
        measured=1_100,
        limits={"liability_max": 1_000},
        given=held(quantity=10),
    ),
    Case(
        "margin_level_min",  # 100000 / (gross x 0.05)
        buy(10_000),
        buy(12_500),
        limit=2,
        measured="1.6",
        limits={"margin_level_min": 2},
    ),
    Case(
        "heat_max",  # 10 x 50 at risk of 100000
        buy(10, stop_loss=50),
        buy(11, stop_loss=50),
        limit="0.005",
        measured="0.0055",
        limits={"heat_max": "0.005"},
    ),
    Case(
        "heat_max",  # what is in flight is at risk already
        buy(5, stop_loss=50),
        buy(6, stop_loss=50),
        limit="0.005",
        measured="0.0055",
        limits={"heat_max": "0.005"},
        given=entries(1, quantity=5, stop_loss=50),
    ),
    Case(
        "heat_max",  # a stop covers 5 of 10 held; the rest is at risk for a hundredth
        buy(1, stop_loss=60),
        buy(1, stop_loss=59),
        limit="0.00095",
        measured="0.00096",
        limits={"heat_max": "0.00095"},
        given=lambda driver: driver.tell(
            leg(driver.enter("buy", 10), "stop_loss", 5, order="stop", stop=90)
        ),
    ),
    Case(
        "venue_errors_max",
        buy(),
        buy(),
        limit="0.5",
        measured="0.6",
        limits={"venue_errors_max": "0.5", "venue_errors_samples": 5},
        given=results(4, 2),
        turn=results(1, 1),
    ),
    Case(
        "order_gap_min",
        buy(),
        buy(),
        limit=MINUTE,
        measured=0,
        limits={"order_gap_min": MINUTE},
        given=both(entries(1), minutes(1)),
        turn=entries(1),
    ),
    Case(
        "entries_per_minute",
        buy(),
        buy(instrument=OTHER),
        limit=3,
        measured=4,
        limits={"entries_per_minute": 3},
        given=entries(2),
        turn=entries(1),
    ),
    Case(
        "entries_per_minute_instrument",
        buy(instrument=OTHER),
        buy(),
        limit=2,
        measured=3,
        limits={"entries_per_minute_instrument": 2},
        given=entries(2),
    ),
    Case(
        "notional_window_max",
        buy(4),
        buy(5),
        limit=1_000,
        measured=1_100,
        limits={"notional_window_max": 1_000},
        given=entries(6, instrument=OTHER),
    ),
    Case(
        "exits_per_minute",
        sell(),
        sell(),
        limit=2,
        measured=3,
        limits={"exits_per_minute": 2},
        given=both(held(), exits(1)),
        turn=exits(1),
    ),
]

# Rules about breakers and halts have stories of their own, in the files named so.
TOLD_ELSEWHERE = {
    "halted",
    "limits_set",
    "equity_floor",
    "drawdown_max",
    "daily_loss_max",
    "slippage_bps_max",
}


def desk_of(case: Case) -> RiskDriver:
    driver = RiskDriver()
    driver.tell(limits(**case.limits))
    case.given(driver)
    return driver


@pytest.mark.parametrize("case", CASES, ids=str)
def test_just_inside_the_limit_it_passes(case: Case) -> None:
    assert isinstance(desk_of(case).ask(case.inside), OrderApproved)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_just_outside_it_is_refused_with_both_numbers_and_who_set_the_limit(case: Case) -> None:
    driver = desk_of(case)
    case.turn(driver)
    answer = driver.ask(case.outside)
    assert isinstance(answer, SignalRefused), answer
    assert (answer.rule, answer.limit, answer.measured) == (
        case.rule,
        amount(case.limit),
        amount(case.measured),
    )
    assert answer.limit_set_by == (driver.state.limits_id if case.set_by else None)
    assert answer.reason


@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_a_restart_the_refusal_is_the_same(case: Case) -> None:
    driver = desk_of(case)
    case.turn(driver)
    again = driver.restarted()
    assert again.ask(case.outside) == driver.ask(case.outside)


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} | TOLD_ELSEWHERE == {rule.name for rule in RULES}


def test_every_rule_declares_its_unit_and_those_that_measure_have_one() -> None:
    measuring = {case.rule for case in CASES if (case.limit, case.measured) != (None, None)}
    for rule in RULES:
        assert rule.name in RULE_UNITS, rule.name
        assert RULE_UNITS[rule.name] or rule.name not in measuring, rule.name


def test_with_no_limits_nothing_trades() -> None:
    answer = RiskDriver().refused()
    assert (answer.rule, answer.limit_set_by) == ("limits_set", None)
    assert RiskDriver().restarted().refused().rule == "limits_set"


def test_limits_replace_the_whole_set_and_a_refusal_names_the_newest() -> None:
    driver = RiskDriver(limits(order_notional_max=100))
    assert driver.refused(quantity=2).rule == "order_notional_max"
    driver.tell(limits(order_notional_min=300))
    assert driver.refused(quantity=2).limit_set_by == driver.state.limits_id
    assert isinstance(driver.approved(quantity=4), OrderApproved)


def test_rules_are_asked_in_the_order_of_the_table() -> None:
    """A wish that breaks many rules is refused by the first; mended, by the next."""
    driver = RiskDriver()
    driver.tell(HaltRequested("test", "story"))
    bad: dict[str, Any] = {"confidence": "0.1", "expires_at": START, "claimed_at": 0}
    told = [driver.refused(quantity=0, **bad).rule]
    driver.tell(ResumeRequested("test", "story"))
    told.append(driver.refused(quantity=0, **bad).rule)
    rules: dict[str, Any] = {
        "instruments_allowed": [OTHER],
        "signal_age_max": SECOND,
        "confidence_min": "0.5",
        "order_notional_max": 1,
        "exposure_gross_max": 1,
        "leverage_max": "0.0001",
        "notional_window_max": 1,
    }
    mending: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"trading_enabled": False}, {}),
        ({"trading_enabled": True}, {}),
        ({}, {"quantity": 1}),
        ({"instruments_allowed": []}, {}),
        ({}, {"expires_at": None}),
        ({}, {"claimed_at": START}),
        ({}, {"confidence": 1}),
        ({"order_notional_max": None}, {}),
        ({"exposure_gross_max": None}, {}),
        ({"leverage_max": None}, {}),
    ]
    bad["quantity"] = 0
    for of_limits, of_wish in mending:
        rules |= of_limits
        bad |= of_wish
        driver.tell(limits(**rules))
        told.append(driver.refused(**bad).rule)
    assert told == [
        "halted",
        "limits_set",
        "trading_enabled",
        "order_shape",
        "instruments_allowed",
        "expired",
        "signal_age_max",
        "confidence_min",
        "order_notional_max",
        "exposure_gross_max",
        "leverage_max",
        "notional_window_max",
    ]
    order = [rule.name for rule in RULES]
    assert [order.index(name) for name in told] == sorted(order.index(name) for name in told)


# --- What leaves a position is not held up by rules about entering one ----------------------------

ENTRY_RULES = limits(
    instruments_allowed=[OTHER],
    markets_allowed=(),
    signal_age_max=SECOND,
    confidence_min="0.9",
    price_age_max=SECOND,
    order_notional_min=10_000,
    order_notional_max=1,
    strategy_allocations={"nobody": exact(1)},
    exposure_instrument_max=1,
    exposure_strategy_max=1,
    exposure_venue_max=1,
    exposure_gross_max=1,
    exposure_net_max=1,
    positions_max=0,
    longs_max=0,
    shorts_max=0,
    orders_in_flight_max=0,
    leverage_max="0.0000001",
    liability_max=0,
    margin_level_min=1_000_000,
    equity_floor=10_000_000,
    order_equity_share_max="0.0000001",
    heat_max=0,
    order_gap_min=HOUR,
    entries_per_minute=0,
    entries_per_minute_instrument=0,
    notional_window_max=0,
)


@pytest.mark.parametrize("reduce_only", [True, False])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_exit_passes_every_rule_about_entries(side: Any, reduce_only: bool) -> None:
    driver = RiskDriver(limits())
    driver.enter("sell" if side == "buy" else "buy", 10)
    driver.tell(bar(100, instrument=OTHER), after=HOUR)  # the price of what we hold is stale
    driver.tell(ENTRY_RULES)
    order = driver.approved(side, 10, reduce_only=reduce_only, claimed_at=0)
    assert order.reduce_only, "what passed as an exit must not become an entry"


@pytest.mark.parametrize(
    ("rule", "turn", "more"),
    [
        ("halted", lambda driver: driver.tell(HaltRequested("test", "story", "all")), {}),
        ("trading_enabled", lambda driver: driver.tell(limits(trading_enabled=False)), {}),
        (
            "known_instrument",
            lambda driver: driver.tell(InstrumentDelisted(INSTRUMENT, "test", "story")),
            {},
        ),
        ("expired", nothing, {"expires_at": START}),
        ("order_shape", nothing, {"notional": 100}),
    ],
)
def test_an_exit_is_bound_by(rule: str, turn: Turn, more: dict[str, Any]) -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 10)
    turn(driver)
    assert driver.refused("sell", 10, reduce_only=True, **more).rule == rule


def test_what_is_more_than_the_position_is_an_entry() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 10)
    driver.tell(HaltRequested("test", "story", "close_only"))
    assert driver.refused("sell", "10.1").rule == "halted"
    assert driver.approved("sell", 6).reduce_only
    assert driver.refused("sell", "4.1").rule == "halted", "6 of 10 are on their way out already"
    assert driver.approved("sell", 4).reduce_only


def test_a_reduce_only_wish_may_be_bigger_than_the_position_and_stays_as_it_was_wished() -> None:
    driver = RiskDriver(limits(exposure_gross_max=1_000))
    driver.enter("buy", 10)
    order = driver.approved("sell", 50, reduce_only=True)
    assert (order.quantity, order.reduce_only) == (exact(50), True)
    assert driver.exposure().sells.exits == 10, "fill never closes more than there is"


@pytest.mark.parametrize(
    "waiting",
    [
        {"order_type": "limit", "limit_price": 120},
        {"order_type": "stop", "stop_price": 90},
        {"order_type": "stop_limit", "stop_price": 90, "limit_price": 89},
    ],
    ids=["target", "stop", "stop limit"],
)
@pytest.mark.parametrize("scope", [None, "close_only"])
def test_an_exit_at_market_passes_beside_one_that_waits_for_its_price(
    waiting: dict[str, Any], scope: Any
) -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 1)
    driver.approved("sell", 1, reduce_only=True, **waiting)
    if scope:
        driver.tell(HaltRequested("test", "story", scope))
    assert driver.exposure().sells.protection == 1
    assert driver.approved("sell", 1).reduce_only, "an ordinary order that closes is an exit too"
    refused = driver.refused("sell", 1, reduce_only=True)
    assert refused.rule == "exits_in_flight"
    assert refused.limit == refused.measured == 1


def test_an_exit_within_reach_of_the_market_is_on_its_way() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 1)
    driver.approved("sell", 1, reduce_only=True, order_type="limit", limit_price=100)
    assert driver.refused("sell", 1, reduce_only=True).rule == "exits_in_flight"


def test_a_target_that_is_brought_to_the_market_is_on_its_way_and_back() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 2)
    order = driver.approved("sell", 2, reduce_only=True, order_type="limit", limit_price=120)
    (child,) = driver.route(order, 2)
    for price, waits in ((99, 0), (130, 2)):
        driver.tell(OrderReplaced(child.order_id, exact(2), exact(2), exact(price), None))
        sells = driver.exposure().sells
        assert sells.exits == 2 - waits
        assert sells.protection == waits
    driver.tell(OrderCancelled(child.order_id, exact(2), "requested", ""))
    assert (driver.exposure().sells, driver.state.orders) == (InFlight(), {})


def test_an_exit_by_notional_is_recognised_too() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 10)
    driver.tell(HaltRequested("test", "story", "close_only"))
    assert driver.approved("sell", None, notional=1_000).reduce_only
    assert driver.refused("sell", None, notional="1000.1").rule == "halted"


def test_another_strategys_position_is_nothing_to_exit_from() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 10, strategy="owner")
    assert driver.refused("sell", 1, reduce_only=True, strategy="other").rule == (
        "reduce_only_without_position"
    )


def test_an_exit_carries_no_bracket() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 10)
    order = driver.approved("sell", 10, stop_loss=110, take_profit=90)
    assert (order.stop_loss, order.take_profit) == (None, None)


def test_a_fee_in_a_currency_without_a_rate_shuts_rules_that_need_the_days_result() -> None:
    driver = RiskDriver(limits(daily_loss_max=100))
    driver.tell(FeeCharged("ext", INSTRUMENT, exact(1), "BNB", "test", "story"))
    assert driver.refused().rule == "known_price"


# --- The page ------------------------------------------------------------------------------------


def test_the_page_tells_the_rules_in_the_order_in_which_they_are_asked() -> None:
    rows = re.findall(r"^\| \d+ \| `(\w+)` \| (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [name for name, _ in rows] == [rule.name for rule in RULES]
    told = {
        Exits.FREE: "entries",
        Exits.BOUND: "entries, exits",
        Exits.IF_THEY_ADD: "entries, (exits)",
    }
    for (_, row), rule in zip(rows, RULES, strict=True):
        applies = row.split(" | ")[0]
        expected = "exits" if rule.name == "exits_per_minute" else told[rule.exits]
        assert applies == expected, rule.name
