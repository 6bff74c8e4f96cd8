"""Job of `dr tail`: the log as it grows, a line of text or an envelope for each event."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.formatting.events import RoundedStyle, describe_briefly
from deadreckon.formatting.text import cell_text
from deadreckon.formatting.times import rounded_moment
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Decoding, Message
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

LATEST_MESSAGES = 20  # messages shown first, unless a sequence is given
POLL_SECONDS = 1.0  # between two checks whether the server still runs
DAMAGED = "LogDamaged"  # what a message is shown as that cannot be read
STYLE = RoundedStyle()


class TailedEvent(Struct, frozen=True):
    """One event of the log: sequence and index, decision time (empty if unknown), source, type
    name, short description, and its JSON."""

    sequence: int
    index: int
    at: str
    source: str
    name: str
    text: str
    document: bytes


def event_types() -> dict[str, str]:
    """Return the short name of every type of event, with its name in the log."""
    return {shape.__name__: name for shape, name in NAMES.items()} | {DAMAGED: ""}


def fits(pattern: str, names: Sequence[str]) -> bool:
    """Tell whether a pattern fits one of an event's names, in letters of any case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in names)


class TailReader:
    """Reader of log messages, filtered by event type (no patterns: everything)."""

    def __init__(self, patterns: Sequence[str], book: str = BOOK, mode: Mode = "paper") -> None:
        self._patterns = patterns
        self._decoding = Decoding(from_start=False)
        # Every inbound message is read, whichever service handles it: this reader decides nothing.
        self._ingress = Ingress(book, mode, reads_signals=True, restamps=False)

    def read(self, stored: Stored) -> Iterator[TailedEvent]:
        """Yield the events of one message of the log."""
        message = self._decoding.decode(stored)
        if message.damage:
            yield self._damaged(message)
            return
        for index, record in enumerate(self._ingress.records_of(message)):
            name = type(record.event).__name__
            if self._wanted(name, NAMES.get(type(record.event), "")):
                yield self._event(message, index, record, name)

    def _wanted(self, *names: str) -> bool:
        return not self._patterns or any(fits(pattern, names) for pattern in self._patterns)

    def _event(self, message: Message, index: int, record: Recorded[Any], name: str) -> TailedEvent:
        if message.commit is not None:
            document = _enveloped(message, index)
        else:
            document = _delivered(message, index)
        at = rounded_moment(record.at) if record.at else ""
        text, source = describe_briefly(record, STYLE), cell_text(record.source)
        return TailedEvent(message.sequence, index, at, source, name, text, document)

    def _damaged(self, message: Message) -> TailedEvent:
        subject = message.subject
        where = f"log.{subject.book}.{subject.service}.{subject.leaf}"
        document = msgspec.json.encode(
            {"sequence": message.sequence, "subject": where, "damage": message.damage}
        )
        text = f"{where}: {message.damage}"
        return TailedEvent(
            message.sequence, 0, "", subject.service, DAMAGED, cell_text(text), document
        )


def _enveloped(message: Message, index: int) -> bytes:
    assert message.commit is not None
    envelope = msgspec.structs.asdict(message.commit.events[index])
    return msgspec.json.encode({"sequence": message.sequence, "index": index} | envelope)


def _delivered(message: Message, index: int) -> bytes:
    """Encode an inbound message as it was sent: JSON if it is JSON, text if not."""
    subject = message.subject
    record = {"sequence": message.sequence, "index": index}
    where = f"log.{subject.book}.{subject.service}.{subject.leaf}"
    return msgspec.json.encode(record | {"subject": where, "payload": _payload(message.payload)})


def _payload(payload: bytes) -> Raw | str:
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload.decode("utf-8", "backslashreplace")
    return Raw(payload)


class StoredSince(Struct, frozen=True):
    """The messages that the log stored at a time (nanoseconds UTC) or later."""

    at: int


async def first_stored(bus: Bus, at: int, end: int) -> int:
    """Return the first message that was stored at a time or later, by halves; `end` + 1 when none
    was."""
    low, high = 1, end + 1
    while low < high:
        middle = (low + high) // 2
        stored = await bus.message(middle)
        if stored is not None and stored.stored_at < at:
            low = middle + 1
        else:
            high = middle
    return low


async def tail(
    data: Path,
    nats: str | None,
    first: int | StoredSince | None,
    patterns: Sequence[str],
    show: Callable[[TailedEvent], None],
    *,
    follow: bool,
) -> None:
    """Show events from message or time `first` on (None: the latest few), and new ones as they
    arrive.

    A folder without a running server is read to its end, and not followed.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "tail.log")
    follow = follow and (nats is not None or running_server(folder.root) is not None)
    tail_reader = TailReader(patterns)
    async with open_bus(folder, nats) as bus:
        end = (await bus.info()).last
        if isinstance(first, StoredSince):
            first = await first_stored(bus, first.at, end)
        sequence = min(max(end - LATEST_MESSAGES if first is None else first - 1, 0), end)
        reader = await bus.read(sequence)
        try:
            while follow or sequence < end:
                arrived = await reader.next(POLL_SECONDS)
                for stored in arrived:
                    sequence = stored.sequence
                    for event in tail_reader.read(stored):
                        show(event)
                if not arrived and nats is None and running_server(folder.root) is None:
                    return
        finally:
            await reader.close()
