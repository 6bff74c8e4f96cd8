"""Why not: warm-up, no cross, in position, halts, orders that wait, and who is not there at all."""

import asyncio
from functools import cache
from typing import Any

import pytest

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderApproved, OrderSubmitting
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.replay.whynot.document import window_document
from deadreckon.replay.whynot.grouping import OutcomeGroup
from deadreckon.replay.whynot.job import (
    UnknownInstrumentError,
    UnknownStrategyError,
    check_strategy,
    track_window,
)
from deadreckon.replay.whynot.page import page
from deadreckon.replay.whynot.tracker import Window, WindowTracker
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests.sessions.logs import facts_in, log_of, played
from tests.sessions.script import Script, later, minute, opening
from tests.stories import DAY, INSTRUMENT, MINUTE, START, bar, limits, strategy
from tests.support.verb_schemas import check_document

SLOW: Script = [
    *opening(limits(), strategy(fast=2, slow=4, cooldown_seconds=0)),
    *minute(bar(100), bar(99), bar(98), bar(97), bar(96)),
    *minute(bar(103), bar(104), bar(105)),
    *later(10 * MINUTE, bar(106)),
]


@cache
def log(name: str) -> tuple[Stored, ...]:
    return played(name, SLOW) if name == "slow" else log_of(name)


def facts(name: str, *shapes: type) -> list[Recorded[Any]]:
    return facts_in(log(name), *shapes)


def heard(name: str, first: int = 0, last: int = 24 * 60, **more: Any) -> WindowTracker:
    """What everybody made of the minutes from `first` to `last` of a session."""
    instrument = more.pop("instrument", INSTRUMENT)
    window = Window(instrument, START + first * MINUTE, START + last * MINUTE, **more)
    bus = MemoryBus(MemoryLog(list(log(name))))
    return asyncio.run(track_window(bus, window, lambda *_: None))


def of(tracker: WindowTracker, kind: str) -> list[OutcomeGroup]:
    return [group for group in tracker.groups if group.kind == kind]


def ends(group: OutcomeGroup, figure: str) -> tuple[str, str]:
    least, most = group.ranges[figure]
    return str(least), str(most)


def shown(tracker: WindowTracker) -> str:
    return "\n".join(line.text for line in page(tracker, 1_000))


def test_before_its_slow_window_is_full_a_strategy_has_too_few_bars() -> None:
    (group,) = of(heard("slow", 1, 3), "strategy")
    assert (group.who, group.outcome, group.count) == ("cross", "warming_up", 3)
    assert ends(group, "bars") == ("1", "3")
    assert ends(group, "bars_needed") == ("4", "4")
    assert "cross has too few bars yet; close 98 to 100, bars 1 to 3" in shown(heard("slow", 1, 3))


def test_then_there_is_no_cross_and_the_averages_stand_beside_it() -> None:
    (group,) = of(heard("slow", 4, 5), "strategy")
    assert (group.outcome, group.count) == ("no_cross", 2)
    assert ends(group, "spread") == ("-1", "-1")
    assert ends(group, "fast") == ("96.5", "97.5")


def test_then_it_enters_and_once_it_is_filled_it_holds() -> None:
    groups = of(heard("slow"), "strategy")
    # The bar after the entry fills it, and the strategy decides on that bar knowing so.
    expected = ["warming_up", "no_cross", "entry", "in_position"]
    assert [group.outcome for group in groups] == expected
    assert groups[-1].count == 3
    assert "held" in groups[-1].ranges


def test_groups_of_a_strategy_cover_every_bar_once() -> None:
    for name in ("slow", "moving_average"):
        bars = facts(name, BarClosed)
        assert sum(group.count for group in of(heard(name), "strategy")) == len(bars)


def test_a_wish_that_was_refused_is_told_with_its_rule_and_both_numbers() -> None:
    tracker = heard("moving_average", 4, 4)
    (refusal,) = [each for each in tracker.events if each.type == "SignalRefused"]
    assert "confidence_min" in refusal.text
    assert "limit 0.5, measured 0.165016502" in refusal.text
    (raised,) = [each for each in tracker.events if each.type == "SignalRaised"]
    (no,) = [rule for rule in raised.rules if rule.verdict == "refuses"]
    record = facts("moving_average", SignalRefused)[0].event
    assert (no.rule, no.limit, no.measured) == (record.rule, record.limit, record.measured)


