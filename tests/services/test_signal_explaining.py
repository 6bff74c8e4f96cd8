"""What a strategy is said to have made of a bar is what it did, whatever the market does."""

from random import Random
from typing import Any

import pytest

from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.signal import decider as signal
from deadreckon.services.signal.entries import signals_at
from deadreckon.services.signal.explaining import BarExplanation, explain
from tests.stories import HOUR, MINUTE, Number, at, bar, exact, filled, strategy
from tests.strategies.test_hmm_regime import fitted
from tests.support.driver import DeciderDriver

CROSS: list[dict[str, Any]] = [
    {"fast": 2, "slow": 4, "cooldown_seconds": 180},
    {"fast": 2, "slow": 4, "cooldown_seconds": 0, "long_only": "true"},
    {"fast": 2, "slow": 5, "cooldown_seconds": 60, "confidence_min": "0.9", "reverse": "false"},
    {"fast": 1, "slow": 2, "exit": "bracket", "stop_loss_bps": 40, "exit_retry_seconds": 600},
]
REGIME: list[dict[str, Any]] = [
    {"enter": "0.7", "leave": "0.4", "cooldown_seconds": 120},
    {"enter": "0.6", "leave": "0.5", "cooldown_seconds": 0, "long_only": "true"},
]


class Market:
    """A strategy in a market that wanders; most of what it wishes is filled, and some is not."""

    def __init__(self, name: str, seed: int, *settings: Any) -> None:
        self.name = name
        self.random = Random(seed)
        self.story = DeciderDriver(signal, "signal")
        self.story.tell(*settings)
        self.price = exact(10_000)
        self.trades = 0

    def next(self) -> BarExplanation | None:
        """One more bar; what is said of it is held against what was done."""
        self.price += self.random.randrange(-40, 41)
        self.story.now += MINUTE
        record = at(bar(self.price), self.story.now, id=f"bar {self.story.now}")
        state = signal.evolve(self.story.state, record)
        follower = state.strategies[self.name]
        sent_signals = list(signals_at(self.name, follower, record))
        heard = explain(follower, record)
        assert heard is not None
        assert (
            heard.outcome
            in EXPECTED[tuple(trade_signal.reduce_only for trade_signal in sent_signals)]
        ), heard
        for trade_signal in sent_signals:
            self._answer(trade_signal)
        return heard

    def _answer(self, trade_signal: SignalRaised) -> None:
        self.story.tell(trade_signal)
        if self.random.random() < 0.8:
            self.trades += 1
            quantity: Number = trade_signal.quantity or 1
            self.story.tell(
                filled(
                    trade_signal.side,
                    quantity,
                    self.price,
                    id=f"t{self.trades}",
                    strategy=self.name,
                )
            )


SILENT = {
    "off", "faulty", "other_bars", "warming_up", "no_model", "new_model", "no_price", "no_cross",
    "too_unsure", "in_position", "exit_underway", "no_reverse", "long_only", "cooldown",
}  # fmt: skip
EXPECTED: dict[tuple[bool, ...], set[str]] = {
    (): SILENT,
    (True,): {"exit"},
    (False,): {"entry"},
    (True, False): {"exit_and_entry"},
}


@pytest.mark.parametrize("parameters", CROSS, ids=str)
def test_a_moving_average_cross_is_explained_as_it_decided(parameters: dict[str, Any]) -> None:
    outcomes = set()
    for seed in range(4):
        market = Market("cross", seed, strategy(**parameters))
        outcomes |= {heard.outcome for _ in range(200) if (heard := market.next())}
    assert {"entry", "warming_up", "in_position"} <= outcomes


@pytest.mark.parametrize("parameters", REGIME, ids=str)
def test_a_regime_is_explained_as_it_decided(parameters: dict[str, Any]) -> None:
    outcomes = set()
    for seed in range(3):
        configured = strategy("hmm_regime", name="regime", **parameters)
        market = Market("regime", seed, configured)
        outcomes |= {heard.outcome for _ in range(40) if (heard := market.next())}
        market.story.tell(fitted())
        outcomes |= {heard.outcome for _ in range(150) if (heard := market.next())}
    assert {"no_model", "too_unsure", "entry", "in_position"} <= outcomes


def test_a_warm_up_counts_its_bars_and_a_strategy_that_is_off_says_so() -> None:
    market = Market("cross", 1, strategy(fast=2, slow=4))
    heard = [market.next() for _ in range(3)]
    assert [one.figures["bars"] for one in heard if one] == [1, 2, 3]
    assert {one.outcome for one in heard if one} == {"warming_up"}
    market.story.tell(strategy(fast=2, slow=4, enabled=False))
    off = market.next()
    assert off is not None
    assert off.outcome == "off"


def test_bars_of_another_length_are_not_looked_at() -> None:
    told = DeciderDriver(signal, "signal")
    told.tell(strategy(fast=2, slow=4, bar_seconds=60))
    record = at(bar(100, interval=HOUR), told.now)
    heard = explain(signal.evolve(told.state, record).strategies["cross"], record)
    assert heard is not None
    assert heard.outcome == "other_bars"
    assert heard.figures == {"bar_seconds": 60, "this_bar": 3_600}
