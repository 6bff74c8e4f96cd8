"""The exchange's market: a price for every second of event time, from seed and symbol alone.

Value noise in octaves: each octave has a height at every multiple of its period, taken from a hash,
and a straight line between them; the price is a base plus their sum. All of it is integers, so that
any machine at any time gets the same path, and within the shortest period the path is one straight
line, so that the first second at which it reaches a level can be searched instead of walked.
"""

import hashlib
from functools import lru_cache

# (period in seconds, height in basis points of the base). Every period divides the one before it.
# About 1 % a day and 0.1 % within minutes: enough for stops and limits of a test to be reached.
OCTAVES = ((86_400, 300), (3_600, 80), (300, 20), (20, 5))
BASE_TICKS_MIN = 100  # below it the deepest point of the path would not be a price

_HALF = 2**63  # heights are whole numbers in [-_HALF, _HALF)
# Sums are kept in parts of a tick so small that every line has whole numbers at whole seconds.
_UNIT = OCTAVES[0][0] * 10_000 * _HALF


class PricePath:
    """The prices of one symbol, in ticks; `base` is the tick around which they move."""

    def __init__(self, seed: str, symbol: str, base: int) -> None:
        if base < BASE_TICKS_MIN:
            raise ValueError(f"a base price of {BASE_TICKS_MIN} ticks or more, found {base}")
        self._name = f"{seed}|{symbol}"
        self._base = base
        heights = [base * basis_points * (_UNIT // 10_000) for _, basis_points in OCTAVES]
        # How far the octaves behind each one can still move the path, either way.
        self._beyond = [sum(heights[octave + 1 :]) for octave in range(len(OCTAVES))]
        self._reach = sum(heights)

    def price(self, second: int) -> int:
        """Return the price in ticks at a second (UTC, since 1970) of event time."""
        return self._base + self._sum(len(OCTAVES) - 1, second) // _UNIT

    def first_at_or_below(self, level: int, first: int, last: int) -> int | None:
        """Return the first second in [first, last] whose price is `level` ticks or less."""
        return self._search(1, (level - self._base + 1) * _UNIT - 1, first, last)

    def first_at_or_above(self, level: int, first: int, last: int) -> int | None:
        """Return the first second in [first, last] whose price is `level` ticks or more."""
        return self._search(-1, (self._base - level) * _UNIT, first, last)

    def _search(self, sign: int, bound: int, first: int, last: int) -> int | None:
        """Return the first second at which `sign` x path is `bound` or less."""
        if first > last or bound < -self._reach:
            return None
        return self._descend(0, sign, bound, first, last)

    def _descend(self, octave: int, sign: int, bound: int, first: int, last: int) -> int | None:
        period = OCTAVES[octave][0]
        low = first
        while low <= last:
            high = min(last, (low // period + 1) * period)
            found = self._within(octave, sign, bound, low, high)
            if found is not None:
                return found
            low = high if high > low else high + 1
            if high == last:
                return None
        return None

    def _within(self, octave: int, sign: int, bound: int, low: int, high: int) -> int | None:
        """Search as `_descend` does, for seconds between two neighbouring points of the octave: up
        to this octave the path is a straight line there, and the others can move it by no more than
        that."""
        ends = sign * self._sum(octave, low), sign * self._sum(octave, high)
        if min(ends) - self._beyond[octave] > bound:
            return None
        if octave + 1 < len(OCTAVES):
            return self._descend(octave + 1, sign, bound, low, high)
        if ends[0] <= bound:
            return low
        while high - low > 1:
            middle = (low + high) // 2
            if sign * self._sum(octave, middle) <= bound:
                high = middle
            else:
                low = middle
        return high

    def _sum(self, octave: int, second: int) -> int:
        """Return the octaves up to this one at a second, in parts of a tick (see _UNIT)."""
        total = 0
        for period, basis_points in OCTAVES[: octave + 1]:
            index, offset = divmod(second, period)
            left = _height(self._name, period, index) * basis_points
            right = _height(self._name, period, index + 1) * basis_points
            line = left * (period - offset) + right * offset
            total += line * (OCTAVES[0][0] // period)
        return total * self._base


@lru_cache(maxsize=65_536)
def _height(name: str, period: int, index: int) -> int:
    """Return the height of one point of one octave."""
    digest = hashlib.sha256(f"{name}|{period}|{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") - _HALF
