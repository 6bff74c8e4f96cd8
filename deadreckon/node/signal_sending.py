"""Sending of signals to a producer's subject; each is checked first, and its verdict awaited."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct, structs

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.inbound import read_signals
from deadreckon.contracts.signals import SignalMalformed
from deadreckon.contracts.subjects import producer_subject
from deadreckon.contracts.verdicts import Verdict
from deadreckon.node.verdicts import VerdictView
from deadreckon.runtime.log.bus import Reader
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role

LOOK_SECONDS = 0.2  # at most for one reading of the log


class SendResult(Struct):
    """Counts and sequences of stored signals; refused lines as (number, rule, reason).

    `verdicts` are those that came within the wait; `unanswered` the ids of the other signals.
    `awaited` is false where nobody waited, or no stack runs that could answer.
    """

    sent: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    refused: list[tuple[int, str, str]] = []
    verdicts: list[Verdict] = []
    unanswered: list[str] = []
    awaited: bool = False


async def send_signals(
    lines: list[bytes],
    producer: str,
    book: str,
    data: Path,
    nats: str | None,
    wait: float = 0,
) -> SendResult:
    """Publish every good line, each acknowledged by the log; blank lines are passed over. With a
    wait (seconds) read the verdicts from the log, as far as they come."""
    sent = SendResult()
    sequences: dict[str, int] = {}
    subject = producer_subject(book, producer)
    folder = Folder(data).check()
    async with (
        open_bus(folder, nats, producer_role(producer)) as bus,
        _verdicts(folder, nats, producer, wait) as verdicts,
    ):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            signals = read_signals(producer, line)
            bad = [w for w in signals if isinstance(w, SignalMalformed)]
            if bad:
                sent.refused.append((number, bad[0].rule, bad[0].reason))
                continue
            sent.last_sequence = await retry(partial(bus.append, subject, line))
            sent.first_sequence = sent.first_sequence or sent.last_sequence
            sent.sent += 1
            ids = [signal.signal_id for signal in signals]
            sent.unanswered += ids
            sequences |= dict.fromkeys(ids, sent.last_sequence)
        if verdicts is not None:
            sent.awaited = True
            sent.verdicts = await verdicts.read(sequences, wait)
    answered = {verdict.signal_id for verdict in sent.verdicts}
    sent.unanswered = [each for each in sent.unanswered if each not in answered]
    return sent


class _Verdicts:
    """Verdicts on one producer's signals, read from the log from a sequence on."""

    def __init__(self, reader: Reader, producer: str, after: int) -> None:
        self._reader = reader
        self._producer = producer
        self._view = VerdictView(after)
        self._decoding = Decoding(from_start=False)

    async def read(self, sequences: dict[str, int], wait: float) -> list[Verdict]:
        """Read until each signal, given with the sequence of its message, has a verdict, or the
        wait is over."""
        found: dict[str, Verdict] = {}
        deadline = time.monotonic() + wait
        while not found.keys() >= sequences.keys() and (left := deadline - time.monotonic()) > 0:
            for stored in await self._reader.next(min(left, LOOK_SECONDS)):
                message = self._decoding.decode(stored)
                if message.commit is not None:
                    self._view.fold(stored.sequence, message.facts)
            while not self._view.waiting.empty():
                producer, verdict = self._view.waiting.get_nowait()
                if producer == self._producer:
                    for signal_id in _concerned(verdict, sequences):
                        named = structs.replace(verdict, signal_id=signal_id)
                        found.setdefault(signal_id, named)
        return list(found.values())


def _concerned(verdict: Verdict, sequences: dict[str, int]) -> list[str]:
    """List the signals that a verdict is about: those of a message that was not read have no id."""
    if not verdict.messages:
        return [verdict.signal_id] if verdict.signal_id in sequences else []
    first, last = verdict.first_sequence, verdict.last_sequence
    return [name for name, sequence in sequences.items() if first <= sequence <= last]


@asynccontextmanager
async def _verdicts(
    folder: Folder, nats: str | None, producer: str, wait: float
) -> AsyncIterator[_Verdicts | None]:
    """Open the log for reading from its end on; null where nobody waits, or no stack runs."""
    if not wait or (nats is None and folder.holder() is None):
        yield None
        return
    async with open_bus(folder, nats) as log:
        after = (await log.info()).last
        reader = await log.read(after)
        try:
            yield _Verdicts(reader, producer, after)
        finally:
            await reader.close()
