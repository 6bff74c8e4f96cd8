"""Risk under a halt: which halt blocks an order, and the acknowledgements."""

from deadreckon.accounting.halts import Halt, impose
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeAcknowledged,
    ResumeRequested,
)
from deadreckon.services.risk.state import State


def halt(state: State, record: Recorded[HaltRequested | HaltImposed | LogDamaged]) -> None:
    """Put a halt in force, of an operator, a rule of any service, or damage to the log."""
    impose(state.halts, record)


def resume(state: State, record: Recorded[ResumeRequested]) -> None:
    """Lift every halt."""
    state.halts.clear()


def blocking(state: State, *, exit: bool) -> tuple[str, Halt] | None:
    """Return the oldest halt that blocks an entry or an exit, with its event's id."""
    for halt_id, found in state.halts.items():
        if found.scope == "all" or not exit:
            return halt_id, found
    return None


def acknowledge(record: Recorded[Event], scope: HaltScope) -> HaltAcknowledged:
    """Acknowledge a halt; risk has no orders to cancel, fill has."""
    return HaltAcknowledged(halt_id=record.id, scope=scope, open_orders=0)


def acknowledge_resume(state: State, record: Recorded[ResumeRequested]) -> list[Event]:
    """Acknowledge that every halt is lifted."""
    return [ResumeAcknowledged(resume_id=record.id)]
