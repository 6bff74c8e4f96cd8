"""Notices to producers about their signals, sent once the verdict is in the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from deadreckon.contracts.codec import plain_body
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderApproved,
    OrderUnroutable,
    ReplaceApproved,
)
from deadreckon.contracts.signals import (
    CancelRaised,
    MessagesRefused,
    ReplaceRaised,
    SignalRaised,
    SignalRefused,
)
from deadreckon.contracts.subjects import verdict_subject
from deadreckon.contracts.verdicts import SignalOutcome, Verdict
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.server.rights import NOTIFIER

WAITING_MAX = 10_000  # notices not yet sent; a producer that must know reads the log
PRODUCERS_MAX = (
    100_000  # signals whose producer is remembered; a verdict follows within milliseconds
)

Raised = SignalRaised | CancelRaised | ReplaceRaised

log = log_lines.Logger()


class VerdictView:
    """Verdicts of a log as they come; those at or before the sequence `after` are not sent.

    `asked` maps the first cause of each signal to its producer: most verdicts do not name one.
    """

    def __init__(self, after: int) -> None:
        self.asked: dict[str, str] = {}
        self.waiting: asyncio.Queue[tuple[str, Verdict]] = asyncio.Queue(WAITING_MAX)
        self._after = after

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Take one message's facts."""
        for record in facts:
            if isinstance(record.event, Raised):
                self._remember(record)
            elif sequence > self._after and (outcome := _outcome(record.event)) is not None:
                producer = getattr(record.event, "producer", "") or self.asked.get(record.root, "")
                if producer and not self.waiting.full():
                    self.waiting.put_nowait((producer, _verdict(record, sequence, outcome)))

    def written(self) -> bytes:
        """Encode the producers of pending signals for a snapshot."""
        return msgspec.json.encode(self.asked)

    def restore(self, written: bytes) -> None:
        """Restore what `written` encoded."""
        self.asked = msgspec.json.decode(written, type=dict[str, str])

    def _remember(self, record: Recorded[Raised]) -> None:
        if record.event.producer:
            self.asked[record.root] = record.event.producer
            if len(self.asked) > PRODUCERS_MAX:
                del self.asked[next(iter(self.asked))]

    async def announce(self, bus: Bus, book: str) -> None:
        """Send waiting notices until cancelled; one that cannot be sent is dropped."""
        notifier = as_role(bus, NOTIFIER)
        while True:
            producer, verdict = await self.waiting.get()
            try:
                await notifier.notify(verdict_subject(book, producer), encode(verdict))
            except UnavailableError as fault:
                log.info("verdict_not_sent", producer=producer, reason=str(fault))


def encode(verdict: Verdict) -> bytes:
    """Encode the notice as JSON, amounts as canonical text."""
    return msgspec.json.encode(plain_body(verdict))


def _outcome(event: Event) -> SignalOutcome | None:
    match event:
        case SignalRefused() | MessagesRefused() | OrderUnroutable():
            return "refused"
        case OrderApproved(purpose="entry") | CancelApproved() | ReplaceApproved():
            return "approved"
        case CancelMissed():
            return "missed"
        case _:
            return None


def _verdict(record: Recorded[Event], sequence: int, outcome: SignalOutcome) -> Verdict:
    event: Any = record.event
    return Verdict(
        signal_id=getattr(event, "signal_id", ""),
        outcome=outcome,
        rule=getattr(event, "rule", ""),
        limit=getattr(event, "limit", None),
        measured=getattr(event, "measured", None),
        reason=getattr(event, "reason", ""),
        order_id=getattr(event, "order_id", ""),
        event_id=record.id,
        at=record.at,
        sequence=sequence,
        messages=getattr(event, "count", 0),
        first_sequence=getattr(event, "first_sequence", 0),
        last_sequence=getattr(event, "last_sequence", 0),
    )


@asynccontextmanager
async def verdicts_published(bus: Bus, book: str) -> AsyncIterator[VerdictView]:
    """Provide a view whose verdicts are sent from now on, until this context ends."""
    view = VerdictView((await retry(bus.info)).last)
    telling = asyncio.create_task(view.announce(bus, book), name="verdicts")
    try:
        yield view
    finally:
        await cancel_all([telling])
