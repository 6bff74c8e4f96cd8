"""The invented market: the same on every machine, and worth trading on."""

from itertools import pairwise
from pathlib import Path
from statistics import correlation, fmean, pstdev
from typing import Any

import pytest

from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.marketdata.tapes.synthetic import Dice, Recipe, SyntheticBar, invent, synthesise
from deadreckon.marketdata.tapes.tape import TapeError, open_tape

DAYS = 4_320  # bars of a minute in three days


@pytest.fixture(scope="module")
def market() -> list[SyntheticBar]:
    return list(invent(Recipe(seed=7, bars=4 * DAYS)))


def moves(bars: list[SyntheticBar]) -> list[float]:
    return [after.close / before.close - 1 for before, after in pairwise(bars)]


def test_the_same_seed_gives_the_same_tape_on_any_machine(tmp_path: Path) -> None:
    tape = synthesise(Recipe(seed=7, bars=DAYS), "BTCUSDT.PAPER", tmp_path / "t.parquet")
    # Whoever changes this line raises REVISION and says so in the changelog.
    assert tape.digest == "9fa05273b965b93c441301ffc8f6e97274e26026d291b1d6e55edbf612bbe43c"


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    recipe = Recipe(seed=3, bars=500)
    first, second = (synthesise(recipe, "A.PAPER", tmp_path / name) for name in "ab")
    assert first.path.read_bytes() == second.path.read_bytes()
    other = synthesise(Recipe(seed=4, bars=500), "A.PAPER", tmp_path / "c")
    assert other.digest != first.digest


def test_a_longer_tape_begins_with_the_shorter() -> None:
    short, long = (list(invent(Recipe(seed=1, bars=bars))) for bars in (100, 300))
    assert long[:100] == short


def test_the_header_says_that_nobody_recorded_it(tmp_path: Path) -> None:
    start = parse_timestamp("2026-03-01T00:00:00Z")
    recipe = Recipe(seed=9, bars=60, interval_seconds=300, start=start)
    header = open_tape(synthesise(recipe, "X.PAPER", tmp_path / "t").path).header
    assert header.synthetic is not None
    assert (header.synthetic["seed"], header.synthetic["bars"]) == (9, 60)
    assert (header.rows, header.interval_seconds, header.volume_unit) == (60, 300, "base")
    assert header.first_at == parse_timestamp("2026-03-01T00:05:00Z")


def test_every_bar_is_sound(market: list[SyntheticBar]) -> None:
    for bar in market:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume > 0
    assert all(before.at < after.at for before, after in pairwise(market))


def test_some_minutes_are_missing(market: list[SyntheticBar]) -> None:
    gaps = [after.at - before.at for before, after in pairwise(market)]
    missing = [gap for gap in gaps if gap > 60 * 10**9]
    assert 3 <= len(missing) <= 40
    assert all(gap % (60 * 10**9) == 0 for gap in gaps)


def test_volatility_comes_in_clusters_and_moves_do_not(market: list[SyntheticBar]) -> None:
    sizes = [abs(move) for move in moves(market)]
    assert correlation(sizes[1:], sizes[:-1]) > 0.1
    assert correlation(sizes[30:], sizes[:-30]) > 0.03
    steps = moves(market)
    assert abs(correlation(steps[1:], steps[:-1])) < 0.1


def test_tails_are_fat_and_a_minute_moves_a_few_basis_points(market: list[SyntheticBar]) -> None:
    steps = moves(market)
    mean, deviation = fmean(steps), pstdev(steps)
    assert fmean(((step - mean) / deviation) ** 4 for step in steps) > 6
    assert 2e-4 < deviation < 2e-3


def test_volume_follows_the_moves(market: list[SyntheticBar]) -> None:
    traded = [bar.volume for bar in market[1:]]
    assert correlation([abs(move) for move in moves(market)], traded) > 0.3


def test_the_dice_are_fair_and_nearly_normal() -> None:
    dice = Dice(1)
    throws = [dice.normal() / 1e9 for _ in range(30_000)]
    assert abs(fmean(throws)) < 0.02
    assert abs(pstdev(throws) - 1) < 0.02
    assert {dice.below(6) for _ in range(1_000)} == set(range(6))
    assert 800 < sum(dice.chance(10**8) for _ in range(10_000)) < 1_200


@pytest.mark.parametrize(
    ("days", "bars", "interval", "count"),
    [(3, None, 60, DAYS), (1, None, 300, 288), (3, 17, 60, 17)],
)
def test_a_recipe_counts_its_bars(days: int, bars: int | None, interval: int, count: int) -> None:
    start = "2026-01-01T00:00:00Z"
    recipe = Recipe.of(1, days=days, bars=bars, interval=interval, start=start, price=100)
    assert recipe.bars == count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bars": 0}, "choose from 1 to"),
        ({"bars": 10**9}, "choose from 1 to"),
        ({"interval": 0}, "start at 1"),
        ({"seed": -1}, "start at 1"),
        ({"start": "tomorrow"}, "--start"),
    ],
)
def test_an_impossible_market_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    asked: dict[str, Any] = {"seed": 1, "days": 1, "bars": None, "interval": 60, "price": 1}
    asked |= {"start": "2026-01-01T00:00:00Z", **change}
    with pytest.raises(TapeError, match=message):
        synthesise(Recipe.of(**asked), "A.PAPER", tmp_path / "t")
