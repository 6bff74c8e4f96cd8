"""The moving-average cross against an exact computation of a page, fill by fill.

The rule: the sign of the fast average less the slow one; a touch is no cross, the first sign is no
entry; a cross turns the position, at market, at the open of the next bar.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deadreckon import __version__
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.tape import BarRow, Tape
from deadreckon.node.facts import publish_fact
from deadreckon.replay.whatif.job.simulation import MemoryFeed, TimedMemoryLog, finished
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.service.turns import LocalTurnTaker, Round
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.services.market.tape_player import TapePlayer
from tests.conftest import TAPES

FAST, SLOW, RATE = 9, 21, Fraction(5, 10_000)


class Traded(NamedTuple):
    """A fill: when (nanoseconds UTC), and the quantity signed by its side."""

    at: int
    quantity: Fraction
    price: Fraction


def yardstick(bars: list[BarRow], interval: int, quantity: Fraction) -> Iterator[Traded]:
    """Fill the rule on a tape."""
    closes = [Fraction(bar.close) for bar in bars]
    side = held = 0
    for i, (_, following) in enumerate(pairwise(bars)):
        if i + 1 < SLOW:
            continue
        fast = sum(closes[i + 1 - FAST : i + 1]) / FAST
        slow = sum(closes[i + 1 - SLOW : i + 1]) / SLOW
        sign = (fast > slow) - (fast < slow)
        if sign * side < 0:
            for _ in range(2 if held else 1):
                yield Traded(following.at - interval, sign * quantity, Fraction(following.open))
            held = sign
        side = sign or side


def result(fills: list[Traded], last: Fraction) -> tuple[Fraction, Fraction]:
    """PnL marked at the last close after fees, and the fees."""
    fees = sum((abs(f.quantity) * f.price * RATE for f in fills), Fraction(0))
    held = sum((f.quantity for f in fills), Fraction(0))
    return held * last - sum(f.quantity * f.price for f in fills) - fees, fees


def setup(tape: Tape, quantity: str) -> list[Any]:
    """An instrument without limits on anything but the price's age, and the strategy."""
    name = tape.header.instrument
    who: dict[str, Any] = {"actor": "ann", "reason": "yardstick"}
    step = Decimal("1e-8")
    return [
        InstrumentListed(
            name, "X", "PAPER", "perpetual", "X", "Q", step, step, step, step, Decimal(1),
            market="perpetual", **who,
        ),
        VenueConfigured(
            "PAPER", Decimal(0), Decimal("0.0005"), "", Decimal(0), 0, Decimal(0), **who,
        ),
        ReportingConfigured("Q", 3600 * NANOSECONDS, **who),
        CashDeposited("Q", Decimal(10**9), **who),
        LimitsSet(**who),
        StrategyConfigured(
            "cross", "moving_average_cross", name, True, Decimal(1), {"cooldown_seconds": "0"},
            quantity=Decimal(quantity), **who,
        ),
    ]  # fmt: skip


def fills_of(tape: Tape, quantity: str) -> list[Traded]:
    """Play a tape in memory; return its fills in the order of the log."""
    log = TimedMemoryLog([])
    bus = MemoryBus(log)
    feed = MemoryFeed(bus)
    services = assemble(RANK, bus, feed, book=BOOK, mode="paper")
    turns = Round([LocalTurnTaker(service) for service in services], feed)
    player = TapePlayer(bus, feed, tape, turns, mode="paper", code=__version__)
    for service in services:
        finished(service.replay())
    finished(player.replay())
    finished(player.open())
    for number, event in enumerate(setup(tape, quantity)):
        finished(publish_fact(bus, BOOK, "ann", f"{number}", event))
    finished(player.play(None, lambda rows: None))
    decoding = Decoding()
    records = [each for stored in log.messages for each in decoding.decode(stored).facts]
    return [
        Traded(
            record.at,
            Fraction(fill.quantity) * (1 if fill.side == "buy" else -1),
            Fraction(fill.price),
        )
        for record in records
        if isinstance(fill := record.event, OrderFilled)
    ]


@pytest.mark.slow
@pytest.mark.skipif(not TAPES.is_dir(), reason=f"no real market data: {TAPES.name}/ is not there")
@pytest.mark.parametrize(
    ("file", "rows", "quantity", "count", "pnl"),
    [
        ("ETH_BTC-5m.feather", None, "1", 681, "-0.0241182643"),
        ("btc-perp-20211231-20220201_1m.csv", None, "0.1", 5_131, "-14187.278025"),
    ],
)
def test_every_fill_is_that_of_the_yardstick(
    file: str, rows: int | None, quantity: str, count: int, pnl: str, tmp_path: Path
) -> None:
    tape = load_or_import(TAPES / file, "X-PERP.PAPER", tmp_path)
    bars = [row for row in tape.rows() if isinstance(row, BarRow)]
    interval = (tape.header.interval_seconds or 0) * NANOSECONDS
    expected = list(yardstick(bars, interval, Fraction(quantity)))
    assert len(expected) == count
    assert result(expected, Fraction(bars[-1].close))[0] == Fraction(pnl)
    assert fills_of(tape, quantity) == expected
