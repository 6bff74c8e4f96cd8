"""Every halt, resume, flatten and operator's cancel, and who acknowledged it."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import (
    CancelRequested,
    FlattenRequested,
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeAcknowledged,
    ResumeRequested,
)
from deadreckon.projections.columns import TableRow, origin

READS = (
    HaltRequested,
    HaltImposed,
    HaltAcknowledged,
    ResumeRequested,
    ResumeAcknowledged,
    FlattenRequested,
    CancelRequested,
    LogDamaged,
)


class HaltRow(TableRow, frozen=True, array_like=True, gc=False):
    """One halt-related event: request, trip, acknowledgement, resume, flatten or cancel."""

    kind: Annotated[
        str,
        "requested, imposed, acknowledged, resume_requested, resume_acknowledged, "
        "flatten_requested, cancel_requested or log_damaged",
    ] = ""
    halt_id: Annotated[str, "event_id of the halt, resume or request it is about"] = ""
    source: Annotated[str, "the service or operator that published it"] = ""
    actor: Annotated[str | None, "the person, where one acted"] = None
    scope: Annotated[str | None, "close_only or all"] = None
    rule: Annotated[str | None, "the rule that imposed it"] = None
    limit_value: Annotated[Decimal | None, "the limit in force, in the unit of the rule"] = None
    measured: Annotated[Decimal | None, "what was measured against it"] = None
    limit_set_by: Annotated[str | None, "event_id of the event that set the limit"] = None
    reason: Annotated[str, "why, for people"] = ""
    until: Annotated[int | None, "when it lifts by itself, nanoseconds UTC; null: never"] = None
    open_orders: Annotated[int | None, "how many orders an acknowledgement cancelled"] = None
    reset_counters: Annotated[bool | None, "whether a resume also starts peaks anew"] = None
    instrument: Annotated[str | None, "what a flatten is about; null: everything"] = None
    order_id: Annotated[str | None, "what a cancel is about; null: every open order"] = None


def initial() -> HaltRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: HaltRow, record: Recorded[Any]) -> HaltRow:
    """Return the row of a halt-related event."""
    match record.event:
        case HaltImposed() as halt:
            return _row(
                record,
                kind="imposed",
                scope=halt.scope,
                rule=halt.rule,
                limit_value=halt.limit,
                measured=halt.measured,
                limit_set_by=halt.limit_set_by,
                reason=halt.reason,
                until=halt.until,
            )
        case HaltAcknowledged() as acknowledged:
            return _row(
                record,
                kind="acknowledged",
                halt_id=acknowledged.halt_id,
                scope=acknowledged.scope,
                open_orders=acknowledged.open_orders,
            )
        case ResumeAcknowledged() as acknowledged:
            return _row(record, kind="resume_acknowledged", halt_id=acknowledged.resume_id)
        case LogDamaged() as damage:
            reason = f"{damage.subject}: {damage.reason}"
            return _row(record, kind="log_damaged", scope="all", reason=reason)
        case _:
            return _requested(row, record)


def _requested(row: HaltRow, record: Recorded[Any]) -> HaltRow:
    match record.event:
        case HaltRequested(actor=actor, reason=reason, scope=scope):
            return _row(record, kind="requested", actor=actor, reason=reason, scope=scope)
        case ResumeRequested(actor=actor, reason=reason, reset_counters=anew):
            return _row(
                record, kind="resume_requested", actor=actor, reason=reason, reset_counters=anew
            )
        case FlattenRequested(actor=actor, reason=reason, instrument=instrument):
            return _row(
                record, kind="flatten_requested", actor=actor, reason=reason, instrument=instrument
            )
        case CancelRequested(actor=actor, reason=reason, order_id=order_id):
            return _row(
                record, kind="cancel_requested", actor=actor, reason=reason, order_id=order_id
            )
        case _:
            return row


def _row(record: Recorded[Any], halt_id: str = "", **columns: Any) -> HaltRow:
    return HaltRow(
        *origin(record),
        halt_id=halt_id or record.id,
        source=record.source,
        **columns,
    )


_BLANK = HaltRow()
