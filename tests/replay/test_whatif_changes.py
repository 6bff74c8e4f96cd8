"""What may be supposed: keys, values, rules and grids; what is refused names what is possible."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.inbound import read_fact, write_fact
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.replay.whatif.changes import VARIANTS_MAX, Variant, WhatIfError, variants
from deadreckon.replay.whatif.open_limits import (
    NOT_DISABLED,
    key_of_rule,
    limits_of_rules,
    open_value,
)
from deadreckon.replay.whatif.overlay import Overlay, checked
from deadreckon.services.risk.rules import RULES
from tests.stories import limits, strategy, venue


def supposed(*settings: str, disable: Sequence[str] = (), without: Sequence[str] = ()) -> Variant:
    (only,) = variants(settings, disable, without, ())
    return only


def test_every_rule_of_risk_can_be_opened_or_says_why_not() -> None:
    for rule in RULES:
        if rule.name in NOT_DISABLED:
            with pytest.raises(ValueError, match="no key of the limits belongs to it"):
                key_of_rule(rule.name)
        else:
            assert key_of_rule(rule.name) == rule.field


@pytest.mark.parametrize("key", sorted(set(limits_of_rules().values())))
def test_an_open_limit_passes_the_operators_door(key: str) -> None:
    opened = checked(Variant("x", limits={key: open_value(key)}), limits(order_notional_max=1))

    record = read_fact("x", write_fact("1", NAMES[LimitsSet], opened))[2]
    assert isinstance(record, LimitsSet)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("risk.foo=1", "risk has no 'foo'; it has trading_enabled, "),
        ("risk.order_notional_max", "give risk.LIMIT=VALUE"),
        ("limits.order_notional_max=1", "give risk.LIMIT=VALUE"),
        ("risk.PAPER.order_notional_max=1", "risk takes no name"),
        ("venue.taker_fee_rate=1", "venue takes the venue's name"),
        ("venue.PAPER.edge=venue-sim", "venue has no 'edge'"),
        ("risk.strategy_allocations={oops", "is not JSON"),
    ],
)
def test_an_unknown_key_is_refused_with_the_known_ones(text: str, why: str) -> None:
    with pytest.raises(WhatIfError, match=why):
        supposed(text)


def test_one_thing_cannot_be_supposed_twice_whatever_it_is_called() -> None:
    with pytest.raises(WhatIfError, match="order_notional_max: changed more than once"):
        supposed("risk.max_notional=1", "risk.order_notional_max=2")
    with pytest.raises(WhatIfError, match="drawdown_max: changed more than once"):
        supposed("risk.drawdown_max=0.1", disable=["drawdown_max"])


def test_a_grid_is_the_product_of_its_values_and_has_an_end() -> None:
    found = variants(["risk.drawdown_max=off"], [], [], ["risk.max_notional=1,2"])
    assert [one.limits for one in found] == [
        {"drawdown_max": None, "order_notional_max": "1"},
        {"drawdown_max": None, "order_notional_max": "2"},
    ]

    many = ",".join(str(number) for number in range(VARIANTS_MAX + 1))
    with pytest.raises(WhatIfError, match=f"{VARIANTS_MAX + 1} points; {VARIANTS_MAX} at most"):
        variants([], [], [], [f"risk.positions_max={many}"])


def test_what_is_not_supposed_of_a_fact_stays_as_it_was_said() -> None:
    before = limits(order_notional_max=1_000, drawdown_max="0.1")

    after = checked(supposed("risk.max_notional=500"), before)

    assert isinstance(after, LimitsSet)
    assert after.order_notional_max == 500
    assert after.drawdown_max == before.drawdown_max
    assert (after.actor, after.reason) == (
        "whatif",
        "what if risk.order_notional_max=500? It was: story (test)",
    )
    assert checked(supposed("risk.max_notional=1000"), before) is before
    assert checked(supposed("venue.PAPER.taker_fee=0.1"), before) is before


def test_a_parameter_goes_back_to_its_default() -> None:
    before = strategy(fast=2, slow=3, stop_loss_bps=500)

    after = checked(supposed(f"strategy.{before.strategy}.stop_loss_bps=off"), before)

    assert isinstance(after, StrategyConfigured)
    assert after.parameters == {"fast": "2", "slow": "3"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("strategy.cross.fst=1", "unknown field `fst`"),
        ("strategy.cross.fast=3", "expected less than slow"),
        ("strategy.cross.notional=-1", "positive"),
        ("strategy.cross.kind=magic", "none of moving_average_cross"),
    ],
)
def test_what_the_strategy_would_refuse_is_refused_at_once(text: str, why: str) -> None:
    with pytest.raises(WhatIfError, match=why):
        checked(supposed(text), strategy(fast=2, slow=3))


def test_signals_of_a_strategy_that_is_left_out_are_taken_from_their_batch() -> None:
    overlay = Overlay(supposed(without=["b"]))
    signal = '{"id":"%s","strategy":"%s","instrument":"X.Y","side":"buy","quantity":"1","at":"%s"}'
    one, other = (signal % (name, name, "2026-01-01T00:00:00Z") for name in "ab")

    assert overlay.signals("alice", f"[{one},{other},{{}}]".encode()) == f"[{one},{{}}]".encode()
    assert overlay.signals("alice", other.encode()) is None
    assert overlay.signals("alice", one.encode()) == one.encode()
    assert overlay.signals("alice", b"no signal") == b"no signal"
    assert overlay.left_out == 2


def test_every_venue_is_a_paper_venue_where_nothing_can_be_asked_of_it() -> None:
    overlay = Overlay(Variant("baseline"))

    assert overlay.opening("0", venue("PAPER")) is None
    record = overlay.opening("1", replace(venue("SIM"), edge="venue-sim"))

    assert record is not None
    event = read_fact("whatif", record)[2]
    assert isinstance(event, VenueConfigured)
    assert event.edge == ""
    assert [fact.fields for fact in overlay.overlaid] == [{"edge": ("venue-sim", "")}]
