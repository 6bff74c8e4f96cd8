"""What the portfolio announces: positions on fills, funding, and equity at its cadence."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import ClockTicked, TapeEnded
from deadreckon.contracts.portfolio import EquityMarked, FundingPaid, PositionChanged
from deadreckon.services.portfolio import decider
from tests.stories import (
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    START,
    Number,
    at,
    bar,
    currency_rate,
    deposit,
    exact,
    filled,
    funding_rate,
    late_fee,
    listed,
    marked,
    quote,
    reporting,
    trade,
    withdraw,
)
from tests.support.driver import DeciderDriver, expect

PERPETUAL = "BTCUSDT-PERP.PAPER"
GROUND = (listed(), listed(PERPETUAL, kind="perpetual", lot="1", contract="0.001"))


def changed(
    quantity: Number,
    cost: Number,
    average: Number,
    *,
    realised: Number = 0,
    fees: Number = 0,
    funding: Number = 0,
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    **other: Number,
) -> PositionChanged:
    return PositionChanged(
        strategy=strategy,
        venue="PAPER",
        instrument=instrument,
        quantity=exact(quantity),
        cost=exact(cost),
        average_price=exact(average),
        realised=exact(realised),
        fees=exact(fees),
        funding=exact(funding),
        currency="USDT",
        fees_other={currency: exact(fee) for currency, fee in other.items()},
    )


def paid(amount: Number, strategy: str = "ext", rate: Number = "0.0001") -> FundingPaid:
    return FundingPaid(strategy, "PAPER", PERPETUAL, exact(amount), "USDT", exact(rate))


def story(*events: Event, every: int = HOUR, start: int = START) -> DeciderDriver:
    """A book of 10,000 USDT, reporting, told these events at `start`."""
    told = DeciderDriver(decider, "portfolio", start)
    told.tell(*GROUND, reporting(every=every), deposit(10_000), *events)
    return told


def equities(events: list[Event]) -> list[str]:
    return [str(event.equity) for event in events if isinstance(event, EquityMarked)]


def last_mark(events: list[Event]) -> EquityMarked:
    mark = events[-1]
    assert isinstance(mark, EquityMarked)
    return mark


# Positions.


def test_a_fill_is_answered_by_the_position_after_it() -> None:
    expect(
        decider,
        given=[*GROUND, filled("buy", 1, 100, fee=1)],
        when=filled("buy", 3, 120, id="t2", fee=1),
        then=[changed(4, 460, 115, fees=2)],
    )


def test_a_closing_fill_says_what_was_realised_before_fees() -> None:
    expect(
        decider,
        given=[*GROUND, filled("sell", 2, 100, fee=1)],
        when=filled("buy", 2, 90, id="t2", fee="-0.5"),
        then=[changed(0, 0, 0, realised=20, fees="0.5")],
    )


def test_fees_in_other_currencies_stand_apart() -> None:
    expect(
        decider,
        given=[*GROUND, filled("buy", 1, 100, fee="0.001", fee_currency="BTC")],
        when=filled("buy", 1, 100, id="t2", fee="0.2", fee_currency="BNB"),
        then=[changed(2, 200, 100, BTC="0.001", BNB="0.2")],
    )


def test_a_repeated_fill_is_answered_by_silence() -> None:
    expect(decider, given=[*GROUND, filled("buy", 1, 100)], when=filled("buy", 1, 100), then=[])


def test_a_fill_tells_only_of_the_strategy_that_traded() -> None:
    expect(
        decider,
        given=[*GROUND, filled("buy", 1, 100)],
        when=filled("sell", 1, 100, id="t2", strategy="other"),
        then=[changed(-1, -100, 100, strategy="other")],
    )


def test_a_late_fee_changes_its_position() -> None:
    expect(
        decider,
        given=[*GROUND, filled("buy", 1, 100, fee=1)],
        when=late_fee(2),
        then=[changed(1, 100, 100, fees=3)],
    )


def test_a_late_fee_of_something_nobody_listed_changes_no_position() -> None:
    expect(decider, given=[*GROUND], when=late_fee(2, instrument="NOBODY.KNOWS"), then=[])


@pytest.mark.parametrize(("rate", "long", "short"), [("0.0001", -2, 1), ("-0.0001", 2, -1)])
def test_funding_is_paid_and_received_position_by_position(
    rate: str, long: int, short: int
) -> None:
    expect(
        decider,
        given=[
            *GROUND,
            filled("buy", 200_000, 100, instrument=PERPETUAL),
            filled("sell", 100_000, 100, id="t2", strategy="another", instrument=PERPETUAL),
            filled("buy", 1, 100, id="t3", strategy="flat", instrument=PERPETUAL),
            filled("sell", 1, 100, id="t4", strategy="flat", instrument=PERPETUAL),
        ],
        when=funding_rate(rate, 100, PERPETUAL),
        then=[
            paid(short, "another", rate),
            changed(
                -100_000, -10_000, 100, funding=short, strategy="another", instrument=PERPETUAL
            ),
            paid(long, "ext", rate),
            changed(200_000, 20_000, 100, funding=long, instrument=PERPETUAL),
        ],
    )


def test_spot_pays_no_funding() -> None:
    expect(
        decider,
        given=[*GROUND, filled("buy", 1, 100)],
        when=funding_rate("0.01", 100),
        then=[],
    )


# Equity.


def test_equity_is_marked_with_everything_it_is_made_of() -> None:
    told = story(
        filled("buy", 10, 100, fee=1), filled("sell", 1_000, 100, id="t2", instrument=PERPETUAL)
    )
    told.tell(bar(90, instrument=PERPETUAL), after=MINUTE)
    answers = told.tell(bar(110), after=HOUR)
    assert answers == [
        EquityMarked(
            currency="USDT",
            equity=Decimal(10_109),
            cash=Decimal(8_999),
            holdings=Decimal(1_100),
            unrealised_perpetual=Decimal(10),
            realised=Decimal(0),
            unrealised=Decimal(110),
            fees=Decimal(1),
            funding=Decimal(0),
            exposure_gross=Decimal(1_190),
            exposure_net=Decimal(1_010),
            peak=Decimal(10_109),
            drawdown=Decimal(0),
            cash_by_currency={"USDT": Decimal(8_999)},
            unpriced=[],
        )
    ]


def test_before_anyone_says_in_which_currency_nothing_is_marked() -> None:
    told = DeciderDriver(decider, "portfolio")
    told.tell(*GROUND, deposit(10_000))
    assert told.tell(bar(100), bar(100), after=DAY) == []


def test_equity_is_marked_once_per_boundary_at_the_first_event_at_or_after_it() -> None:
    told = story(start=START + MINUTE)
    assert told.tell(bar(), after=58 * MINUTE) == []
    assert len(told.tell(bar(), after=MINUTE)) == 1  # at 01:00
    assert told.tell(bar(instrument=PERPETUAL)) == []  # the same moment
    assert told.tell(bar(), after=59 * MINUTE) == []
    assert len(told.tell(bar(), after=2 * MINUTE)) == 1  # at 02:01
    assert told.tell(bar(), after=58 * MINUTE) == []
    assert len(told.tell(bar(), after=MINUTE)) == 1  # at 03:00


def test_skipped_boundaries_are_marked_once_together() -> None:
    told = story(start=START + MINUTE)
    assert len(told.tell(bar(), after=5 * HOUR)) == 1
    assert told.tell(bar(), after=MINUTE) == []


def test_a_boundary_at_the_moment_of_configuration_still_counts() -> None:
    told = story(start=START + HOUR)
    assert len(told.tell(bar())) == 1
    assert told.tell(reporting(), bar()) == []


def test_equity_is_marked_at_midnight_whatever_the_cadence() -> None:
    told = story(every=7 * DAY, start=START + HOUR)
    assert told.tell(bar(), after=22 * HOUR) == []
    assert len(told.tell(bar(), after=HOUR)) == 1


def test_a_cadence_of_nothing_marks_at_midnight_alone() -> None:
    told = story(every=0, start=START + HOUR)
    assert told.tell(bar(), after=22 * HOUR) == []
    assert len(told.tell(bar(), after=HOUR)) == 1


def test_equity_is_marked_where_the_tape_ends() -> None:
    told = story(bar(100), filled("buy", 10, 100), start=START + MINUTE)
    assert equities(told.tell(TapeEnded("tape", 1))) == ["10000"]


@pytest.mark.parametrize(
    "event",
    [
        bar(),
        quote(99, 101),
        trade(100),
        marked(100),
        funding_rate("0.0001", 100),
        currency_rate("EUR", 1),
        ClockTicked(),
    ],
)
def test_time_passes_with_market_and_clock_events(event: Event) -> None:
    assert len(story(start=START + MINUTE).tell(event, after=HOUR)) == 1


def test_what_operators_and_services_say_does_not_move_the_cadence() -> None:
    told = story(start=START + MINUTE)
    assert told.tell(deposit(1), listed(), after=HOUR) == []


def test_funding_at_a_boundary_is_in_the_equity_marked_with_it() -> None:
    told = story(
        filled("buy", 200_000, 100, instrument=PERPETUAL),
        bar(instrument=PERPETUAL),
        start=START + MINUTE,
    )
    answers = told.tell(funding_rate("0.0001", 100, PERPETUAL), after=HOUR)
    assert [type(answer).__name__ for answer in answers] == [
        "FundingPaid",
        "PositionChanged",
        "EquityMarked",
    ]
    assert equities(answers) == ["9998"]


def test_what_cannot_be_priced_is_named() -> None:
    told = story(filled("buy", 1, 100), deposit(5, "EUR"), start=START + MINUTE)
    mark = last_mark(told.tell(ClockTicked(), after=HOUR))
    assert mark.unpriced == [INSTRUMENT, "EUR"]
    assert str(mark.equity) == "9900"


# Peak and drawdown.


def test_drawdown_is_measured_from_the_highest_equity_marked() -> None:
    told = story(filled("buy", 10, 100), bar(200), start=START + MINUTE)
    told.tell(ClockTicked(), after=HOUR)
    mark = last_mark(told.tell(bar(100), after=HOUR))
    assert (str(mark.peak), str(mark.drawdown)) == ("11000", "0.090909091")
    mark = last_mark(told.tell(bar(300), after=HOUR))
    assert (str(mark.peak), str(mark.drawdown)) == ("12000", "0")


def test_a_withdrawal_is_no_loss_and_a_deposit_no_gain() -> None:
    told = story(filled("buy", 10, 100), bar(200), start=START + MINUTE)
    told.tell(ClockTicked(), after=HOUR)
    told.tell(withdraw(5_500), currency_rate("EUR", "1.1"), deposit(1_000, "EUR"))
    mark = last_mark(told.tell(bar(100), after=HOUR))
    assert (str(mark.peak), str(mark.equity)) == ("6600", "5600")


def test_another_reporting_currency_starts_another_peak() -> None:
    told = story(start=START + MINUTE)
    told.tell(ClockTicked(), after=HOUR)
    told.tell(reporting("EUR"), currency_rate("USDT", "0.5", "EUR"))
    mark = last_mark(told.tell(ClockTicked(), after=HOUR))
    assert (mark.currency, str(mark.peak), str(mark.drawdown)) == ("EUR", "5000", "0")


def test_a_book_without_money_has_no_drawdown() -> None:
    told = DeciderDriver(decider, "portfolio", START + MINUTE)
    told.tell(*GROUND, reporting())
    mark = last_mark(told.tell(ClockTicked(), after=HOUR))
    assert (str(mark.equity), str(mark.drawdown)) == ("0", "0")


# Restart, and stories that nobody wrote.

happenings = st.one_of(
    st.builds(
        filled,
        st.sampled_from(("buy", "sell")),
        st.integers(1, 50),
        st.integers(1, 300),
        id=st.integers(0, 12).map(str),
        strategy=st.sampled_from(("ext", "other")),
        instrument=st.sampled_from((INSTRUMENT, PERPETUAL)),
        fee=st.integers(-3, 3),
        fee_currency=st.sampled_from(("USDT", "BTC", "BNB")),
    ),
    st.builds(bar, st.integers(1, 300), instrument=st.sampled_from((INSTRUMENT, PERPETUAL))),
    st.builds(funding_rate, st.integers(-2, 2), st.integers(1, 300), st.just(PERPETUAL)),
    st.builds(deposit, st.integers(1, 500), st.sampled_from(("USDT", "EUR"))),
    st.builds(withdraw, st.integers(1, 500)),
    st.builds(currency_rate, st.sampled_from(("EUR", "BNB")), st.integers(0, 5)),
    st.builds(late_fee, st.integers(-3, 3)),
    st.builds(reporting, st.sampled_from(("USDT", "EUR")), st.sampled_from((HOUR, 0, DAY))),
)
days = st.lists(st.tuples(happenings, st.sampled_from((0, 1, MINUTE, 45 * MINUTE, 9 * HOUR))))


def tell(told: DeciderDriver, day: list[tuple[Event, int]]) -> list[Event]:
    return [answer for event, after in day for answer in told.tell(event, after=after)]


def snapshot(state: decider.State) -> bytes:
    return msgspec.json.encode(state, order="deterministic")


@given(days)
def test_a_restart_forgets_nothing(day: list[tuple[Event, int]]) -> None:
    told = story()
    tell(told, day)
    again = told.restarted(decider)
    assert again.state == told.state
    assert snapshot(again.state) == snapshot(told.state)


@given(days, st.integers(0, 20))
def test_a_restart_from_a_snapshot_goes_on_as_if_there_had_been_none(
    day: list[tuple[Event, int]], cut: int
) -> None:
    told = story()
    tell(told, day[:cut])
    again = told.restarted(decider)
    again.runner.state = msgspec.json.decode(snapshot(told.state), type=decider.State)
    assert tell(again, day[cut:]) == tell(told, day[cut:])
    assert snapshot(again.state) == snapshot(told.state)


@given(days, st.integers(0, 20))
def test_a_repeated_fill_changes_nothing_that_is_said_later(
    day: list[tuple[Event, int]], place: int
) -> None:
    fill = filled("buy", 7, 70, id="repeated")
    once, twice = story(fill), story(fill)
    tell(once, day)
    tell(twice, day[:place])
    assert twice.tell(at(fill, twice.now, id="again")) == []
    tell(twice, day[place:])
    assert once.state == twice.state


@given(days)
def test_the_equity_marked_is_the_sum_of_its_parts_and_never_above_the_peak(
    day: list[tuple[Event, int]],
) -> None:
    for answer in tell(story(), day):
        if isinstance(answer, EquityMarked):
            assert answer.equity == answer.cash + answer.holdings + answer.unrealised_perpetual
            assert answer.equity <= answer.peak
            assert answer.drawdown >= 0


def test_deciding_moves_nothing() -> None:
    told = story(filled("buy", 1, 100), bar(100))
    before = snapshot(told.state)
    for event in (filled("buy", 1, 100), bar(100), funding_rate("0.01", 100), late_fee(1)):
        decider.decide(told.state, at(event, START + DAY))
    assert snapshot(told.state) == before
