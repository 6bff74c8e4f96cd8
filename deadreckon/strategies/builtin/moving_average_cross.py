"""Moving-average cross: the sign of the fast average less the slow one, in exact arithmetic."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, ratio
from deadreckon.strategies.parameters import MovingAverageParameters
from deadreckon.strategies.view import SILENT, Decision, Rationale

ONE = Decimal(1)


class MovingAverageState(Struct, tag=True):
    """The last closes (quote currency, oldest first), their two sums, and where they stand.

    The sums are over `fast` and `slow` closes of the settings, or as many as there are yet.
    `side` is the last sign of fast less slow that was not zero (0 before the slow window is
    full); `crossed` whether the last bar turned it.
    """

    settings: MovingAverageParameters
    closes: list[Decimal] = []
    fast_sum: Decimal = ZERO
    slow_sum: Decimal = ZERO
    side: int = 0
    crossed: bool = False


def configure(averages: MovingAverageState, settings: MovingAverageParameters) -> None:
    """Take the closes over into other windows; a change of windows is not a cross."""
    averages.settings = settings
    del averages.closes[: -settings.slow]
    averages.fast_sum = _sum(averages.closes[-settings.fast :])
    averages.slow_sum = _sum(averages.closes)
    warm = len(averages.closes) == settings.slow
    averages.side = _sign(_gap(averages)) or (averages.side if warm else 0)
    averages.crossed = False


def advance(averages: MovingAverageState, close: Decimal) -> None:
    """Add a bar; each sum moves by what enters and what leaves its window."""
    closes, settings = averages.closes, averages.settings
    closes.append(close)
    averages.fast_sum = _moved(averages.fast_sum, closes, settings.fast)
    averages.slow_sum = _moved(averages.slow_sum, closes, settings.slow)
    del closes[: -settings.slow]
    sign = _sign(_gap(averages))
    averages.crossed = sign * averages.side < 0
    averages.side = sign or averages.side


def stance(averages: MovingAverageState) -> Decision:
    """Enter on a cross that is confident enough; leave what stands against the averages."""
    if averages.side == 0 or averages.closes[-1] <= 0:
        return SILENT
    above, settings = averages.side > 0, averages.settings
    enters = averages.crossed and _confidence(averages) >= settings.confidence_min
    leaves = settings.exit == "cross"
    return Decision(
        enter=("buy" if above else "sell") if enters else None,
        leave_long=leaves and not above,
        leave_short=leaves and above,
    )


def grounds(averages: MovingAverageState) -> Rationale:
    """The two averages and the price that a signal of this bar rests on."""
    settings = averages.settings
    return Rationale(
        confidence=_confidence(averages),
        model_id=f"moving_average_cross/{settings.fast}/{settings.slow}",
        features={
            "fast": format(ratio(averages.fast_sum, Decimal(settings.fast)), "f"),
            "slow": format(ratio(averages.slow_sum, Decimal(settings.slow)), "f"),
            "price": format(averages.closes[-1], "f"),
        },
    )


def _confidence(averages: MovingAverageState) -> Decimal:
    """|fast - slow| / price x confidence_scale, at most 1, to 9 decimals."""
    settings = averages.settings
    scaled = EXACT.multiply(_gap(averages).copy_abs(), settings.confidence_scale)
    windows = Decimal(settings.fast * settings.slow)
    return min(ONE, ratio(scaled, EXACT.multiply(windows, averages.closes[-1])))


def _moved(total: Decimal, closes: list[Decimal], window: int) -> Decimal:
    total = EXACT.add(total, closes[-1])
    return EXACT.subtract(total, closes[-window - 1]) if len(closes) > window else total


def _sum(closes: list[Decimal]) -> Decimal:
    total = ZERO
    for close in closes:
        total = EXACT.add(total, close)
    return total


def _gap(averages: MovingAverageState) -> Decimal:
    """(fast average - slow average) x fast x slow, so that nothing is divided; 0 in warm-up."""
    settings = averages.settings
    if len(averages.closes) < settings.slow:
        return ZERO
    fast = EXACT.multiply(averages.fast_sum, Decimal(settings.slow))
    return EXACT.subtract(fast, EXACT.multiply(averages.slow_sum, Decimal(settings.fast)))


def _sign(amount: Decimal) -> int:
    return (amount > 0) - (amount < 0)
