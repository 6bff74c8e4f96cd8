"""Halts in force: who must stop, until when, and that risk has understood."""

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
from deadreckon.services.risk.state import Halt, State


def request(state: State, record: Recorded[HaltRequested]) -> None:
    """An operator halts the book until a resume."""
    state.halts[record.id] = Halt(record.event.scope, "", record.event.reason)


def impose(state: State, record: Recorded[HaltImposed]) -> None:
    """A rule halts the book, ours or another service's."""
    event = record.event
    halt = Halt(event.scope, event.rule, event.reason, event.until, event.limit, event.measured)
    state.halts[record.id] = halt


def damage(state: State, record: Recorded[LogDamaged]) -> None:
    """What cannot be read might have been anything: nothing passes."""
    state.halts[record.id] = Halt("all", "log_damaged", record.event.reason)


def resume(state: State, record: Recorded[ResumeRequested]) -> None:
    """Lift every halt."""
    state.halts.clear()


def lift_due(state: State, at: int) -> None:
    """Forget the halts whose time has come."""
    for halt_id, halt in list(state.halts.items()):
        if halt.until is not None and at >= halt.until:
            del state.halts[halt_id]


def blocking(state: State, *, exit: bool) -> tuple[str, Halt] | None:
    """The halt that stops an entry or an exit, the eldest first: its event's id, and the halt."""
    for halt_id, halt in state.halts.items():
        if halt.scope == "all" or not exit:
            return halt_id, halt
    return None


def acknowledge(record: Recorded[Event], scope: HaltScope) -> HaltAcknowledged:
    """Risk obeys; it has no orders to cancel, those are fill's."""
    return HaltAcknowledged(halt_id=record.id, scope=scope, open_orders=0)


def acknowledge_resume(state: State, record: Recorded[ResumeRequested]) -> list[Event]:
    """Risk has lifted every halt."""
    return [ResumeAcknowledged(resume_id=record.id)]
