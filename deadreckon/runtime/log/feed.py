"""Feed of the log: every message decoded once a process, its chain checked on the way."""

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts import subjects
from deadreckon.contracts.codec import UndecodableError, decode_commit, unwrap
from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.subjects import Subject
from deadreckon.runtime.log.bus import Bus, Reader, Stored
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.server.rights import READER

BUFFER_MAX = 20_000  # messages held for the slowest follower before reading pauses
BUFFER_BYTES_MAX = 32 * 1024 * 1024  # of their payloads; with what is decoded, 3.5 times that
TRIM_AT = 1_000  # messages held before those that all are done with are let go
TRIM_AT_BYTES = 4 * 1024 * 1024  # likewise: a thousand full commits would be hundreds of megabytes


class Message(Struct, frozen=True, gc=False):
    """Message of the log, parsed.

    `facts` are a commit's events; an inbound message has none here (each service's ingress reads
    it). `damage` says why a domain's message cannot be trusted, empty when it can.
    """

    sequence: int
    subject: Subject
    payload: bytes
    stored_at: int
    commit: Commit | None
    facts: Sequence[Recorded[Any]]
    damage: str


class ChainLink(Struct):
    """The end of a domain's chain: commits so far and the digest of the last one's bytes."""

    n: int
    digest: str


ChainLinks = dict[tuple[str, str], ChainLink]  # by book and service


class Decoding:
    """Decoder of messages in log order that follows the chain of every domain.

    A reading that does not begin at the log's first message goes on from the `links` that were
    there, or (`from_start` false) takes the first commit it meets of each domain on trust.
    """

    def __init__(self, *, from_start: bool = True, links: ChainLinks | None = None) -> None:
        self._from_start = from_start
        self.links: ChainLinks = dict(links or {})
        self._subjects: dict[str, Subject] = {}

    def decode(self, stored: Stored) -> Message:
        """Decode a message with its facts; damage instead of facts if chain or bytes are wrong."""
        subject = self._subject(stored.subject)
        if subject.is_inbound:
            return self._message(stored, subject, None, (), "")
        try:
            commit = decode_commit(stored.payload)
            fault = self._follow_chain(subject, stored.payload, commit)
            facts = [
                unwrap(envelope, stored.sequence, index)
                for index, envelope in enumerate(commit.events)
            ]
        except UndecodableError as error:
            return self._message(stored, subject, None, (), str(error))
        return self._message(stored, subject, commit, () if fault else facts, fault)

    def _message(
        self,
        stored: Stored,
        subject: Subject,
        commit: Commit | None,
        facts: Sequence[Recorded[Any]],
        damage: str,
    ) -> Message:
        return Message(
            stored.sequence, subject, stored.payload, stored.stored_at, commit, facts, damage
        )

    def _subject(self, text: str) -> Subject:
        subject = self._subjects.get(text)
        if subject is None:
            subject = self._subjects[text] = _taken_apart(text)
        return subject

    def _follow_chain(self, subject: Subject, payload: bytes, commit: Commit) -> str:
        domain = (subject.book, subject.service)
        link = self.links.get(domain)
        if link is None:
            link = (
                ChainLink(0, "") if self._from_start else ChainLink(commit.n - 1, commit.previous)
            )
        self.links[domain] = ChainLink(commit.n, digest(payload))
        if commit.n != link.n + 1:
            return f"commit {commit.n} follows commit {link.n}"
        if commit.previous != link.digest:
            return f"commit {commit.n} does not continue the bytes of commit {link.n}"
        return ""


def _taken_apart(text: str) -> Subject:
    """Parse a subject; one of another form gets no book, so that everybody skips it."""
    try:
        return subjects.parse(text)
    except ValueError:
        return Subject(book="", service="", leaf=text)


