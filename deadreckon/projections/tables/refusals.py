"""Everything that was refused, by whom, under which rule, with both numbers."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.clock import ClockStepRefused
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import OperatorRefused
from deadreckon.contracts.models import RegimeModelRefused
from deadreckon.contracts.orders import CancelMissed, OrderRejected, OrderUnroutable
from deadreckon.contracts.signals import MessagesRefused, SignalRefused
from deadreckon.projections.columns import TableRow, origin

READS = (
    SignalRefused,
    MessagesRefused,
    OrderUnroutable,
    OrderRejected,
    CancelMissed,
    OperatorRefused,
    RegimeModelRefused,
    ClockStepRefused,
)


class RefusalRow(TableRow, frozen=True, array_like=True, gc=False):
    """One refusal; `limit_value` and `measured` are in the unit of the rule."""

    kind: Annotated[
        str, "what was refused: signal, messages, order, cancel, operator, model or clock"
    ] = ""
    source: Annotated[str, "the service that refused"] = ""
    rule: Annotated[str, "the rule, for machines; `missed` for a cancel without an order"] = ""
    limit_value: Annotated[Decimal | None, "the limit in force, in the unit of the rule"] = None
    measured: Annotated[Decimal | None, "what was measured against it, in the same unit"] = None
    limit_set_by: Annotated[str | None, "event_id of the event that set the limit"] = None
    reason: Annotated[str, "the rule, for people"] = ""
    signal_id: Annotated[str | None, "the signal, where one is concerned"] = None
    order_id: Annotated[str | None, "the order, where one is concerned"] = None
    producer: Annotated[str | None, "who sent the signal; null where unknown"] = None
    strategy: Annotated[str | None, "null where not known here: see the order"] = None
    instrument: Annotated[str | None, "null where not known here: see the order"] = None
    evidence: Annotated[str, "at most 512 characters of what could not be read"] = ""
    messages: Annotated[int | None, "messages beyond a quota, which were not read"] = None
    bytes: Annotated[int | None, "bytes of these messages"] = None
    first_sequence: Annotated[int | None, "sequence of the first of them"] = None
    last_sequence: Annotated[int | None, "sequence of the last of them"] = None


def initial() -> RefusalRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: RefusalRow, record: Recorded[Any]) -> RefusalRow:
    """Return the row of a refusal."""
    match record.event:
        case SignalRefused() | MessagesRefused() | ClockStepRefused():
            return _with_figures(record)
        case OrderUnroutable() | OrderRejected() | CancelMissed():
            return _of_order(record)
        case OperatorRefused() as no:
            return _row(
                record, kind="operator", rule=no.rule, reason=no.reason, evidence=no.evidence
            )
        case RegimeModelRefused() as no:
            return _row(
                record,
                kind="model",
                rule=no.rule,
                reason=no.reason,
                strategy=no.strategy,
                instrument=no.instrument,
            )
        case _:
            return row


def _with_figures(
    record: Recorded[SignalRefused | MessagesRefused | ClockStepRefused],
) -> RefusalRow:
    no = record.event
    columns: dict[str, Any] = {
        "rule": no.rule,
        "reason": no.reason,
        "limit_value": no.limit,
        "measured": no.measured,
        "limit_set_by": no.limit_set_by,
    }
    match no:
        case ClockStepRefused():
            columns |= {"kind": "clock"}
        case SignalRefused():
            columns |= {
                "kind": "signal",
                "signal_id": no.signal_id,
                "producer": no.producer,
                "strategy": no.strategy,
                "instrument": no.instrument,
                "evidence": no.evidence,
            }
        case MessagesRefused():
            columns |= {
                "kind": "messages",
                "producer": no.producer,
                "messages": no.count,
                "bytes": no.bytes,
                "first_sequence": no.first_sequence,
                "last_sequence": no.last_sequence,
            }
    return _row(record, **columns)


def _of_order(record: Recorded[Any]) -> RefusalRow:
    match record.event:
        case OrderUnroutable() as no:
            return _row(
                record,
                kind="order",
                rule=no.rule,
                reason=no.reason,
                limit_value=no.limit,
                measured=no.measured,
                limit_set_by=no.limit_set_by,
                signal_id=no.signal_id,
                order_id=no.order_id,
                strategy=no.strategy,
                instrument=no.instrument,
            )
        case CancelMissed() as no:
            return _row(
                record,
                kind="cancel",
                rule="missed",
                reason=no.reason,
                signal_id=no.signal_id,
                order_id=no.order_id,
            )
        case no:
            return _row(record, kind="order", rule=no.rule, reason=no.reason, order_id=no.order_id)


def _row(record: Recorded[Any], **columns: Any) -> RefusalRow:
    return RefusalRow(
        *origin(record),
        source=record.source,
        **columns,
    )


_BLANK = RefusalRow()
