"""The log in memory: the promises of JetStream without a server, for backtests and fast tests."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from itertools import takewhile
from operator import attrgetter

from deadreckon.contracts.subjects import ALL, covers
from deadreckon.runtime.log.bus import (
    Fence,
    FencedError,
    HoleError,
    LogInfo,
    Notices,
    Reader,
    Stored,
    TooLargeError,
    UnavailableError,
    WriteHealth,
)
from deadreckon.runtime.log.log_health import LogHealth
from deadreckon.runtime.log.notices import NoticeQueue

PAYLOAD_MAX = 1024 * 1024 - 512  # what JetStream takes by default, so that commits are cut alike
BATCH = 1_000  # messages a reader hands out at once
YIELD_EVERY = 1_024  # appends after which others get their turn, though nothing ever waits here

Responder = Callable[[bytes], Awaitable[bytes]]


class MemoryLog:
    """The contents of a log, shared by any number of buses: messages, readers, listeners.

    One event loop only. `messages` is the log itself, as a list that tests may damage.
    """

    def __init__(self, messages: list[Stored] | None = None) -> None:
        self.messages: list[Stored] = [] if messages is None else messages
        self.waiting: dict[asyncio.Future[None], None] = {}
        self.listeners: list[MemoryNotices] = []
        self.servers: list[MemoryResponder] = []
        self._tails: dict[str, Stored | None] = {}  # by filters somebody has asked for
        self._covering: dict[str, list[str]] = {}  # by subject: the filters above it among those

    @property
    def last(self) -> int:
        """The sequence of the last message, 0 when there is none."""
        return self.messages[-1].sequence if self.messages else 0

    def tail(self, filter: str) -> Stored | None:
        """Return the last message under a filter; searched once, known from then on."""
        try:
            return self._tails[filter]
        except KeyError:
            self._covering.clear()
            behind = (
                stored for stored in reversed(self.messages) if covers(filter, stored.subject)
            )
            found = self._tails[filter] = next(behind, None)
            return found

    def store(self, subject: str, payload: bytes) -> int:
        """Append one message and wake the readers."""
        messages = self.messages
        stored = Stored(messages[-1].sequence + 1 if messages else 1, subject, payload)
        messages.append(stored)
        try:
            filters = self._covering[subject]
        except KeyError:
            filters = self._covering[subject] = [f for f in self._tails if covers(f, subject)]
        for above in filters:
            self._tails[above] = stored
        if self.waiting:
            self.wake()
        return stored.sequence

    def wake(self) -> None:
        """Let every waiting reader look again."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)


class MemoryResponder:
    """Responder to requests on a subject, one after the other."""

    def __init__(self, subject: str, answer: Responder) -> None:
        self.subject = subject
        self._answer = answer
        self._turn = asyncio.Lock()

    async def reply(self, payload: bytes) -> bytes:
        """Answer one request, after those before it."""
        async with self._turn:
            return await self._answer(payload)


class MemoryReader:
    """Reader of a list from one sequence on; treats holes as any reader does."""

    def __init__(self, log: MemoryLog, after: int) -> None:
        if after > log.last:
            raise HoleError(f"the log ends at {log.last}; {after} was read or written before")
        self._log = log
        self._last = after
        self._index = bisect_right(log.messages, after, key=attrgetter("sequence"))
        self.closed = False

    async def next(self, wait: float) -> list[Stored]:
        """Return the next messages, at most a batch; waits up to `wait` seconds. Raises
        HoleError."""
        if self._index >= len(self._log.messages):
            await self._rest(wait)
        if self.closed:
            raise UnavailableError("this reader is closed")
        ready = self._log.messages[self._index : self._index + BATCH]
        if ready and ready[-1].sequence != self._last + len(ready):
            ready = self._before_hole(ready)
        if ready:
            self._index += len(ready)
            self._last = ready[-1].sequence
        return ready

    def _before_hole(self, ready: list[Stored]) -> list[Stored]:
        numbered = enumerate(ready, self._last + 1)
        sound = [stored for _, stored in takewhile(lambda it: it[0] == it[1].sequence, numbered)]
        if not sound:
            raise HoleError(
                f"the log continues with {ready[0].sequence}; {self._last + 1} is missing"
            )
        return sound

    async def _rest(self, wait: float) -> None:
        """Wait until a message comes, the reader is closed, or the time is over."""
        if wait <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(wait, _finish, waiter)
        self._log.waiting[waiter] = None
        try:
            await waiter
        finally:
            timer.cancel()
            del self._log.waiting[waiter]

    async def close(self) -> None:
        """Stop reading."""
        self.closed = True
        self._log.wake()


