"""Operators are answered, damage halts the book, and what performs badly is stopped, once."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltImposed,
    LogDamaged,
    OperatorMalformed,
    OperatorRefused,
    ResumeRequested,
)
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.market import MarkUpdated
from deadreckon.services.governance import decider as governance
from deadreckon.services.governance import performance
from tests.stories import (
    INSTRUMENT,
    MINUTE,
    START,
    Number,
    at,
    bar,
    currency_rate,
    filled,
    limits,
    listed,
    reporting,
)
from tests.support.driver import DeciderDriver, expect

OTHER = "ETHBTC.PAPER"


class GovernanceDriver:
    """A story in which trades close with a wanted profit; every trade is of one unit."""

    def __init__(self, *setup: Event) -> None:
        self.story = DeciderDriver(governance, "governance")
        self.fills = 0
        self.story.tell(listed(), reporting(), *setup)

    def fill(self, side: Any, quantity: Number, price: Number, **more: Any) -> list[Event]:
        self.fills += 1
        return self.story.tell(filled(side, quantity, price, id=f"t{self.fills}", **more))

    def trade(self, profit: Number, strategy: str = "ext", **more: Any) -> list[Event]:
        """A long from 1,000 to 1,000 + profit; returns what the closing fill was answered with."""
        assert self.fill("buy", 1, 1_000, strategy=strategy, **more) == []
        return self.fill("sell", 1, 1_000 + Decimal(profit), strategy=strategy, **more)


def halted(answers: list[Event]) -> tuple[Any, ...]:
    """(rule, limit, measured) of the one halt that was answered."""
    (halt,) = answers
    assert isinstance(halt, HaltImposed)
    return halt.rule, halt.limit, halt.measured


# Operators and damage.


@pytest.mark.parametrize(
    "event",
    [
        FlattenRequested("ann", "end", "BTCUSD.PAPER"),
        InstrumentDelisted("BTCUSD.PAPER", "ann", "end"),
        MarkUpdated("BTCUSD.PAPER", Decimal(100)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_operator_who_names_no_instrument_is_refused(event: Event) -> None:
    story = DeciderDriver(governance, "governance")
    story.tell(listed())
    asked = replace(at(event, START), source="op.cli")
    reason = "BTCUSD.PAPER was never listed"
    refused = OperatorRefused("cli", "unknown_instrument", reason, "BTCUSD.PAPER")
    assert story.tell(asked) == [refused]
    assert story.tell(replace(asked, source="market")) == []


def test_what_was_listed_once_may_be_named_and_everything_without_a_name() -> None:
    story = DeciderDriver(governance, "governance")
    story.tell(listed(), InstrumentDelisted(INSTRUMENT, "ann", "end"))
    for name in (INSTRUMENT, None):
        asked = at(FlattenRequested("ann", "end", name), START)
        assert story.tell(replace(asked, source="op.cli")) == []


def test_what_an_operator_sent_unreadably_is_refused_with_the_reason() -> None:
    expect(
        governance,
        given=[],
        when=OperatorMalformed("ann", "unknown_field", "no field lever", '{"lever":1}'),
        then=[OperatorRefused("ann", "unknown_field", "no field lever", '{"lever":1}')],
    )


def test_a_damaged_log_halts_the_whole_book() -> None:
    expect(
        governance,
        given=[limits(performance_scope="close_only")],
        when=LogDamaged("log.desk.risk", "commit 3 follows commit 1"),
        then=[
            HaltImposed(
                scope="all",
                rule="log_damaged",
                limit=None,
                measured=None,
                limit_set_by=None,
                reason="log.desk.risk: commit 3 follows commit 1",
            )
        ],
    )


# Performance stops.


def test_without_a_minimum_nothing_is_ever_stopped() -> None:
    stops = GovernanceDriver(limits())
    assert [stops.trade(-500) for _ in range(5)] == [[]] * 5


def test_without_limits_nothing_is_stopped_but_trades_are_remembered() -> None:
    stops = GovernanceDriver()
    assert stops.trade(-5) == []
    stops.story.tell(limits(win_rate_min="0.5"))
    assert halted(stops.trade(-5))[2] == 0


def test_a_profit_factor_on_its_minimum_passes_and_just_below_it_halts() -> None:
    inside = GovernanceDriver(limits(profit_factor_min="1.5"))
    assert (inside.trade(3), inside.trade(-2)) == ([], [])

    outside = GovernanceDriver(limits(profit_factor_min="1.5"))
    outside.trade("2.99")
    assert halted(outside.trade(-2)) == ("profit_factor_min", Decimal("1.5"), Decimal("1.495"))


def test_a_win_rate_on_its_minimum_passes_and_just_below_it_halts() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    assert (stops.trade(1), stops.trade(-1), stops.trade(1)) == ([], [], [])
    assert stops.trade(-1) == []
    assert halted(stops.trade(-1)) == ("win_rate_min", Decimal("0.5"), Decimal("0.4"))


def test_a_sharpe_ratio_on_its_minimum_passes_and_just_below_it_halts() -> None:
    """Profits 3 and 9: mean 6, sample variance 18, so the square of the ratio is exactly 2."""
    inside = GovernanceDriver(limits(sharpe_min="1.414213562"))
    assert (inside.trade(3), inside.trade(9)) == ([], [])

    outside = GovernanceDriver(limits(sharpe_min="1.414213563"))
    outside.trade(3)
    answer = halted(outside.trade(9))
    assert answer == ("sharpe_min", Decimal("1.414213563"), Decimal("1.414213562"))


def test_trades_that_all_lost_the_same_fall_short_of_any_sharpe_ratio() -> None:
    stops = GovernanceDriver(limits(sharpe_min=0))
    stops.trade(-1)
    assert halted(stops.trade(-1)) == ("sharpe_min", 0, None)


def test_the_halt_says_what_it_forbids_and_who_set_the_minimum() -> None:
    stops = GovernanceDriver()
    stops.story.tell(limits(win_rate_min=1, performance_scope="all"))
    (halt,) = stops.trade(-1)
    assert isinstance(halt, HaltImposed)
    assert halt.scope == "all"
    assert halt.limit_set_by == "q3"  # listing, reporting, limits
    assert halt.reason == "ext: the last 1 closed trades fall short of win_rate_min"
    assert halt.until is None


def test_nothing_is_looked_at_before_enough_trades_have_closed() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5", performance_trades_min=3))
    assert (stops.trade(-1), stops.trade(-1)) == ([], [])
    assert halted(stops.trade(-1))[2] == 0


def test_only_the_latest_trades_count() -> None:
    stops = GovernanceDriver(
        limits(win_rate_min="0.5", performance_window=2, performance_trades_min=3)
    )
    for profit in (-1, -1, 1):
        assert stops.trade(profit) == []
    assert stops.trade(-1) == []
    assert halted(stops.trade(-1))[2] == 0


def test_every_strategy_answers_for_itself() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    stops.trade(1, "good")
    assert halted(stops.trade(-1, "bad"))[0] == "win_rate_min"


def test_fees_make_a_losing_trade_of_a_small_gain() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    assert halted(stops.trade("1.99", fee=1))[0] == "win_rate_min"
    assert GovernanceDriver(limits(win_rate_min="0.5")).trade("2.01", fee=1) == []


def test_a_partial_exit_closes_no_trade_and_counts_once_it_is_flat() -> None:
    stops = GovernanceDriver(limits(win_rate_min=1))
    stops.fill("buy", 2, 100)
    assert stops.fill("sell", 1, 90) == []
    assert stops.fill("sell", 1, 111) == []  # 1 in all
    assert stops.story.state.records["ext"].results == [Decimal(1)]


def test_a_fill_that_turns_a_position_closes_one_trade_and_opens_the_next_with_its_fee_share() -> (
    None
):
    stops = GovernanceDriver(limits(performance_trades_min=9, win_rate_min=1))
    stops.fill("buy", 1, 100, fee=1)
    stops.fill("sell", 4, 110, fee=4)  # closes 1 with a fee of 1, opens 3 with a fee of 3
    stops.fill("buy", 3, 100, fee=3)
    assert stops.story.state.records["ext"].results == [Decimal(8), Decimal(24)]


def test_a_repeated_fill_closes_nothing_twice() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5", performance_trades_min=2))
    stops.trade(-1)
    assert stops.story.tell(filled("sell", 1, 999, id="t2")) == []
    assert stops.story.state.records["ext"].closed == 1


def test_a_trade_is_worth_what_its_parts_were_worth_in_the_reporting_currency() -> None:
    stops = GovernanceDriver(
        listed(OTHER, base="ETH", quote="BTC"),
        currency_rate("BTC", 50_000),
        limits(win_rate_min=1, performance_trades_min=9),
    )
    stops.fill("buy", 1, "0.05", instrument=OTHER)
    stops.story.tell(currency_rate("BTC", 60_000))
    stops.fill("sell", 1, "0.06", instrument=OTHER, fee="0.001", fee_currency="BTC")
    assert stops.story.state.records["ext"].results == [Decimal(540)]


def test_a_trade_without_a_known_worth_halts_rather_than_pass_unseen() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    stops.fill("buy", 1, 100, fee="0.1", fee_currency="BNB")
    assert halted(stops.fill("sell", 1, 200)) == ("performance_unpriced", None, None)


def test_a_trade_without_a_known_worth_is_no_matter_where_no_minimum_is_set() -> None:
    stops = GovernanceDriver(limits())
    stops.fill("buy", 1, 100, fee="0.1", fee_currency="BNB")
    assert stops.fill("sell", 1, 200) == []


def test_a_halted_book_is_not_halted_again_until_somebody_resumes() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    assert len(stops.trade(-1)) == 1
    assert stops.trade(-1) == []
    stops.story.tell(ResumeRequested("ann", "again"))
    assert len(stops.trade(-1)) == 1


def test_resuming_with_counters_reset_forgets_the_trades_that_closed() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5", performance_trades_min=2))
    stops.trade(-1)
    assert len(stops.trade(-1)) == 1
    stops.story.tell(ResumeRequested("ann", "anew", reset_counters=True))
    assert stops.trade(-1) == []
    assert len(stops.trade(-1)) == 1


def test_another_rules_halt_is_none_of_ours() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5"))
    stops.story.tell(HaltImposed("all", "drawdown_max", None, None, None, "deep"))
    assert len(stops.trade(-1)) == 1


def test_after_a_restart_everything_is_as_it_was() -> None:
    stops = GovernanceDriver(limits(win_rate_min="0.5", performance_trades_min=3))
    stops.trade(-1)
    stops.trade(2, "other")
    stops.fill("buy", 1, 100, fee=1)
    stops.story.tell(bar(90), after=MINUTE)

    story = stops.story.restarted(governance)
    assert msgspec.json.encode(story.state) == msgspec.json.encode(stops.story.state)
    stops.story = story
    assert stops.fill("sell", 1, 100) == []
    assert halted(stops.trade(-1)) == ("win_rate_min", Decimal("0.5"), 0)
    again = stops.story.restarted(governance)
    assert again.state.halted
    assert msgspec.json.encode(again.state) == msgspec.json.encode(stops.story.state)


def test_a_month_of_trades_is_remembered_as_its_window() -> None:
    stops = GovernanceDriver(limits(performance_window=5))
    for _ in range(300):
        stops.trade(1)
    record = stops.story.state.records["ext"]
    assert (record.closed, len(record.results)) == (300, 5)


# The measures against a naive definition.

profits = st.lists(st.integers(-50, 50).map(Decimal), min_size=2, max_size=12)


@given(profits, st.integers(0, 300).map(lambda n: Decimal(n) / 100))
def test_the_comparison_is_exactly_that_of_the_definition(
    results: list[Decimal], least: Decimal
) -> None:
    won = sum(result for result in results if result > 0)
    lost = -sum(result for result in results if result < 0)
    assert performance.profit_factor(results, least)[0] == (lost > 0 and won < least * lost)
    wins = sum(result > 0 for result in results)
    assert performance.win_rate(results, least)[0] == (wins < least * len(results))


@given(profits, st.integers(-300, 300).map(lambda n: Decimal(n) / 100))
def test_the_sharpe_ratio_is_compared_as_if_its_root_were_exact(
    results: list[Decimal], least: Decimal
) -> None:
    count = len(results)
    mean = Fraction(sum(results)) / count
    variance = sum((Fraction(r) - mean) ** 2 for r in results) / (count - 1)
    falls_short, measured = performance.sharpe(results, least)
    if not variance:
        assert falls_short == (mean < 0 or (mean == 0 and least > 0))
        return
    wanted = Fraction(least)
    signed = mean * abs(mean) - wanted * abs(wanted) * variance
    assert falls_short == (signed < 0)
    assert measured is not None
    off = abs(float(measured) - float(mean) / float(variance) ** 0.5)
    assert off == pytest.approx(0, abs=1e-8)
