"""Sessions that nobody wrote: whatever may come in whatever order, the same for the same seed."""

from collections.abc import Callable
from random import Random
from typing import Any

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Side
from deadreckon.contracts.governance import (
    CancelRequested,
    FlattenRequested,
    HaltRequested,
    ResumeRequested,
)
from tests.sessions.script import (
    Script,
    alice,
    alice_cancels,
    alice_changes,
    ann,
    later,
    minute,
    opening,
)
from tests.stories import (
    HOUR,
    INSTRUMENT,
    MINUTE,
    SECOND,
    bar,
    deposit,
    funding_rate,
    limits,
    listed,
    quote,
    trade,
    venue,
)

PERPETUAL = "BTCUSDT-PERP.PAPER"
LIMITS: list[dict[str, Any]] = [
    {},
    {"exposure_instrument_max": 500},
    {"daily_loss_max": 10, "breaker_flattens": True},
    {"drawdown_max": "0.01", "breaker_cooldown": 3 * MINUTE},
    {"leverage_max": 2, "heat_max": "0.05", "orders_in_flight_max": 2},
]


class RandomScript:
    """A market that wanders, and people who want something of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.price = 100.0
        self.signals = 0
        self.instrument = self.random.choice([INSTRUMENT, PERPETUAL])

    def script(self) -> Script:
        """An opening, some forty turns of chance, and an end that leaves nothing open."""
        is_perpetual = self.instrument == PERPETUAL
        kind: dict[str, Any] = {"kind": "perpetual", "contract": "0.1"} if is_perpetual else {}
        terms = venue(
            maker="0.0002",
            taker="0.0005",
            slippage=self.random.choice([0, 1, 10]),
            latency=self.random.choice([0, 0, 30 * SECOND, 90 * SECOND]),
            participation=self.random.choice(["1", "0.5"]),
            split=self.random.choice([None, 150]),
            fee_currency=self.random.choice(["", "BTC"]),
        )
        steps = opening(
            limits(**self.random.choice(LIMITS)),
            instrument=listed(self.instrument, **kind),
            at=terms,
            cash=deposit(self.random.choice([1_000, 100_000])),
        )
        for _ in range(40):
            steps += self.random.choices(self.turns(), [12, 10, 2, 2, 1, 2, 1])[0]()
        return steps + self.end()

    def turns(self) -> list[Callable[[], Script]]:
        """What may happen next."""
        halt = HaltRequested("ann", "chance", self.random.choice(["all", "close_only"]))
        resume = ResumeRequested("ann", "chance", self.random.random() < 0.3)
        flatten = FlattenRequested("ann", "chance")
        return [
            self.market,
            self.signal,
            self.cancel,
            self.change,
            lambda: ann(halt),
            lambda: ann(resume),
            lambda: ann(flatten),
        ]

    def end(self) -> Script:
        """Two halts and cancels, so that what arrives late finds nothing either; then flat.
        Twice, as a fee in coins leaves something of a short that was bought back."""
        calm = [bar(100, volume=100_000, instrument=self.instrument) for _ in range(8)]
        flatten = FlattenRequested("ann", "the end")
        cancel = CancelRequested("ann", "the end")
        return [
            *ann(HaltRequested("ann", "the end"), cancel),
            *minute(calm[0], calm[1]),
            *ann(ResumeRequested("ann", "the end"), cancel, flatten),
            *[step for event in calm[2:5] for step in later(2 * MINUTE, event)],
            *ann(flatten),
            *[step for event in calm[5:] for step in later(2 * MINUTE, event)],
        ]

    def market(self) -> Script:
        return later(self.random.choice([MINUTE, MINUTE, 30 * SECOND, HOUR]), self._event())

    def _event(self) -> Event:
        random = self.random
        first, self.price = self.price, max(20.0, self.price + random.gauss(0, 3))
        last = self._near(0)
        match random.randrange(8):
            case 0:
                bid, ask = self._near(-0.5), self._near(0.5)
                return quote(bid, ask, random.choice([1, 5]), self.instrument)
            case 1:
                return trade(last, random.choice([1, 3]), "sell", self.instrument)
            case 2:
                return funding_rate("0.001", last, self.instrument)
        return bar(
            last,
            open=f"{first:.2f}",
            high=f"{max(first, self.price) + abs(random.gauss(0, 2)):.2f}",
            low=f"{min(first, self.price) - abs(random.gauss(0, 2)):.2f}",
            volume=random.choice([0, 1, 2, 5, 1_000, 1_000]),
            unit=random.choice(["base", "contracts", "quote", "unknown"]),
            instrument=self.instrument,
        )

    def signal(self) -> Script:
        random = self.random
        side: Side = random.choice(["buy", "sell"])
        ahead = 1 if side == "buy" else -1
        kind = random.choice(["market", "market", "limit", "stop", "stop_limit"])
        more: dict[str, Any] = {
            "order_type": kind,
            "time_in_force": random.choice(["gtc", "gtc", "ioc", "fok"]),
            "reduce_only": random.random() < 0.2,
        }
        if kind in ("limit", "stop_limit"):
            more["limit_price"] = self._near(-ahead * random.uniform(-2, 4))
        if kind in ("stop", "stop_limit"):
            more["stop_price"] = self._near(ahead * random.uniform(-1, 4))
        if random.random() < 0.6:
            more["stop_loss"] = self._near(-ahead * random.uniform(4, 9))
        if random.random() < 0.5:
            more["take_profit"] = self._near(ahead * random.uniform(4, 9))
        if random.random() < 0.2:
            more["ttl_seconds"] = random.choice([30, 120, 600])
        size = {"notional": f"{random.uniform(5, 600):.2f}"}
        if random.random() < 0.7:
            size = {"quantity": f"{random.uniform(0.0005, 5):.4f}"}
        self.signals += 1
        strategy = random.choice(["ext", "two"])
        signal = f"w{self.signals}"
        more |= size
        return alice(signal, side, strategy=strategy, instrument=self.instrument, **more)

    def cancel(self) -> Script:
        return alice_cancels(self._earlier(), id=self._another())

    def change(self) -> Script:
        random = self.random
        terms = {
            "quantity": f"{random.uniform(0.01, 6):.3f}",
            "limit_price": self._near(random.uniform(-4, 4)),
            "stop_price": self._near(random.uniform(-4, 4)),
        }
        chosen = random.sample(sorted(terms), random.choice([1, 1, 2]))
        return alice_changes(
            self._earlier(), id=self._another(), **{name: terms[name] for name in chosen}
        )

    def _another(self) -> str:
        self.signals += 1
        return f"w{self.signals}"

    def _earlier(self) -> str:
        return f"w{self.random.randint(1, max(1, self.signals))}"

    def _near(self, distance: float) -> str:
        return f"{max(1.0, self.price + distance):.3f}"
