"""The path of the exchange: the same in any order asked, and searched as if it were walked."""

from hypothesis import given
from hypothesis import strategies as st

from deadreckon.venues.simulated.exchange.market import PricePath

START = 1_640_995_200
SECONDS = st.integers(START - 200_000, START + 200_000)


@given(st.text(max_size=8), st.integers(100, 10**9), st.lists(SECONDS, min_size=2, max_size=20))
def test_a_price_does_not_depend_on_what_was_asked_before(
    seed: str, base: int, seconds: list[int]
) -> None:
    forwards = PricePath(seed, "BTCUSD", base)
    backwards = PricePath(seed, "BTCUSD", base)
    prices = {second: forwards.price(second) for second in seconds}
    assert {second: backwards.price(second) for second in reversed(seconds)} == prices
    assert all(price > 0 for price in prices.values())


@given(
    seed=st.integers(0, 50),
    base=st.integers(100, 10**6),
    first=SECONDS,
    length=st.integers(0, 900),
    height=st.integers(-120, 120),
)
def test_the_search_for_a_level_finds_the_second_that_a_walk_finds(
    seed: int, base: int, first: int, length: int, height: int
) -> None:
    path = PricePath(str(seed), "BTCUSD", base)
    last = first + length
    level = path.price(first) + base * height // 100_000
    walked = [(second, path.price(second)) for second in range(first, last + 1)]
    below = next((second for second, price in walked if price <= level), None)
    above = next((second for second, price in walked if price >= level), None)
    assert path.first_at_or_below(level, first, last) == below
    assert path.first_at_or_above(level, first, last) == above


def test_a_search_over_years_is_no_walk() -> None:
    path = PricePath("7", "BTCUSD", 94_000)
    lowest = min(path.price(second) for second in range(START, START + 10 * 86_400, 3_600))
    found = path.first_at_or_below(lowest, START, START + 10 * 86_400)
    assert found is not None
    assert path.price(found) <= lowest < path.price(found - 1)
    assert path.first_at_or_above(94_000 * 2, START, START + 3_000 * 86_400) is None


def test_symbols_and_seeds_have_paths_of_their_own() -> None:
    def line(seed: str, symbol: str) -> list[int]:
        return [PricePath(seed, symbol, 94_000).price(START + hour * 3_600) for hour in range(24)]

    lines = [line("1", "BTCUSD"), line("2", "BTCUSD"), line("1", "ETHUSD")]
    assert len({tuple(line) for line in lines}) == 3


def test_the_path_is_the_same_on_every_machine() -> None:
    path = PricePath("7", "BTCUSD", 94_000)
    assert [path.price(START + second) for second in (0, 1, 60, 3_600, 86_400)] == [
        95_963, 95_962, 95_969, 95_254, 91_872,
    ]  # fmt: skip
