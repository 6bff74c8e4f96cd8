"""Features of a bar for a regime model: three exact figures, shared by trainer and strategy."""

from decimal import Context, Decimal
from math import isqrt
from operator import mul

from msgspec import Struct

from deadreckon.contracts.amounts import divide_half_even

SCALE = 1_000_000_000  # features, probabilities and parameters are integers of 1e-9
VOLATILITY_BARS = 20
DRIFT_BARS = 30

# In the order of a vector. Changing what one of them means needs another name here: a recorded
# model is used only with the features it was fitted on.
NAMES = ["return", "volatility_20", "drift_30"]

# Decimal's ln is rounded correctly on every machine; a float's log may differ in its last bit.
_LOGARITHM = Context(prec=20)
_FINER = 1_000_000


class FeatureWindow(Struct):
    """Part of the past that the next bar's features need.

    `close` is the last close (quote currency), null before the first bar; `returns` the log
    returns of the last DRIFT_BARS bars, oldest first.
    """

    close: Decimal | None = None
    returns: list[int] = []


def advance(tail: FeatureWindow, close: Decimal) -> list[int] | None:
    """Add a bar; return its features, or null as long as there are too few bars.

    A close that is not positive has no logarithm: it starts the tail anew.
    """
    before, tail.close = tail.close, close if close > 0 else None
    if before is None or tail.close is None:
        tail.returns = []
        return None
    tail.returns.append(log_return(before, close))
    if len(tail.returns) < DRIFT_BARS:
        return None
    del tail.returns[:-DRIFT_BARS]
    squares = list(map(mul, tail.returns, tail.returns))
    return [tail.returns[-1], _volatility(squares), _drift(sum(tail.returns), sum(squares))]


def log_return(before: Decimal, close: Decimal) -> int:
    """Return ln(close / before) in 1e-9; both must be positive."""
    logarithm = _LOGARITHM.ln(_LOGARITHM.divide(close, before))
    return int(logarithm.scaleb(9, _LOGARITHM).to_integral_value(context=_LOGARITHM))


def _volatility(squares: list[int]) -> int:
    """Return the root mean square of the last VOLATILITY_BARS returns."""
    return isqrt(sum(squares[-VOLATILITY_BARS:]) // VOLATILITY_BARS)


def _drift(move: int, squares: int) -> int:
    """Return the move over DRIFT_BARS in units of its own noise: about +-1 in a random walk."""
    # The root in 1e-15, or a calm market would leave it too few digits to divide by.
    noise = isqrt(squares * _FINER**2)
    return divide_half_even(move * SCALE * _FINER, noise) if noise else 0
