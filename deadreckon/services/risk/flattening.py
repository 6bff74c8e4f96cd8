"""Closing of positions at market, reduce-only: for an operator, or after a breaker."""

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
    """Approve one order per open position under every halt; refuse where no price is known."""
    answers: list[Event] = []
    for ordinal, exposure in enumerate(_held(state, record.event.instrument)):
        mark = ledger.mark(state.ledger, exposure.instrument)
        if mark is None:
            answers.append(refuse_flattening(record, exposure.strategy, exposure.instrument))
        else:
            answers.append(_close(record, ordinal, exposure, mark.price))
    return answers


def flatten_after(state: State, record: Recorded[HaltImposed]) -> list[Event]:
    """Flatten after a breaker, where the limits say so, what is not being flattened yet."""
    limits = state.limits
    if limits is None or not limits.breaker_flattens or record.event.rule not in FLATTENING:
        return []
    return [
        _close(record, ordinal, exposure, mark.price)
        for ordinal, exposure in enumerate(_held(state, None))
        if not exposure.flatten_orders and (mark := ledger.mark(state.ledger, exposure.instrument))
    ]


def flatten_late(state: State, record: Recorded[OrderFilled]) -> list[Event]:
    """Close what an order in flight left held when it filled after the halt, for instance on the
    bar that tripped the breaker.
    """
    limits = state.limits
    if limits is None or not limits.breaker_flattens:
        return []
    halt_id = next((name for name, halt in state.halts.items() if halt.rule in FLATTENING), None)
    exposure = state.exposures.get(key_of(record.event.strategy, record.event.instrument))
    mark = ledger.mark(state.ledger, record.event.instrument)
    if (
        halt_id is None
        or exposure is None
        or not exposure.held
        or exposure.flatten_orders
        or mark is None
    ):
        return []
    return [structs.replace(_close(record, 0, exposure, mark.price), signal_id=halt_id)]


def _held(state: State, instrument: str | None) -> Iterator[Exposure]:
    for exposure in state.exposures.values():
        if exposure.held and instrument in (None, exposure.instrument):
            yield exposure


def _close(
    record: Recorded[Event], ordinal: int, exposure: Exposure, mark: Decimal
) -> OrderApproved:
    return OrderApproved(
        order_id=derive_id(record.id, "order", ordinal),
        signal_id=record.id,
        producer="",
        strategy=exposure.strategy,
        instrument=exposure.instrument,
        side="sell" if exposure.held > 0 else "buy",
        quantity=exposure.held.copy_abs(),
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