class MemoryNotices:
    """Notices on a subject, from any bus on this log."""

    def __init__(self, log: MemoryLog, subject: str) -> None:
        self.subject = subject
        self.queue = NoticeQueue()
        self._log = log
        log.listeners.append(self)

    def __aiter__(self) -> "MemoryNotices":
        return self

    async def __anext__(self) -> bytes:
        payload = await self.queue.take()
        if payload is None:
            raise StopAsyncIteration
        return payload

    async def ready(self) -> None:
        """Return at once: nothing is missed since this was made."""

    async def close(self) -> None:
        """Stop listening."""
        if self in self._log.listeners:
            self._log.listeners.remove(self)
        self.queue.end()


class MemoryBus:
    """Bus of a single process; given the log of an earlier one it goes on with that."""

    def __init__(self, log: MemoryLog | None = None, *, payload_max: int = PAYLOAD_MAX) -> None:
        self.payload_max = payload_max
        self.log_health: WriteHealth = LogHealth()
        self.log = MemoryLog() if log is None else log
        self._readers: list[MemoryReader] = []
        self._notices: list[MemoryNotices] = []
        self._servers: list[MemoryResponder] = []
        self._closed = False

    async def provision(self) -> None:
        """Do nothing: a log in memory needs no creation."""

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """Store one message, if the fence stands; see Bus.append."""
        self._check_open()
        if not covers(ALL, subject):
            raise ValueError(f"{subject!r} is no subject of the log")
        if len(payload) > self.payload_max:
            raise TooLargeError(f"{len(payload)} bytes, {self.payload_max} at most")
        if fence is not None:
            tail = self.log.tail(fence.filter)
            if fence.last != (tail.sequence if tail else 0):
                raise FencedError(fence, tail)
        sequence = self.log.store(subject, payload)
        self.log_health.acknowledge(sequence)
        if sequence % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        return sequence

    async def tail(self, filter: str) -> Stored | None:
        """Return the last message under `filter`."""
        self._check_open()
        return self.log.tail(filter)

    async def message(self, sequence: int) -> Stored | None:
        """Return one message by its sequence."""
        self._check_open()
        messages = self.log.messages
        index = bisect_left(messages, sequence, key=attrgetter("sequence"))
        found = messages[index : index + 1]
        return found[0] if found and found[0].sequence == sequence else None

    async def info(self) -> LogInfo:
        """Return first and last sequence, and what is missing between them."""
        self._check_open()
        messages = self.log.messages
        if not messages:
            return LogInfo(0, 0, 0, 0, 0)
        first, last = messages[0].sequence, messages[-1].sequence
        size = sum(len(stored.payload) for stored in messages)
        return LogInfo(first, last, len(messages), size, last - first + 1 - len(messages))

    async def read(self, after: int) -> Reader:
        """Return a reader that begins with sequence `after` + 1."""
        self._check_open()
        reader = MemoryReader(self.log, after)
        self._readers = [*(r for r in self._readers if not r.closed), reader]
        return reader

    async def notify(self, subject: str, payload: bytes) -> None:
        """Send a notice to those who listen now."""
        self._check_open()
        for notices in self.log.listeners:
            if covers(notices.subject, subject):
                notices.queue.add(payload)

    async def request(self, subject: str, payload: bytes, wait: float) -> bytes:
        """Send a request to the server of `subject`."""
        self._check_open()
        server = next((s for s in self.log.servers if covers(s.subject, subject)), None)
        if server is None:
            raise UnavailableError(f"nobody answers on {subject}")
        reply = asyncio.ensure_future(server.reply(payload))
        if not (await asyncio.wait({reply}, timeout=wait))[0]:
            raise UnavailableError(f"no answer on {subject} within {wait} seconds")
        return reply.result()

    async def serve(self, subject: str, answer: Responder) -> None:
        """Answer requests on `subject`; an exception in `answer` reaches the requester."""
        self._check_open()
        server = MemoryResponder(subject, answer)
        self._servers.append(server)
        self.log.servers.append(server)

    def listen(self, subject: str) -> Notices:
        """Return the notices on `subject` as they come."""
        self._check_open()
        notices = MemoryNotices(self.log, subject)
        self._notices.append(notices)
        return notices

    async def close(self) -> None:
        """End readers, listeners and servers of this bus; the log itself stays."""
        if self._closed:
            return
        self._closed = True
        self.log.servers[:] = [s for s in self.log.servers if s not in self._servers]
        for reader in self._readers:
            await reader.close()
        for notices in self._notices:
            await notices.close()

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("this bus is closed")


def _finish(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
