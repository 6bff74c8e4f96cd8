"""Sending of signals to a producer's subject; each is checked first."""

from functools import partial
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.inbound import read_signals
from deadreckon.contracts.signals import SignalMalformed
from deadreckon.contracts.subjects import producer_subject
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role


class SendResult(Struct):
    """Counts and sequences of stored signals; refused lines as (number, rule, reason)."""

    sent: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    refused: list[tuple[int, str, str]] = []


async def send_signals(
    lines: list[bytes], producer: str, book: str, data: Path, nats: str | None
) -> SendResult:
    """Publish every good line, each acknowledged by the log; blank lines are passed over."""
    sent = SendResult()
    subject = producer_subject(book, producer)
    async with open_bus(Folder(data).check(), nats, producer_role(producer)) as bus:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            bad = [w for w in read_signals(producer, line) if isinstance(w, SignalMalformed)]
            if bad:
                sent.refused.append((number, bad[0].rule, bad[0].reason))
                continue
            sent.last_sequence = await retry(partial(bus.append, subject, line))
            sent.first_sequence = sent.first_sequence or sent.last_sequence
            sent.sent += 1
    return sent
