"""Closes positions at market, reduce-only: for an operator, or after a breaker that is told to."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import structs

from deadreckon.accounting import ledger
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import FlattenRequested, HaltImposed
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.services.risk.refusals import refuse_flattening
from deadreckon.services.risk.state import Exposure, State, key_of

FLATTENING = ("drawdown_max", "daily_loss_max")  # breakers that `breaker_flattens` speaks of


def flatten(state: State, record: Recorded[FlattenRequested]) -> list[Event]:
    """One order per open position, whatever halts the book; a refusal where no price is known."""
    answers: list[Event] = []
    for ordinal, stake in enumerate(_held(state, record.event.instrument)):
        mark = ledger.mark(state.ledger, stake.instrument)
        if mark is None:
            answers.append(refuse_flattening(record, stake.strategy, stake.instrument))
        else:
            answers.append(_close(record, ordinal, stake, mark.price))
    return answers


def flatten_after(state: State, record: Recorded[HaltImposed]) -> list[Event]:
    """After a breach, where limits say so: every position that nobody flattens already."""
    limits = state.limits
    if limits is None or not limits.breaker_flattens or record.event.rule not in FLATTENING:
        return []
    return [
        _close(record, ordinal, stake, mark.price)
        for ordinal, stake in enumerate(_held(state, None))
        if not stake.flatten_orders and (mark := ledger.mark(state.ledger, stake.instrument))
    ]


def flatten_late(state: State, record: Recorded[OrderFilled]) -> list[Event]:
    """While such a halt is in force, an order that was on its way when it came may still fill,
    on the very bar that tripped the breaker for instance: what it leaves held is closed too."""
    limits = state.limits
    if limits is None or not limits.breaker_flattens:
        return []
    halt_id = next((name for name, halt in state.halts.items() if halt.rule in FLATTENING), None)
    stake = state.stakes.get(key_of(record.event.strategy, record.event.instrument))
    mark = ledger.mark(state.ledger, record.event.instrument)
    if halt_id is None or stake is None or not stake.held or stake.flatten_orders or mark is None:
        return []
    return [structs.replace(_close(record, 0, stake, mark.price), signal_id=halt_id)]


def _held(state: State, instrument: str | None) -> Iterator[Exposure]:
    for stake in state.stakes.values():
        if stake.held and instrument in (None, stake.instrument):
            yield stake


def _close(record: Recorded[Event], ordinal: int, stake: Exposure, mark: Decimal) -> OrderApproved:
    return OrderApproved(
        order_id=derive_id(record.id, "order", ordinal),
        signal_id=record.id,
        producer="",
        strategy=stake.strategy,
        instrument=stake.instrument,
        side="sell" if stake.held > 0 else "buy",
        quantity=stake.held.copy_abs(),
        notional=None,
        reference_price=mark,
        order_type="market",
        limit_price=None,
        stop_price=None,
        time_in_force="gtc",
        post_only=False,
        reduce_only=True,
        stop_loss=None,
        take_profit=None,
        purpose="flatten",
    )
