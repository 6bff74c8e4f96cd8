"""Comparison with other libraries that rebuild positions; only those installed."""

import importlib.util
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled

FILLS = 20_000  # enough for a steady figure of what is a hundred times slower

FillRows = list[Recorded[OrderFilled]]
Speed = Callable[[FillRows], float]  # fills a second


def _by_position(facts: FillRows) -> list[FillRows]:
    """Group fills by strategy and instrument."""
    parts: dict[tuple[str, str], FillRows] = {}
    for record in facts:
        parts.setdefault((record.event.strategy, record.event.instrument), []).append(record)
    return list(parts.values())


@cache
def _aggregate() -> Any:
    """Define the eventsourcing aggregate of a position; the library allows a class only once."""
    domain: Any = importlib.import_module("eventsourcing.domain")

    class Holding(domain.Aggregate):  # type: ignore[misc]  # no dependency, so no types
        def __init__(self) -> None:
            self.held = self.cost = self.realised = 0

        @domain.event("Filled")  # type: ignore[untyped-decorator]
        def fill(self, quantity: int, price: int) -> None:
            closed = 0
            if self.held * quantity < 0:
                closed = quantity if abs(quantity) <= abs(self.held) else -self.held
                released = -self.cost * closed // self.held
                self.realised -= closed * price + released
                self.cost -= released
            self.cost += (quantity - closed) * price
            self.held += quantity

    return Holding


def _eventsourcing(facts: FillRows) -> float:
    """Measure the eventsourcing library: aggregates rebuilt from its store in memory."""
    application: Any = importlib.import_module("eventsourcing.application")
    app = application.Application()
    ids = []
    for part in _by_position(facts):
        holding = _aggregate()()
        for record in part:
            units = int(record.event.quantity.scaleb(4))
            signed = units if record.event.side == "buy" else -units
            holding.fill(signed, int(record.event.price.scaleb(2)))
        app.save(holding)
        ids.append(holding.id)
    begun = time.perf_counter()
    for name in ids:
        app.repository.get(name)
    return len(facts) / (time.perf_counter() - begun)


def _nautilus(facts: FillRows) -> float:
    """Measure Nautilus: positions apply prepared fills; a closed position is replaced."""
    position: Any = importlib.import_module("nautilus_trader.model.position")
    providers: Any = importlib.import_module("nautilus_trader.test_kit.providers")
    instrument = providers.TestInstrumentProvider.btcusdt_binance()
    parts = [
        [_nautilus_fill(instrument, number, record.event) for number, record in enumerate(part)]
        for part in _by_position(facts)
    ]
    begun = time.perf_counter()
    for part in parts:
        held = None
        for fill in part:
            if held is None or held.is_closed:
                held = position.Position(instrument, fill)
            else:
                held.apply(fill)
    return len(facts) / (time.perf_counter() - begun)


def _nautilus_fill(instrument: Any, number: int, fill: OrderFilled) -> Any:
    names, kinds, objects, events, currencies = (
        importlib.import_module(f"nautilus_trader.model.{name}")
        for name in ("identifiers", "enums", "objects", "events", "currencies")
    )
    core: Any = importlib.import_module("nautilus_trader.core.uuid")
    return events.OrderFilled(
        names.TraderId("T-1"),
        names.StrategyId("S-1"),
        instrument.id,
        names.ClientOrderId(f"O-{number}"),
        names.VenueOrderId(f"V-{number}"),
        names.AccountId("BINANCE-1"),
        names.TradeId(fill.trade_id),
        names.PositionId("P-1"),
        kinds.OrderSide.BUY if fill.side == "buy" else kinds.OrderSide.SELL,
        kinds.OrderType.MARKET,
        objects.Quantity(fill.quantity, instrument.size_precision),
        objects.Price(fill.price, instrument.price_precision),
        currencies.USDT,
        objects.Money(fill.fee, currencies.USDT),
        kinds.LiquiditySide.TAKER,
        core.UUID4(),
        number,
        number,
    )


LIBRARIES: dict[str, Speed] = {"eventsourcing": _eventsourcing, "nautilus_trader": _nautilus}


def found(tell: Callable[[str], None]) -> dict[str, Speed]:
    """Return the installed libraries by name; report those that are missing."""
    there = {name: speed for name, speed in LIBRARIES.items() if importlib.util.find_spec(name)}
    for name in [each for each in LIBRARIES if each not in there]:
        tell(f"{name} is not installed here (docs/performance.md says how), so not measured")
    return there
