"""Moving-average cross: the sign of the fast average less the slow one, in exact arithmetic."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.strategies.parameters import EntryParameters, parameter
from deadreckon.strategies.strategy import NO_DECISION, Decision, Explanation, Strategy

ONE = Decimal(1)
BARS_MAX = 20_000  # what a window may hold in memory


class MovingAverageParameters(EntryParameters, frozen=True):
    """Windows of the two averages, and how a cross is weighed."""

    fast: Annotated[int, parameter("bars", "less than `slow`", ge=1, le=BARS_MAX)] = 9
    slow: Annotated[int, parameter("bars", ge=1, le=BARS_MAX)] = 21
    confidence_scale: Annotated[
        Decimal, parameter("factor", "confidence = |fast - slow| / price x this", gt=ZERO)
    ] = Decimal(1_000)
    confidence_min: Annotated[
        Decimal, parameter("share", "a cross below it is not entered", ge=ZERO, le=ONE)
    ] = Decimal(0)
    exit: Annotated[Literal["cross", "bracket"], parameter("", "what closes a position")] = "cross"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fast >= self.slow:
            raise ValueError(f"fast: expected less than slow ({self.slow}), found {self.fast}")
        if self.exit == "bracket" and self.stop_loss_bps is None:
            raise ValueError("exit: bracket needs stop_loss_bps, or nothing would ever close")


class MovingAverageState(Struct):
    """The last closes (quote currency, oldest first), their two sums, and the side they are on.

    The sums are over `fast` and `slow` closes, or as many as there are yet. `side` is the last sign
    of fast less slow that was not zero (0 before the slow window is full); `crossed` says that the
    last bar turned it.
    """

    closes: list[Decimal] = []
    fast_sum: Decimal = ZERO
    slow_sum: Decimal = ZERO
    side: int = 0
    crossed: bool = False


class MovingAverageCross(Strategy[MovingAverageParameters, MovingAverageState]):
    """Enter when the averages cross; leave a position that is against their sign."""

    name = "moving_average_cross"
    version = "1"
    parameters = MovingAverageParameters
    state = MovingAverageState

    def initial(self, parameters: MovingAverageParameters) -> MovingAverageState:
        """Return the state before the first bar."""
        return MovingAverageState()

    def adapt(
        self, state: MovingAverageState, parameters: MovingAverageParameters
    ) -> MovingAverageState:
        """Keep the closes and compute both averages again; a change of windows is not a cross."""
        del state.closes[: -parameters.slow]
        state.fast_sum = _sum(state.closes[-parameters.fast :])
        state.slow_sum = _sum(state.closes)
        warm = len(state.closes) == parameters.slow
        state.side = _sign(_gap(state, parameters)) or (state.side if warm else 0)
        state.crossed = False
        return state

    def evolve(
        self,
        state: MovingAverageState,
        parameters: MovingAverageParameters,
        record: Recorded[Any],
    ) -> MovingAverageState:
        """Add a bar; each sum moves by what enters and what leaves its window."""
        closes = state.closes
        closes.append(record.event.close)
        state.fast_sum = _moved(state.fast_sum, closes, parameters.fast)
        state.slow_sum = _moved(state.slow_sum, closes, parameters.slow)
        del closes[: -parameters.slow]
        sign = _sign(_gap(state, parameters))
        state.crossed = sign * state.side < 0
        state.side = sign or state.side
        return state

    def decide(
        self, state: MovingAverageState, parameters: MovingAverageParameters, held: Decimal
    ) -> Decision:
        """Enter on a cross that is confident enough; leave what is against the averages."""
        if state.side == 0 or state.closes[-1] <= 0 or not (state.crossed or held):
            return NO_DECISION
        above = state.side > 0
        confidence = _confidence(state, parameters)
        enters = state.crossed and confidence >= parameters.confidence_min
        leaves = parameters.exit == "cross"
        return Decision(
            enter=("buy" if above else "sell") if enters else None,
            leave_long=leaves and not above,
            leave_short=leaves and above,
            confidence=confidence,
            features={
                "fast": ratio(state.fast_sum, Decimal(parameters.fast)),
                "slow": ratio(state.slow_sum, Decimal(parameters.slow)),
                "price": state.closes[-1],
            },
            model_id=f"{self.name}/{parameters.fast}/{parameters.slow}",
        )

    def explain(
        self, state: MovingAverageState, parameters: MovingAverageParameters
    ) -> Explanation:
        """Return both averages, and whether they have crossed."""
        no_entry = "too_unsure" if state.crossed else "no_cross"
        return Explanation(_no_view(state, parameters), no_entry, _figures(state, parameters))


def _no_view(state: MovingAverageState, parameters: MovingAverageParameters) -> str:
    if state.closes and state.closes[-1] <= 0:
        return "no_price"
    if state.side:
        return ""
    return "warming_up" if len(state.closes) < parameters.slow else "no_cross"


def _figures(state: MovingAverageState, parameters: MovingAverageParameters) -> dict[str, Decimal]:
    bars = len(state.closes)
    if bars < parameters.slow:
        return {"bars": Decimal(bars), "bars_needed": Decimal(parameters.slow)}
    fast = ratio(state.fast_sum, Decimal(parameters.fast))
    slow = ratio(state.slow_sum, Decimal(parameters.slow))
    figures = {"fast": fast, "slow": slow, "spread": canonical(EXACT.subtract(fast, slow))}
    if state.crossed and state.closes[-1] > 0:
        figures["confidence"] = _confidence(state, parameters)
        figures["confidence_min"] = parameters.confidence_min
    return figures


def _confidence(state: MovingAverageState, parameters: MovingAverageParameters) -> Decimal:
    """Return |fast - slow| / price x confidence_scale, at most 1, to 9 decimals."""
    scaled = EXACT.multiply(_gap(state, parameters).copy_abs(), parameters.confidence_scale)
    windows = Decimal(parameters.fast * parameters.slow)
    return min(ONE, ratio(scaled, EXACT.multiply(windows, state.closes[-1])))


def _moved(total: Decimal, closes: list[Decimal], window: int) -> Decimal:
    total = EXACT.add(total, closes[-1])
    return EXACT.subtract(total, closes[-window - 1]) if len(closes) > window else total


def _sum(closes: list[Decimal]) -> Decimal:
    total = ZERO
    for close in closes:
        total = EXACT.add(total, close)
    return total


def _gap(state: MovingAverageState, parameters: MovingAverageParameters) -> Decimal:
    """Return (fast average - slow average) x fast x slow, so without division; 0 in warm-up."""
    if len(state.closes) < parameters.slow:
        return ZERO
    fast = EXACT.multiply(state.fast_sum, Decimal(parameters.slow))
    return EXACT.subtract(fast, EXACT.multiply(state.slow_sum, Decimal(parameters.fast)))


def _sign(amount: Decimal) -> int:
    return (amount > 0) - (amount < 0)
