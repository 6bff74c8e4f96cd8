"""Turns a wish into an approved order, or says which rule forbids it."""

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import refuse
from deadreckon.services.risk.rules import first_violation
from deadreckon.services.risk.state import State


def check(state: State, record: Recorded[SignalRaised]) -> list[Event]:
    """Ask every rule; what none forbids is approved as it was wished."""
    asked = Evaluation(state, record.at, record.event)
    found = first_violation(asked)
    if found is None:
        return [_approve(asked, record)]
    rule, breach = found
    set_by = state.limits_id if rule.field else None
    return [refuse(record.event, record.event.instrument, rule.name, breach, set_by)]


def _approve(asked: Evaluation, record: Recorded[SignalRaised]) -> OrderApproved:
    """An exit is approved reduce-only, so that it can never become the entry nobody weighed."""
    wish = record.event
    assert asked.mark is not None, "no order passes without a price"
    exits = asked.is_exit
    return OrderApproved(
        order_id=derive_id(record.id, "order", 0),
        signal_id=wish.signal_id,
        producer=wish.producer,
        strategy=wish.strategy,
        instrument=wish.instrument,
        side=wish.side,
        quantity=wish.quantity,
        notional=wish.notional,
        reference_price=asked.mark.price,
        order_type=wish.order_type,
        limit_price=wish.limit_price,
        stop_price=wish.stop_price,
        time_in_force=wish.time_in_force,
        post_only=wish.post_only,
        reduce_only=exits,
        stop_loss=None if exits else wish.stop_loss,
        take_profit=None if exits else wish.take_profit,
        expires_at=wish.expires_at,
    )