@pytest.mark.parametrize("name", ["moving_average", "chance 1", "chance 3", "chance 7"])
def test_what_was_raised_in_a_window_is_told_and_weighed_as_it_was(name: str) -> None:
    instruments = {record.event.instrument for record in facts(name, BarClosed)}
    for instrument in sorted(instruments):
        tracker = heard(name, instrument=instrument)
        sent_signals = [
            record for record in facts(name, SignalRaised) if record.event.instrument == instrument
        ]
        by_id = {each.reference.id: each for each in tracker.events}
        approved = {record.cause for record in facts(name, OrderApproved)}
        for record in sent_signals:
            refuses = any(rule.verdict == "refuses" for rule in by_id[record.id].rules)
            assert refuses != (record.id in approved)


def test_an_order_that_waits_shows_its_price_and_how_far_the_market_stayed_away() -> None:
    groups = [one for one in of(heard("partial_fills"), "order") if "missing" in one.ranges]
    assert groups
    for group in groups:
        wanted = group.ranges["limit" if group.outcome == "limit_not_reached" else "stop"][0]
        reached = group.ranges["reached"]
        missing = group.ranges["missing"]
        assert missing == tuple(sorted(abs(price - wanted) for price in reached))
    orders = {record.event.order_id for record in facts("partial_fills", OrderSubmitting)}
    assert {group.who for group in groups} <= orders


def test_a_halt_in_force_would_refuse_any_entry_and_says_who_halted() -> None:
    tracker = heard("halt_all")
    halted = [group for group in of(tracker, "rule") if group.who == "halted"]
    assert halted
    assert halted[0].rests_on in tracker.references
    assert "rule halted would refuse any entry: the book is halted (all)" in shown(tracker)


def test_with_no_limits_nobody_could_have_traded() -> None:
    (group, *_) = of(heard("limits_changed", 1, 1), "rule")
    assert group.who in ("limits_set", "trading_enabled")


def test_where_nothing_is_configured_it_says_so_and_what_is() -> None:
    assert "no strategy is configured for it; configured: none" in shown(heard("close_only"))
    other = heard("slow", strategy="nobody")
    assert "no strategy nobody is configured for it; configured: cross on BTCUSDT.PAPER" in shown(
        other
    )
    assert not of(other, "strategy")


def test_an_instrument_that_the_log_never_named_is_refused_with_those_it_knows() -> None:
    with pytest.raises(UnknownInstrumentError, match=r"not name ETHUSDT\.PAPER by then"):
        heard("slow", instrument="ETHUSDT.PAPER")


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownInstrumentError, match=r"did you mean BTCUSDT\.PAPER\?"):
        heard("slow", instrument="BTCUSD.PAPER")
    check_strategy(heard("slow", strategy="cross"))
    with pytest.raises(UnknownStrategyError, match=r"strategy cros by then; did you mean cross\?"):
        check_strategy(heard("slow", strategy="cros"))


def test_missing_bars_are_a_gap() -> None:
    (gap,) = heard("slow", 1, 30).gaps
    assert gap.missing == 9
    assert gap.end - gap.start == 10 * MINUTE
    assert "9 bars are missing (10 min)" in shown(heard("slow", 1, 30))


def test_a_window_before_the_first_price_is_a_gap_and_one_after_the_end_is_empty() -> None:
    early = heard("slow", -24 * 60, 1)
    assert early.gaps[0].is_first
    late = heard("slow", DAY // MINUTE, 2 * DAY // MINUTE)
    assert not late.groups
    assert "the market had no price of it in this window" in shown(late)


def test_one_object_of_json_has_groups_gaps_and_events() -> None:
    document = window_document(heard("moving_average"))
    check_document("whynot", document)
    assert document.strategies == {"cross": "moving_average_cross"}
    assert {group.kind for group in document.groups} >= {"strategy", "order"}
    for group in document.groups:
        assert group.first.sequence <= group.last.sequence
        assert group.text
    assert [event.type for event in document.events].count("OrderFilled") == len(
        [each for each in heard("moving_average").events if each.type == "OrderFilled"]
    )
