"""The log's time as an edge that writes it knows it: a fold, and the bound of the next step."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.contracts.amounts import canonical
from deadreckon.contracts.clock import (
    CLOCK,
    CLOCK_STOP,
    TIME_EDGES,
    ClockAcceptRequested,
    ClockConfigured,
    ClockReset,
    ClockResetRequested,
    ClockStepAccepted,
    ClockStepRefused,
)
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import OperatorRefused
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.subjects import SHARED
from deadreckon.contracts.timestamps import format_timestamp

DEFAULTS = ClockConfigured("", "")


class LogTime(Struct):
    """Time of a log (nanoseconds UTC), as the edge `edge` knows it.

    `now` is decision time, `accepted` a later time that an operator accepted (0: none). `kept`
    is true once a clock has written: until then, on a new log or behind a tape, the first time of
    an edge may lie anywhere. `refused` is the open incident of each edge, `requests` what no
    clock has answered yet: the time to go back to, or null to accept. `recorded` counts the edge's
    own events that move no time.
    """

    edge: str
    now: int = 0
    accepted: int = 0
    kept: bool = False
    limits: ClockConfigured = DEFAULTS
    limits_id: str | None = None
    refused: dict[str, ClockStepRefused] = {}
    requests: dict[str, int | None] = {}
    recorded: int = 0
    resets: int = 0

    @property
    def base(self) -> int:
        """The time from which a step is measured."""
        return max(self.now, self.accepted)


def evolve(state: LogTime, record: Recorded[Any]) -> None:
    """Fold one event, in place."""
    match record.event:
        case ClockConfigured() as limits:
            state.limits, state.limits_id = limits, record.id
        case ClockAcceptRequested():
            state.requests[record.id] = None
        case ClockResetRequested(to=to):
            state.requests[record.id] = to
        case ClockStepRefused() as refused:
            state.refused[record.source] = refused
            _count(state, record)
        case ClockStepAccepted(request_id=request_id, accepted_at=at):
            state.requests.pop(request_id, None)
            state.accepted, state.refused = at, {}
            _count(state, record)
        case ClockReset(request_id=request_id):
            state.requests.pop(request_id, None)
            state.now, state.accepted, state.refused = record.at, 0, {}
            state.resets += 1
            _count(state, record)
        case OperatorRefused() if record.cause:
            state.requests.pop(record.cause, None)
            _count(state, record)
        case event if record.book == SHARED and record.source in TIME_EDGES:
            _pass(state, record, event)


def _count(state: LogTime, record: Recorded[Any]) -> None:
    state.recorded += record.source == state.edge


def _pass(state: LogTime, record: Recorded[Any], event: Event) -> None:
    state.now = max(state.now, record.at)
    state.kept = state.kept or isinstance(event, ClockTicked)
    state.refused.pop(record.source, None)
    if state.now >= state.accepted:
        state.accepted = 0


def refusal(state: LogTime, at: int, passed: int, *, first: bool) -> ClockStepRefused | None:
    """Return why an edge must not write a time that lies ahead of the log's; None when it may.

    `passed` is the monotonic time (nanoseconds) since its last write, or since its start for the
    first one.
    """
    most = state.limits.stop_max if first else state.limits.step_max
    ahead, limit = at - state.base, passed + most
    if ahead <= limit or (first and not state.kept):
        return None
    since = "the start" if first else "the last step"
    return ClockStepRefused(
        rule=CLOCK_STOP if first else "clock_step",
        limit=seconds(limit),
        measured=seconds(ahead),
        limit_set_by=state.limits_id,
        refused_at=at,
        log_at=state.base,
        reason=(
            f"{format_timestamp(at)} is {seconds(ahead):f} s ahead of the log, "
            f"{seconds(passed):f} s after {since}: if it is right, `dr clock accept`"
        ),
    )


def standstill(state: LogTime, at: int) -> ClockStepRefused | None:
    """Return why time stands still when the edge's time is far behind the log's; else None."""
    behind, limit = state.now - at, state.limits.step_max
    if behind <= limit:
        return None
    return ClockStepRefused(
        rule="clock_behind",
        limit=seconds(limit),
        measured=seconds(behind),
        limit_set_by=state.limits_id,
        refused_at=at,
        log_at=state.now,
        reason=(
            f"{format_timestamp(at)} is {seconds(behind):f} s behind the log, which never goes "
            "back: if it is right, `dr clock reset --to now`"
        ),
    )


def answer(state: LogTime, request_id: str) -> tuple[Event, int]:
    """Return what the clock answers to an operator's request, and the time it is recorded at."""
    to = state.requests[request_id]
    if to is not None and to < state.now:
        return ClockReset(request_id, state.now), to
    if to is not None:
        reason = f"the log is at {format_timestamp(state.now)}, not ahead of that time"
        return _refused("clock_not_ahead", reason), state.now
    ahead = [it.refused_at for it in state.refused.values() if it.refused_at > state.now]
    if not ahead:
        reason = "no edge has refused a time that is ahead of the log"
        return _refused("nothing_to_accept", reason), state.now
    return ClockStepAccepted(request_id, max(ahead)), state.now


def _refused(rule: str, reason: str) -> OperatorRefused:
    return OperatorRefused(CLOCK, rule, reason, "")


def seconds(nanoseconds: int) -> Decimal:
    """Convert nanoseconds exactly.

    >>> seconds(61_500_000_000)
    Decimal('61.5')
    """
    return canonical(Decimal(nanoseconds).scaleb(-9))
