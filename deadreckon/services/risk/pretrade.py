"""The pre-trade check: an approved order, or a refusal by the first rule that forbids it."""

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded, carried
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import refuse
from deadreckon.services.risk.rules import first_violation
from deadreckon.services.risk.state import State


def check(state: State, record: Recorded[SignalRaised]) -> list[Event]:
    """Apply every rule; approve the order as it was asked for when none forbids it."""
    evaluation = Evaluation(state, record.at, record.event)
    found = first_violation(evaluation)
    if found is None:
        return [_approve(evaluation, record)]
    rule, violation = found
    set_by = state.limits_id if rule.field else None
    return [refuse(record.event, record.event.instrument, rule.name, violation, set_by)]


def _approve(evaluation: Evaluation, record: Recorded[SignalRaised]) -> OrderApproved:
    """Approve the order; an exit reduce-only, so that it never becomes an unchecked entry."""
    signal = record.event
    assert evaluation.mark is not None, "no order passes without a price"
    exits = evaluation.is_exit
    return carried(
        OrderApproved,
        signal,
        order_id=derive_id(record.id, "order", 0),
        reference_price=evaluation.mark.price,
        reduce_only=exits,
        stop_loss=None if exits else signal.stop_loss,
        take_profit=None if exits else signal.take_profit,
    )
