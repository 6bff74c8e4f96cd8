"""What a producer hears of its signals: notices that nobody stores; the truth is in the log."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

SignalOutcome = Literal["approved", "refused", "missed"]


class Verdict(Struct, frozen=True):
    """A notice on `verdict.<book>.<producer>` once the verdict on a signal is in the log.

    `outcome`: approved (an order, a cancel or a change goes on its way), refused (by signal, by
    risk, or after all by the router), or missed (a cancel or replace found no open order). `rule`,
    `limit` and `measured` say why a signal was refused, `reason` the same for people. `order_id`
    is the order it speaks of, empty when there is none. `event_id` is the id of the event that
    says so, at message `sequence` of the log, and `at` its decision time (nanoseconds UTC). A
    malformed signal whose id could not be read has an empty `signal_id`.
    """

    signal_id: str
    outcome: SignalOutcome
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    reason: str
    order_id: str
    event_id: str
    at: int
    sequence: int