class Feed:
    """One reading of the log for all followers in a process, each at a pace of its own."""

    def __init__(self, bus: Bus) -> None:
        self.bus = as_role(bus, READER)
        self._decoding = Decoding()
        self._links: dict[str, ChainLinks] = {}  # by follower, as they stood at its sequence
        self._buffer: list[Message] = []
        self._bytes = 0  # of the payloads in the buffer
        self._first = 1  # sequence of the oldest message in the buffer
        self._positions: dict[str, int] = {}
        self._required = 0  # the furthest that somebody recalls to
        self._waiters: list[asyncio.Future[None]] = []
        self._reader: Reader | None = None
        self._task: asyncio.Task[None] | None = None
        self.last = 0

    def follow(self, name: str, sequence: int = 0, links: ChainLinks | None = None) -> None:
        """Hold messages after `sequence` for this follower; `links` are the chain ends there.

        A follower that knows its sequence may call this again before reading starts, and join later
        where `holds` allows it.
        """
        self._positions[name] = sequence
        if links is not None:
            self._links[name] = links

    def require(self, sequence: int) -> None:
        """Read up to this sequence however many messages are held: a follower that replays needs
        them, and the others, who hold them, go on only after it."""
        self._required = max(self._required, sequence)

    @property
    def least(self) -> int:
        """Least sequence that a follower needs."""
        return min(self._positions.values(), default=self.last)

    def holds(self, sequence: int) -> bool:
        """Tell whether a follower that has taken everything up to a sequence can go on here."""
        return sequence + 1 >= self._first

    async def start(self) -> None:
        """Begin to read at the least sequence that a follower needs; all must be known before.

        Raises HoleError when the log ends before that sequence.
        """
        name = min(self._positions, key=self._positions.__getitem__, default="")
        sequence = self._positions.get(name, 0)
        links = self._links.get(name)
        self._decoding = Decoding(from_start=not sequence or links is not None, links=links)
        self._links.clear()
        self._first, self.last = sequence + 1, sequence
        self._reader = await self.bus.read(sequence)
        self._task = asyncio.create_task(self._pump(self._reader), name="feed")
        self._task.add_done_callback(lambda _: self._wake())

    @property
    def alive(self) -> bool:
        """True while the log is being read: started, and neither stopped nor failed."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Stop reading; messages already here stay readable."""
        if self._task:
            await cancel_all([self._task])
        if self._reader:
            await self._reader.close()

    async def _pump(self, reader: Reader) -> None:
        while True:
            arrived = await reader.next(1.0)
            if arrived:
                self._buffer.extend(map(self._decoding.decode, arrived))
                self._bytes += sum(len(stored.payload) for stored in arrived)
                self.last = arrived[-1].sequence
                self._wake()
                # Give way: a reader with messages at hand returns without ever waiting.
                await asyncio.sleep(0)
            while self._is_full():
                await asyncio.sleep(0.005)
                self._trim()

    def _is_full(self) -> bool:
        """Tell whether reading pauses.

        Bytes alone never stop a follower that waits: on a tape those that are behind may be waiting
        for a turn that only comes after.
        """
        if self.last < self._required:
            return False
        waited_for = any(not waiter.done() for waiter in self._waiters)
        heavy = self._bytes > BUFFER_BYTES_MAX and not waited_for
        return heavy or len(self._buffer) > BUFFER_MAX

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def since(self, sequence: int, most: int = 500) -> list[Message]:
        """Return messages after `sequence` that are here, oldest first, at most `most`."""
        start = sequence + 1 - self._first
        return self._buffer[start : start + most]

    def links_at(self, sequence: int) -> ChainLinks | None:
        """Return the chain ends of all domains at a sequence that is still held, found by going
        back from the last message read; null where damage lies between."""
        links = dict(self._decoding.links)
        for message in reversed(self._buffer[sequence + 1 - self._first :]):
            if message.damage:
                return None
            if message.commit:
                domain = (message.subject.book, message.subject.service)
                links[domain] = ChainLink(message.commit.n - 1, message.commit.previous)
        return links

    def done(self, name: str, sequence: int) -> None:
        """Release this follower's messages up to `sequence`."""
        self._positions[name] = sequence
        if len(self._buffer) > TRIM_AT or self._bytes > TRIM_AT_BYTES:
            self._trim()

    def leave(self, name: str) -> None:
        """Release all messages of this follower, for good."""
        self._positions.pop(name, None)

    def _trim(self) -> None:
        behind = self.least + 1 - self._first
        if behind > 0:
            self._bytes -= sum(len(message.payload) for message in self._buffer[:behind])
            del self._buffer[:behind]
            self._first += behind

    async def reach(self, sequence: int, wait: float | None = None) -> bool:
        """Wait until message `sequence` is here; False when `wait` seconds passed without it.

        Raises the reader's own error when reading has failed.
        """
        while self.last < sequence:
            if self._task and self._task.done():
                self._task.result()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            if wait is None:
                await waiter
            elif not (await asyncio.wait({waiter}, timeout=wait))[0]:
                waiter.cancel()
                return False
        return True
