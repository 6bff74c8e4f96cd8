"""An invented market that behaves like one: regimes, clustered volatility, sessions, jumps, gaps.

Integers only, from the raw stream of PCG64 (which numpy promises never to change): the same seed
gives the same tape on any machine, whatever its maths library.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from pathlib import Path

from msgspec import Struct, structs

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY, parse_timestamp
from deadreckon.marketdata.tapes.tape import (
    Tape,
    TapeError,
    TapeHeader,
    checked_instrument,
    write_tape,
)

# Raise it when the same seed gives another market.
REVISION = 1

ONE = 10**9  # returns, shares and probabilities are integers of 1e-9
STEPS_PER_BAR = 8  # of the path from which high and low come
PRICE_UNITS_PER_TICK = 10**6  # the walk is finer than the tick, or small returns would vanish
BARS_MAX = 5_000_000

# A GARCH(1,1) of variances per bar: what a shock adds, what stays, and the rest from the regime.
ARCH, GARCH = 120, 850
THOUSAND = 1_000

# Quiet hours and loud ones (UTC), in thousandths: Asia, Europe from 7, America from 13.
_MORNING = (780, 760, 800, 780, 720, 700, 760, 900, 1020, 1000, 960, 980)
HOURS = (*_MORNING, 1100, 1350, 1500, 1450, 1350, 1200, 1080, 1000, 960, 900, 860, 820)


class Regime(Struct, frozen=True):
    """Phase of the market, per minute: how much it moves, where to, and how long it lasts."""

    name: str
    deviation: int  # 1e-9 of price, per minute
    drift: int  # 1e-9 of price, per minute
    minutes: int  # mean stay
    exits: tuple[tuple[str, int], ...]  # where to, in thousandths


REGIMES = {
    regime.name: regime
    for regime in (
        Regime("calm", 350_000, 0, 420, (("rally", 450), ("slide", 420), ("crash", 130))),
        Regime("rally", 600_000, 22_000, 180, (("calm", 700), ("slide", 260), ("crash", 40))),
        Regime("slide", 650_000, -24_000, 150, (("calm", 640), ("rally", 200), ("crash", 160))),
        Regime("crash", 1_900_000, -150_000, 25, (("calm", 350), ("rally", 450), ("slide", 200))),
    )
}

SHOCK_MOST = 8  # deviations that the next bar remembers; a jump alone must not set off a crash
JUMP_CHANCE = ONE // 1_100  # per bar
JUMP_LEAST, JUMP_MOST = 3_000_000, 16_000_000  # 0.3 % to 1.6 %
GAP_CHANCE = ONE // 1_300  # per bar that is there
GAP_BARS_MAX = 12


class Recipe(Struct, frozen=True, kw_only=True):
    """Everything an invented tape depends on; `start` is the open of the first bar, in ns UTC."""

    seed: int
    bars: int
    interval_seconds: int = 60
    start: int = 1_767_225_600 * NANOSECONDS  # 2026-01-01T00:00:00Z
    price: int = 60_000  # of the first open, in whole units of quote currency
    price_scale: int = 2
    quantity_scale: int = 5
    volume: int = 14  # of a calm bar of a minute, in whole units of base currency

    @staticmethod
    def of(
        seed: int, *, days: int, bars: int | None, interval: int, start: str, price: int
    ) -> Recipe:
        """Return the recipe an operator asks for; `days` counts if `bars` is not given."""
        if interval < 1 or price < 1 or seed < 0:
            raise TapeError("--interval and --price start at 1, --seed at 0")
        try:
            opens = parse_timestamp(start)
        except ValueError as error:
            raise TapeError(f"--start: {error}") from error
        count = days * DAY // (interval * NANOSECONDS) if bars is None else bars
        return Recipe(seed=seed, bars=count, interval_seconds=interval, start=opens, price=price)


class SyntheticBar(Struct, frozen=True):
    """A bar in the integers of the tape; `at` is its close."""

    at: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def synthesise(recipe: Recipe, instrument: str, output: Path) -> Tape:
    """Write the tape of a recipe: `recipe.bars` bars, some minutes missing between them."""
    if not 0 < recipe.bars <= BARS_MAX:
        raise TapeError(f"{recipe.bars} bars asked for; choose from 1 to {BARS_MAX:,}")
    bars = list(invent(recipe))
    columns = {
        name: [getattr(bar, name) for bar in bars] for name in SyntheticBar.__struct_fields__
    }
    header = TapeHeader(
        instrument=checked_instrument(instrument),
        kind="bars",
        interval_seconds=recipe.interval_seconds,
        stamp="close",
        volume_unit="base",
        price_scale=recipe.price_scale,
        quantity_scale=recipe.quantity_scale,
        source="synthetic",
        synthetic={"revision": REVISION, **structs.asdict(recipe)},
    )
    return write_tape(output, header, columns)


def invent(recipe: Recipe) -> Iterator[SyntheticBar]:
    """Yield the bars of a recipe, one after the other."""
    dice = Dice(recipe.seed)
    market = _Market(recipe, dice)
    slot = 0
    for _ in range(recipe.bars):
        yield market.bar(recipe.start + slot * recipe.interval_seconds * NANOSECONDS)
        slot += 1
        if dice.chance(GAP_CHANCE):
            missing = 1 + dice.below(GAP_BARS_MAX)
            market.drift_unseen(missing)
            slot += missing


class Dice:
    """Chance from raw 64-bit words, drawn in batches."""

    BATCH = 65_536

    def __init__(self, seed: int) -> None:
        from numpy.random import PCG64

        self._source = PCG64(seed)
        self._words: Iterator[int] = iter(())

    def word(self) -> int:
        """Draw a uniform 64-bit integer."""
        word = next(self._words, None)
        if word is None:
            self._words = iter(self._source.random_raw(self.BATCH).tolist())
            word = next(self._words)
        return word

    def below(self, limit: int) -> int:
        """Draw a uniform integer of 0..limit-1 (limit is small: the bias is below 1e-9)."""
        return (self.word() * limit) >> 64

    def chance(self, probability: int) -> bool:
        """Draw whether something of this probability (in 1e-9) happens."""
        return self.below(ONE) < probability

    def normal(self) -> int:
        """Draw a nearly normal integer, deviation 1e9: the sum of twelve 16-bit uniforms
        (Irwin-Hall)."""
        total = 0
        for _ in range(3):
            word = self.word()
            total += (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48)
        return (total - 6 * 0xFFFF) * ONE // 0x10000


class _Market:
    """Invented market: price, phase and volatility; every bar moves them on."""

    def __init__(self, recipe: Recipe, dice: Dice) -> None:
        self.recipe = recipe
        self.dice = dice
        self.regime = REGIMES["calm"]
        self.price: int = recipe.price * 10**recipe.price_scale * PRICE_UNITS_PER_TICK
        self.variance = self._resting_variance()

    def bar(self, start: int) -> SyntheticBar:
        """Generate the bar that opens at `start` (ns UTC)."""
        self._change_mood()
        hour = HOURS[start // (3_600 * NANOSECONDS) % 24]
        deviation = isqrt(self.variance)
        before = self.price
        path = self._path(deviation * hour // THOUSAND)
        shock = (self.price - before) * ONE // before * THOUSAND // hour
        shock = max(-SHOCK_MOST * deviation, min(SHOCK_MOST * deviation, shock))
        self._remember(shock)
        ticks = [price // PRICE_UNITS_PER_TICK for price in path]
        return SyntheticBar(
            at=start + self.recipe.interval_seconds * NANOSECONDS,
            open=ticks[0],
            high=max(ticks),
            low=min(ticks),
            close=ticks[-1],
            volume=self._volume(abs(shock) * THOUSAND // deviation, deviation, hour),
        )

    def drift_unseen(self, bars: int) -> None:
        """Move the market during a gap that nobody records."""
        for _ in range(bars):
            self._path(isqrt(self.variance))

    def _change_mood(self) -> None:
        stay = max(self.regime.minutes * 60 // self.recipe.interval_seconds, 1)
        if self.dice.below(stay):
            return
        draw = self.dice.below(THOUSAND)
        for name, share in self.regime.exits:
            if draw < share:
                self.regime = REGIMES[name]
                return
            draw -= share

    def _path(self, deviation: int) -> list[int]:
        """Generate prices from the open of a bar to its close; now and then the open jumps."""
        if self.dice.chance(JUMP_CHANCE):
            size = JUMP_LEAST + self.dice.below(JUMP_MOST - JUMP_LEAST)
            self._move(size if self.dice.below(2) else -size)
        path = [self.price]
        drift = self.regime.drift * self.recipe.interval_seconds // 60 // STEPS_PER_BAR
        step = deviation * ONE // isqrt(STEPS_PER_BAR * ONE * ONE)
        for _ in range(STEPS_PER_BAR):
            self._move(drift + step * self.dice.normal() // ONE)
            path.append(self.price)
        return path

    def _move(self, change: int) -> None:
        least = PRICE_UNITS_PER_TICK  # never below one tick
        self.price = max(self.price + self.price * change // ONE, least)

    def _resting_variance(self, mood: str | None = None) -> int:
        deviation = REGIMES[mood].deviation if mood else self.regime.deviation
        return deviation * deviation * self.recipe.interval_seconds // 60

    def _remember(self, shock: int) -> None:
        rest = self._resting_variance() * (THOUSAND - ARCH - GARCH)
        self.variance = (rest + shock * shock * ARCH + self.variance * GARCH) // THOUSAND

    def _volume(self, surprise: int, deviation: int, hour: int) -> int:
        """Generate a volume: greater with large moves, high volatility, and by day."""
        usual: int = self.recipe.volume * 10**self.recipe.quantity_scale
        usual = usual * self.recipe.interval_seconds // 60 * hour // THOUSAND
        calm = isqrt(self._resting_variance("calm"))
        nervous = isqrt(deviation * ONE // calm * ONE)
        crowd = 400 + surprise * 600 // THOUSAND + self.dice.below(500)
        whale = 2 + self.dice.below(6) if self.dice.below(60) == 0 else 1
        return usual * nervous // ONE * crowd * whale // THOUSAND
