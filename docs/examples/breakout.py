"""Buy a close above the highest of the last bars, sell one below their lowest."""

from decimal import Decimal
from typing import Annotated

from deadreckon.strategies import Decision, EntryParameters, Strategy, Struct, parameter


class BreakoutParameters(EntryParameters, frozen=True):
    bars: Annotated[int, parameter("bars", "to break out of", ge=2, le=1_000)] = 20


class BreakoutState(Struct):
    closes: list[Decimal] = []


class Breakout(Strategy):
    name, version = "breakout", "1"
    parameters, state = BreakoutParameters, BreakoutState

    def initial(self, parameters):
        return BreakoutState()

    def evolve(self, state, parameters, record):
        return BreakoutState([*state.closes, record.event.close][-parameters.bars - 1 :])

    def decide(self, state, parameters, held):
        *before, close = state.closes
        if len(before) < parameters.bars:
            return Decision()
        up, down = close > max(before), close < min(before)
        side = "buy" if up else "sell" if down else None
        return Decision(side, down, up, confidence=Decimal(1), features={"close": close})
