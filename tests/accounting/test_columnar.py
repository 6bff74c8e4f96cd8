"""Many fills at once against one at a time: the same integers, whatever the fills are."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.columnar import positions as bulk
from deadreckon.accounting.columnar.positions import AlignedFills, apply_fills, one_by_one

FILLS = 200_000  # `--hypothesis-seed` and this number make the test as long as anybody wants


def rows(quantities: list[int], prices: list[int]) -> AlignedFills:
    return AlignedFills(numpy.array(quantities), numpy.array(prices))


def agree(positions: list[Position], starts: list[int], fills: AlignedFills) -> list[Position]:
    """The positions after the fills, which both ways agree on."""
    found = apply_fills(positions, starts, fills)
    stops = [*starts[1:], len(fills.quantities)]
    for position, start, stop, after in zip(positions, starts, stops, found, strict=True):
        assert after == one_by_one(position, fills.part(start, stop))
    return found


def random_fills(
    random: numpy.random.Generator, count: int, most: int, bought: float, dearest: int
) -> AlignedFills:
    sides = numpy.where(random.random(count) < bought, 1, -1)
    return AlignedFills(
        random.integers(1, most + 1, count) * sides, random.integers(1, dearest + 1, count)
    )


@pytest.mark.parametrize("most", [1, 7, 100, 10**6, 10**9, 10**15, 10**18])
@pytest.mark.parametrize("contract", [1, 7, 10**6])
def test_hundreds_of_thousands_of_random_fills_come_to_the_same_positions(
    most: int, contract: int
) -> None:
    """Small and huge quantities, positions that end again and again and positions that never do."""
    random = numpy.random.default_rng([most, contract])
    done = 0
    while done < FILLS // 21:
        lengths = random.integers(1, 800, 5)
        starts = [0, *numpy.cumsum(lengths)[:-1].tolist()]
        dearest = int(random.choice([3, 10**4, 10**9]))
        fills = random_fills(
            random, int(lengths.sum()), most, random.choice([0.5, 0.5, 0.7, 1.0]), dearest
        )
        before = [
            one_by_one(
                Position(contract=contract),
                random_fills(random, int(random.integers(0, 4)), most, 0.5, dearest),
            )
            for _ in lengths
        ]
        agree(before, starts, fills)
        done += len(fills.quantities)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(-9, 9).filter(bool) | st.integers(-(2**62), 2**62).filter(bool),
            st.integers(-3, 40) | st.integers(-(2**62), 2**62),
        ),
        min_size=bulk.WORTHWHILE,
        max_size=60,
    ),
    st.sampled_from([1, 3, 10**20]),
)
def test_no_amount_makes_columns_differ_from_single_fills(
    fills: list[tuple[int, int]], contract: int
) -> None:
    quantities, prices = zip(*fills, strict=True)
    agree([Position(contract=contract)], [0], rows(list(quantities), list(prices)))


def test_amounts_that_would_wrap_are_folded_in_integers_of_any_size() -> None:
    count = 100
    [position] = agree([Position()], [0], rows([10**9] * count, [10**12] * count))
    assert position.cost == count * 10**21 > 2**63
    [flat] = agree([position], [0], rows([-(10**9)] * count, [2 * 10**12] * count))
    assert (flat.cost, flat.realised) == (0, count * 10**21)


def test_a_turnover_beyond_int64_does_not_slow_down_what_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Notionals of a position that is closed again and again sum to more than int64 holds."""
    count = 4_000
    fills = rows([10**6, -(10**6)] * (count // 2), [10**10, 10**10 + 1] * (count // 2))
    alone = one_by_one(Position(), fills)
    monkeypatch.setattr(bulk, "one_by_one", None)
    assert apply_fills([Position()], [0], fills) == [alone]
    assert count * 10**16 > 2**63


def test_a_position_that_never_ends_is_found_from_its_last_fills(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bounds that meet tell the cost; the fills before are only summed up."""
    random = numpy.random.default_rng(5)
    count = 30_000
    quantities = numpy.where(numpy.arange(count) % 2, -1, 1) * random.integers(900, 1_000, count)
    quantities[0] = 5_000
    quantities[1::2] = -quantities[0::2]
    quantities[1] = -1
    fills = AlignedFills(quantities, random.integers(1, 10**6, count))
    alone = one_by_one(Position(), fills)
    followed = []
    steps = bulk._Reductions._steps

    def counted(self: bulk._Reductions, start: int) -> object:
        followed.append(len(self.held) - start)
        return steps(self, start)

    monkeypatch.setattr(bulk._Reductions, "_steps", counted)
    assert apply_fills([Position()], [0], fills) == [alone]
    assert sum(followed) < count / 20


def test_bounds_that_do_not_meet_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reductions too small to tell: then every one of them is followed from the beginning."""
    monkeypatch.setattr(bulk, "CONTRACTION", 1e-9)
    random = numpy.random.default_rng(6)
    fills = rows([10**6, *random.integers(-3, 4, 500).tolist()], [1_000] * 501)
    kept = fills.quantities != 0
    agree([Position()], [0], AlignedFills(fills.quantities[kept], fills.prices[kept]))


def test_half_units_round_to_even_in_columns_too() -> None:
    """Two bought for 5 cost 2.5 each: of the halves, every second goes up."""
    count = 40
    fills = rows([2 * count, *[-1] * count], [1, *[1] * count])
    odd = [Position(quantity=4 * count, cost=10 * count + offset) for offset in range(-3, 4)]
    for position in odd:
        agree([position], [0], AlignedFills(fills.quantities[1:], fills.prices[1:]))
    agree([Position()], [0], fills)
