"""Halts in force: imposed by operators, rules or damage; lifted by a resume or by time."""

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
)


class Halt(Struct, frozen=True):
    """A halt; it lifts by itself at `until` (nanoseconds UTC), or never if that is null.

    `rule` is empty for an operator's halt, `actor` for every other. `limit` and `measured` are in
    the unit of the rule. `acknowledged` names the services that obey it.
    """

    scope: HaltScope
    at: int
    rule: str = ""
    actor: str = ""
    reason: str = ""
    until: int | None = None
    limit: Decimal | None = None
    measured: Decimal | None = None
    limit_set_by: str | None = None
    acknowledged: tuple[str, ...] = ()

    @property
    def imposed_by(self) -> str:
        """The rule or the person that halted the book."""
        return self.rule or self.actor


Halts = dict[str, Halt]  # by the id of the event that halted the book, oldest first


def impose(halts: Halts, record: Recorded[Any]) -> None:
    """Add the halt of a HaltRequested, HaltImposed or LogDamaged, and drop those that expired."""
    lift_expired(halts, record.at)
    halts[record.id] = _halt_of(record.at, record.event)


def _halt_of(at: int, event: HaltRequested | HaltImposed | LogDamaged) -> Halt:
    match event:
        case HaltRequested(scope=scope, actor=actor, reason=reason):
            return Halt(scope, at, actor=actor, reason=reason)
        case HaltImposed():
            return Halt(
                event.scope,
                at,
                rule=event.rule,
                reason=event.reason,
                until=event.until,
                limit=event.limit,
                measured=event.measured,
                limit_set_by=event.limit_set_by,
            )
        case LogDamaged(subject=subject, reason=reason):
            return Halt("all", at, rule="log_damaged", reason=f"{subject}: {reason}")


def lift_expired(halts: Halts, at: int) -> None:
    """Remove the halts that have lifted by themselves."""
    for halt_id in [name for name, halt in halts.items() if not holds(halt, at)]:
        del halts[halt_id]


def holds(halt: Halt, at: int) -> bool:
    """Return True until the halt lifts by itself at `until`."""
    return halt.until is None or at < halt.until


def in_force(halts: Halts, at: int) -> Halts:
    """Return the halts that hold at a time, oldest first."""
    return {name: halt for name, halt in halts.items() if holds(halt, at)}


def reset_time(halts: Halts, at: int) -> None:
    """Move halts of a time that was taken back to the time of the reset; each lasts as long as it
    would have."""
    for name, halt in halts.items():
        if halt.at > at:
            until = None if halt.until is None else at + halt.until - halt.at
            halts[name] = replace(halt, at=at, until=until)


def strictest_scope(halts: Halts, at: int) -> HaltScope | None:
    """Return the strictest scope in force at a time; None when nothing is halted."""
    scopes = [halt.scope for halt in halts.values() if holds(halt, at)]
    if not scopes:
        return None
    return "all" if "all" in scopes else "close_only"


def acknowledge(halts: Halts, record: Recorded[HaltAcknowledged]) -> None:
    """Add the service that acknowledges a halt, once."""
    halt = halts.get(record.event.halt_id)
    if halt is not None and record.source not in halt.acknowledged:
        halts[record.event.halt_id] = replace(
            halt, acknowledged=(*halt.acknowledged, record.source)
        )
