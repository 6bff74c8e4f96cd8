"""Single-core speed of decoding commits and folding fills into positions, cash and PnL."""

from decimal import Decimal

import msgspec

from deadreckon.accounting import ledger
from deadreckon.contracts.codec import answer, decode_commit, encode_commit, unwrap, wrap
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.tools.bench.figures import Figure, duration, rate
from deadreckon.tools.bench.fixture import Fixture
from deadreckon.tools.bench.market import INSTRUMENT, filled, listing

EVENTS_A_COMMIT = 100

TradeRow = tuple[int, int, int]  # signed quantity, price and fee, in units of their scales


async def measure_fold(fixture: Fixture) -> list[Figure]:
    """Measure fills per second into the ledger; the limit is integer average cost only."""
    fills = [_fill(number) for number in range(fixture.size(200_000, 5_000))]
    trades = [_trade(record.event) for record in fills]
    bare = duration(lambda: _fold_integers(trades))
    book = ledger.evolve(ledger.initial(), _recorded(listing(), 0))
    fold = duration(lambda: [ledger.evolve(book, record) for record in fills])
    return [
        rate(
            "fold fills into the ledger",
            len(fills) / fold,
            "fills/s",
            limit=len(trades) / bare,
            limit_name="the same trades as integers in plain Python",
        )
    ]


async def measure_decode(fixture: Fixture) -> list[Figure]:
    """Measure events per second decoded from commits of 100; the limit is their JSON only."""
    fills = [_fill(number) for number in range(fixture.size(200_000, 5_000))]
    groups = [
        fills[start : start + EVENTS_A_COMMIT] for start in range(0, len(fills), EVENTS_A_COMMIT)
    ]
    commits = [_commit(group) for group in groups]
    bodies = [msgspec.json.encode([record.event for record in group]) for group in groups]
    bare = duration(lambda: _decode_bodies(bodies))
    return [
        rate(
            "decode",
            len(fills) / duration(lambda: _decode(commits)),
            "events/s",
            limit=len(fills) / bare,
            limit_name="msgspec on the bodies alone",
        )
    ]


def _decode(commits: list[bytes]) -> None:
    for payload in commits:
        for envelope in decode_commit(payload).events:
            unwrap(envelope)


def _decode_bodies(bodies: list[bytes]) -> None:
    decode = msgspec.json.Decoder(list[OrderFilled]).decode
    for body in bodies:
        decode(body)


def _commit(facts: list[Recorded[OrderFilled]]) -> bytes:
    envelopes = [wrap(record) for record in facts]
    return encode_commit(Commit("bench", 1, 1, 1, 0, "", "bench", [(1, 0, 1)], envelopes))


def _recorded(event: Event, number: int) -> Recorded[Event]:
    question = Recorded(f"q{number}", number, "bench", "paper", "bench", None, "q", event)
    return answer(question, "bench", 0, event)


def _fill(number: int) -> Recorded[OrderFilled]:
    event = filled(
        number,
        f"t{number}",
        "bench",
        INSTRUMENT,
        "buy" if number % 3 else "sell",
        Decimal(number % 7 + 1).scaleb(-3),
        Decimal(4_000_000 + number % 1_000).scaleb(-2),
        Decimal(number % 50 + 1).scaleb(-4),
    )
    return _recorded(event, number)  # type: ignore[return-value]


def _trade(fill: OrderFilled) -> TradeRow:
    quantity = int(fill.quantity.scaleb(3))
    signed = quantity if fill.side == "buy" else -quantity
    return signed, int(fill.price.scaleb(2)), int(fill.fee.scaleb(4))


def _fold_integers(trades: list[TradeRow]) -> tuple[int, int, int, int]:
    """Fold fills by minimal average cost: no names, no currencies, no repeated trades."""
    held = cost = realised = fees = 0
    for quantity, price, fee in trades:
        fees += fee
        closed = 0
        if held * quantity < 0:
            closed = quantity if abs(quantity) <= abs(held) else -held
            released = -cost * closed // held
            realised -= closed * price + released
            cost -= released
        cost += (quantity - closed) * price
        held += quantity
    return held, cost, realised, fees
