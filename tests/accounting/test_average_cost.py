"""Average cost in exact integers: worked by hand, and against a naive oracle in fractions."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.accounting import average_cost
from deadreckon.accounting.average_cost import Position, apply_fill, apply_trade, flat
from deadreckon.contracts.fields import Side
from tests.stories import exact, listed

Trade = tuple[Side, str, str]  # side, quantity, price
Units = tuple[Side, int, int]  # the same in a position's units

SPOT = flat(listed(tick="0.01", lot="0.001"))
PERPETUAL = flat(listed(kind="perpetual", tick="0.5", lot="1", contract="0.001"))


def after(*trades: Trade, start: Position = SPOT) -> Position:
    for side, quantity, price in trades:
        start = apply_trade(start, side, exact(quantity), exact(price))
    return start


def figures(position: Position) -> tuple[str, str, str, str]:
    """Quantity, cost, average price and realised, as text."""
    return (
        str(average_cost.quantity(position)),
        str(average_cost.cost(position)),
        str(average_cost.average_price(position)),
        str(average_cost.realised(position)),
    )


def test_two_buys_average_their_cost() -> None:
    assert figures(after(("buy", "1", "100"), ("buy", "3", "120"))) == ("4", "460", "115", "0")


def test_a_partial_close_of_a_long_realises_against_the_average() -> None:
    position = after(("buy", "1", "100"), ("buy", "3", "120"), ("sell", "1", "130"))
    assert figures(position) == ("3", "345", "115", "15")


def test_a_closed_long_is_flat_at_no_cost_and_keeps_what_it_realised() -> None:
    position = after(("buy", "1", "100"), ("buy", "3", "120"), ("sell", "4", "110"))
    assert figures(position) == ("0", "0", "0", "-20")


def test_opening_a_short_realises_nothing() -> None:
    assert figures(after(("sell", "2", "100"))) == ("-2", "-200", "100", "0")


def test_a_short_gains_when_it_is_bought_back_lower() -> None:
    position = after(("sell", "2", "100"), ("sell", "2", "110"), ("buy", "1", "95"))
    assert figures(position) == ("-3", "-315", "105", "10")


def test_a_long_flips_through_zero_and_opens_short_at_the_price_of_the_fill() -> None:
    assert figures(after(("buy", "1", "100"), ("sell", "3", "90"))) == ("-2", "-180", "90", "-10")


def test_a_short_flips_through_zero_and_opens_long_at_the_price_of_the_fill() -> None:
    assert figures(after(("sell", "1", "100"), ("buy", "3", "90"))) == ("2", "180", "90", "10")


def test_an_indivisible_cost_is_rounded_half_even_and_the_remainder_stays() -> None:
    # Three units cost 100.00001; a third of it is 33.333336666..., released as 33.33334.
    position = after(("buy", "0.001", "33333.34"), ("buy", "0.002", "33333.335"))
    assert str(average_cost.cost(position)) == "100.00001"
    position = after(("sell", "0.001", "40000"), start=position)
    assert figures(position)[1] == "66.666673"
    assert figures(position)[3] == "6.666663"
    position = after(("sell", "0.002", "40000"), start=position)
    assert figures(position) == ("0", "0", "0", "19.99999")


def test_a_tie_goes_to_the_even_unit_for_longs_and_shorts_alike() -> None:
    long = Position(quantity=2, cost=5)
    assert apply_fill(long, "sell", 1, 0).cost == 3  # 2.5 releases 2
    short = Position(quantity=-2, cost=-5)
    assert apply_fill(short, "buy", 1, 0).cost == -3


def test_a_perpetual_counts_contracts_and_pays_by_contract_size() -> None:
    # 200 contracts of 0.001 BTC at 45,000: 0.2 BTC, 9,000.
    position = after(("sell", "200", "45000"), start=PERPETUAL)
    assert figures(position) == ("-200", "-9000", "45000", "0")
    assert average_cost.notional(position, Decimal("44000.5")) == Decimal("-8800.1")
    assert average_cost.unrealised(position, Decimal("44000.5")) == Decimal("199.9")
    assert figures(after(("buy", "50", "44000"), start=position)) == (
        "-150",
        "-6750",
        "45000",
        "50",
    )


def test_a_price_finer_than_the_tick_widens_the_scale_instead_of_being_rounded() -> None:
    position = after(("buy", "1", "100.01"), ("buy", "0.0005", "100.000001"))
    assert position.price_scale == 6
    assert position.quantity_scale == 4
    assert average_cost.cost(position) == Decimal("100.01") + Decimal("0.0500000005")
    assert average_cost.quantity(position) == Decimal("1.0005")


def test_widening_changes_no_figure() -> None:
    position = after(("buy", "3", "33.33"), ("sell", "1", "35.01"))
    wide = average_cost.widened(position, exact("0.00001"), exact("0.000000001"))
    assert figures(wide)[0:2] == figures(position)[0:2]
    assert figures(wide)[3] == figures(position)[3]
    assert average_cost.widened(position, exact("5.00"), exact("7")) is position


def test_longs_pay_funding_when_the_rate_is_positive_and_shorts_receive_it() -> None:
    long = after(("buy", "200", "45000"), start=PERPETUAL)
    short = after(("sell", "200", "45000"), start=PERPETUAL)
    mark, rate = Decimal("44000.5"), Decimal("0.0001")
    assert average_cost.funding(long, mark, rate) == Decimal("-0.88001")
    assert average_cost.funding(short, mark, rate) == Decimal("0.88001")
    assert average_cost.funding(long, mark, -rate) == Decimal("0.88001")
    assert average_cost.funding(PERPETUAL, mark, rate) == 0


def test_the_average_price_shows_four_digits_more_than_the_tick() -> None:
    position = after(("buy", "1", "100"), ("buy", "2", "100.01"))
    assert str(average_cost.average_price(position)) == "100.006667"


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_fill_of_nothing_or_less_is_a_bug(quantity: int) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        apply_fill(SPOT, "buy", quantity, 100)


# Properties. Small units make ties and remainders frequent.

sides: st.SearchStrategy[Side] = st.sampled_from(("buy", "sell"))
fills = st.tuples(sides, st.integers(1, 30), st.integers(1, 1_000))
stories = st.lists(fills, max_size=25)
contracts = st.sampled_from((1, 5, 1_000))


def folded(units: Iterable[Units], start: Position) -> Position:
    return reduce(lambda position, fill: apply_fill(position, *fill), units, start)


def signed(fill: Units) -> int:
    side, quantity, _ = fill
    return quantity if side == "buy" else -quantity


class Naive:
    """Average cost as one would say it, in fractions; with `rounds`, to the same whole units."""

    def __init__(self, contract: int, rounds: bool) -> None:
        self.contract, self.rounds = contract, rounds
        self.quantity, self.average = 0, Fraction(0)
        self.realised = Fraction(0)
        self.reductions = 0

    @property
    def cost(self) -> Fraction:
        return self.quantity * self.average

    def fill(self, side: Side, quantity: int, price: int) -> None:
        direction = 1 if side == "buy" else -1
        closing = min(quantity, abs(self.quantity)) if self.quantity * direction < 0 else 0
        if closing:
            self._close(closing, direction, price)
        if quantity > closing:
            self._open((quantity - closing) * direction, price)

    def _close(self, closing: int, direction: int, price: int) -> None:
        released: Fraction | int = -direction * closing * self.average
        if self.rounds:
            released = round(released)  # half to even
        left = self.cost - released
        self.quantity += direction * closing
        self.realised += -direction * closing * price * self.contract - released
        self.average = left / self.quantity if self.quantity else Fraction(0)
        self.reductions += 1

    def _open(self, opening: int, price: int) -> None:
        cost = self.cost + opening * price * self.contract
        self.quantity += opening
        self.average = cost / self.quantity


@given(stories, contracts)
def test_it_equals_the_naive_oracle_that_rounds_at_the_same_place(
    told: list[Units], contract: int
) -> None:
    position, naive = Position(contract=contract), Naive(contract, rounds=True)
    for fill in told:
        position = apply_fill(position, *fill)
        naive.fill(*fill)
        assert position.quantity == naive.quantity
        assert position.cost == naive.cost
        assert position.realised == naive.realised


@given(stories, contracts)
def test_it_stays_within_half_a_unit_per_reduction_of_exact_fractions(
    told: list[Units], contract: int
) -> None:
    position, naive = Position(contract=contract), Naive(contract, rounds=False)
    for fill in told:
        position = apply_fill(position, *fill)
        naive.fill(*fill)
        assert position.quantity == naive.quantity
        assert abs(position.cost - naive.cost) <= Fraction(naive.reductions, 2)
        assert abs(position.realised - naive.realised) <= Fraction(naive.reductions, 2)


@given(stories, contracts)
def test_at_every_place_the_cash_spent_is_the_cost_less_what_was_realised(
    told: list[Units], contract: int
) -> None:
    position, spent = Position(contract=contract), 0
    for fill in told:
        position = apply_fill(position, *fill)
        spent += signed(fill) * fill[2] * contract
        assert spent == position.cost - position.realised


@given(stories, contracts)
def test_a_flat_position_has_no_cost_and_has_realised_its_whole_cash_flow(
    told: list[Units], contract: int
) -> None:
    position = folded(told, Position(contract=contract))
    if position.quantity:
        side: Side = "sell" if position.quantity > 0 else "buy"
        told = [*told, (side, abs(position.quantity), 77)]
        position = apply_fill(position, *told[-1])
    assert (position.quantity, position.cost) == (0, 0)
    assert position.realised == -sum(signed(fill) * fill[2] * contract for fill in told)


@given(stories, contracts, st.integers(1, 500))
def test_unrealised_and_realised_make_up_the_value_of_all_fills_at_any_mark(
    told: list[Units], contract: int, mark: int
) -> None:
    position = folded(told, Position(contract=contract))
    gains = sum(signed(fill) * (mark - fill[2]) * contract for fill in told)
    assert average_cost.unrealised(position, Decimal(mark)) + position.realised == gains


def split(fill: Units, cuts: Sequence[int]) -> list[Units]:
    """The fill in parts that end at the cuts."""
    side, quantity, price = fill
    ends = sorted({cut for cut in cuts if cut < quantity} | {quantity})
    starts = [0, *ends[:-1]]
    return [(side, end - start, price) for start, end in zip(starts, ends, strict=True)]


@given(stories, fills, st.lists(st.integers(1, 29), max_size=6), contracts)
def test_splitting_a_fill_at_one_price_moves_its_cost_by_roundings_alone(
    told: list[Units], fill: Units, cuts: list[int], contract: int
) -> None:
    """Exact when it grows, closes or flips; a reduction in n parts rounds n times in place of once,
    each time by half a unit at most: never more than one unit per part.
    """
    before = folded(told, Position(contract=contract))
    parts = split(fill, cuts)
    whole, pieces = apply_fill(before, *fill), folded(parts, before)
    reduces = 0 < abs(whole.quantity) < abs(before.quantity)
    same_side = whole.quantity * before.quantity > 0
    allowed = (len(parts) + 1) // 2 if reduces and same_side and len(parts) > 1 else 0
    assert pieces.quantity == whole.quantity
    assert abs(pieces.cost - whole.cost) <= allowed
    assert pieces.realised - whole.realised == pieces.cost - whole.cost


@given(stories, st.integers(0, 3), st.integers(0, 3))
def test_wider_scales_tell_the_same_story_when_nothing_is_rounded(
    told: list[Units], quantity_digits: int, price_digits: int
) -> None:
    """Growing only: what rounds, rounds at the finer unit in the wider scale."""
    buys: list[Units] = [("buy", quantity, price) for _, quantity, price in told]
    finest = Decimal(1).scaleb(-quantity_digits), Decimal(1).scaleb(-price_digits)
    narrow = folded(buys, Position())
    wide = Position()
    for side, quantity, price in buys:
        wide = apply_trade(
            average_cost.widened(wide, *finest), side, Decimal(quantity), Decimal(price)
        )
    assert figures(wide)[:2] == figures(narrow)[:2]
    assert wide.value_scale == (quantity_digits + price_digits if buys else 0)
