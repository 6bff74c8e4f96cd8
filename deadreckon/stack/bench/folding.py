"""Pure speed: decoding commits, and folding fills into positions, cash and PnL."""

import time
from collections.abc import Callable
from decimal import Decimal

from deadreckon.contracts.codec import answer, decode_commit, encode_commit, seal, unseal
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import OrderFilled
from deadreckon.services.portfolio import ledger
from deadreckon.stack.bench.figures import Figure, rate

EVENTS_A_COMMIT = 100


def folding(fills: int = 50_000) -> list[Figure]:
    """Events decoded a second, and fills folded a second by one core."""
    events = [_fill(number) for number in range(fills)]
    payloads = [
        _commit(events[start : start + EVENTS_A_COMMIT])
        for start in range(0, fills, EVENTS_A_COMMIT)
    ]
    decoding = _seconds(lambda: _decode(payloads))
    state = ledger.evolve(ledger.initial(), _recorded(_listing(), 0))
    fold = _seconds(lambda: [ledger.evolve(state, said) for said in events])
    return [
        rate("decode", fills / decoding, "events/s"),
        rate("fold fills into the ledger", fills / fold, "fills/s"),
    ]


def _seconds(job: Callable[[], object]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def _decode(payloads: list[bytes]) -> None:
    for payload in payloads:
        for envelope in decode_commit(payload).events:
            unseal(envelope)


def _commit(events: list[Recorded[OrderFilled]]) -> bytes:
    envelopes = [seal(said) for said in events]
    return encode_commit(Commit("bench", 1, 1, 1, 0, "", "bench", [(1, 0, 1)], envelopes))


def _recorded(event: InstrumentListed | OrderFilled, number: int) -> Recorded[OrderFilled]:
    question = Recorded(f"q{number}", number, "bench", "paper", "bench", None, "q", event)
    return answer(question, "bench", 0, event)  # type: ignore[return-value]


def _listing() -> InstrumentListed:
    return InstrumentListed(
        instrument="BENCH.PAPER",
        symbol="BENCH",
        venue="PAPER",
        kind="perpetual",
        base_currency="BTC",
        quote_currency="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        minimum_quantity=Decimal("0.001"),
        minimum_notional=Decimal(1),
        contract_size=Decimal(1),
        actor="bench",
        reason="bench",
        market="perpetual",
    )


def _fill(number: int) -> Recorded[OrderFilled]:
    event = OrderFilled(
        order_id=f"o{number}",
        trade_id=f"t{number}",
        strategy="bench",
        instrument="BENCH.PAPER",
        venue="PAPER",
        side="buy" if number % 3 else "sell",
        quantity=Decimal(number % 7 + 1).scaleb(-3),
        price=Decimal(4_000_000 + number % 1_000).scaleb(-2),
        leaves=Decimal(0),
        liquidity="taker",
        fee=Decimal(number % 50 + 1).scaleb(-4),
        fee_currency="USDT",
        reference_price=Decimal(4_000_000).scaleb(-2),
    )
    return _recorded(event, number)
