"""Cancels and replaces: which order they are about, whether it is open, what a change adds."""

from decimal import Decimal

from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import OrderType
from deadreckon.contracts.orders import CancelApproved, CancelMissed, ReplaceApproved
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRaised
from deadreckon.services.risk import halts, rate_limits
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation, refuse
from deadreckon.services.risk.replaces import changed, grows
from deadreckon.services.risk.rules import Rule, first_violation, first_violation_of_reduction
from deadreckon.services.risk.state import ApprovedOrder, State, key_of

ChangeRequest = Recorded[CancelRaised] | Recorded[ReplaceRaised]


def cancel(state: State, record: Recorded[CancelRaised]) -> list[Event]:
    """Approve the cancel of an open order under every halt, unless there are too many cancels."""
    order_id = _open(state, record)
    if order_id is None:
        return [_missed(state, record)]
    if (refused := _flooded(state, record, state.orders[order_id].instrument)) is not None:
        return [refused]
    event = record.event
    return [CancelApproved(order_id, event.signal_id, event.strategy, "the producer asked for it")]


def replace(state: State, record: Recorded[ReplaceRaised]) -> list[Event]:
    """Check a replace: like an entry when it asks for more, by few rules when it asks for less."""
    order_id = _open(state, record)
    if order_id is None:
        return [_missed(state, record)]
    order, event = state.orders[order_id], record.event
    refused = _halted(state, record, order.instrument) or _flooded(state, record, order.instrument)
    if refused is not None:
        return [refused]
    wanted = ReplaceApproved(
        order_id=order_id,
        signal_id=event.signal_id,
        strategy=event.strategy,
        instrument=order.instrument,
        quantity=event.quantity,
        limit_price=event.limit_price,
        stop_price=event.stop_price,
    )
    found = _violation(state, record, order, wanted)
    if found is None:
        return [wanted]
    rule, violation = found
    set_by = state.limits_id if rule.field else None
    return [refuse(event, order.instrument, rule.name, violation, set_by)]


def _violation(
    state: State, record: ChangeRequest, order: ApprovedOrder, wanted: ReplaceApproved
) -> tuple[Rule, Violation] | None:
    check = Evaluation(state, record.at, _as_signal(state, order, wanted), order)
    if grows(order, wanted):
        return first_violation(check)
    # A change of an exit, or to no more than has traded, lets nothing in.
    if order.reduces or (wanted.quantity is not None and wanted.quantity <= order.filled):
        return None
    return first_violation_of_reduction(check)


def _open(state: State, record: ChangeRequest) -> str | None:
    """Find the open order of the target; a built-in strategy sees only its own."""
    event = record.event
    order_id = state.signals.get(key_of(event.producer, event.target))
    if order_id is None:
        return None
    stranger = not event.producer and state.orders[order_id].strategy != event.strategy
    return None if stranger else order_id


def _missed(state: State, record: ChangeRequest) -> CancelMissed:
    event = record.event
    signal = key_of(event.producer, event.target)
    ended = dedup.find(state.ended, signal)
    if ended is not None:
        return CancelMissed(ended, event.signal_id, "the order has ended")
    return CancelMissed("", event.signal_id, f"there is no order of the signal {event.target}")


def _halted(state: State, record: ChangeRequest, instrument: str) -> Event | None:
    """Refuse a replace under a total halt."""
    found = halts.blocking(state, exit=True)
    if found is None:
        return None
    halt_id, halt = found
    by = halt.rule or "an operator"
    violation = Violation(halt.limit, halt.measured, f"the book is halted (all) by {by}", halt_id)
    return refuse(record.event, instrument, "halted", violation, halt_id)


def _flooded(state: State, record: ChangeRequest, instrument: str) -> Event | None:
    """Refuse a cancel or replace beyond the number per minute."""
    limit = state.limits.cancels_per_minute if state.limits else None
    flood = rate_limits.per_minute(limit, state.rates.cancels, record.at)
    if flood is None:
        return None
    return refuse(record.event, instrument, "cancels_per_minute", flood, state.limits_id)


def _as_signal(state: State, order: ApprovedOrder, wanted: ReplaceApproved) -> SignalRaised:
    """Return the whole order as it would be, with the untraded part as its quantity."""
    after = changed(state, order, wanted)
    limit = order.limit_price if wanted.limit_price is None else wanted.limit_price
    stop = order.stop_price if wanted.stop_price is None else wanted.stop_price
    return SignalRaised(
        signal_id=wanted.signal_id,
        producer=order.producer,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        quantity=EXACT.subtract(after.quantity, order.filled),
        notional=None,
        order_type=_order_type(limit, stop),
        limit_price=limit,
        stop_price=stop,
        reduce_only=order.reduces,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
    )


def _order_type(limit: Decimal | None, stop: Decimal | None) -> OrderType:
    if limit is not None:
        return "limit" if stop is None else "stop_limit"
    return "market" if stop is None else "stop"
