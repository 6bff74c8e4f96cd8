"""Notices to producers about their signals; they are not stored, the truth is in the log."""

from typing import Annotated, Literal

from msgspec import Struct

from deadreckon.contracts.fields import RuleLimit, RuleMeasured
from deadreckon.contracts.units import described

SignalOutcome = Literal["approved", "refused", "missed"]


class Verdict(Struct, frozen=True, omit_defaults=True):
    """A notice on `verdict.<book>.<producer>` once the verdict on a signal is in the log."""

    signal_id: Annotated[
        str, described("id of the signal; empty when the message was not, or could not be, read")
    ]
    outcome: Annotated[
        SignalOutcome,
        described(
            "`approved` (an order, cancel or change goes on its way), `refused` (by signal, risk "
            "or router) or `missed` (a cancel or replace found no open order)"
        ),
    ]
    rule: Annotated[str, described("rule that refused the signal; empty when none did")]
    limit: RuleLimit
    measured: RuleMeasured
    reason: Annotated[str, described("why it was refused, as text for people")]
    order_id: Annotated[str, described("id of the order it is about; empty without one")]
    event_id: Annotated[str, described("id of the event with the verdict")]
    at: Annotated[int, described("decision time of that event, nanoseconds UTC", "timestamp")]
    sequence: Annotated[int, described("sequence of that event's message in the log")]
    messages: Annotated[
        int,
        described("messages beyond the quota that this is about; left out otherwise", "count"),
    ] = 0
    first_sequence: Annotated[
        int, described("sequence of the first of them, as its acknowledgement said")
    ] = 0
    last_sequence: Annotated[int, described("sequence of the last of them")] = 0
