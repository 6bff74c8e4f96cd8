"""The log as the rest of the program sees it: append with a fence, read without a hole."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from deadreckon.contracts.errors import OperationalError


class Stored(Struct, frozen=True, gc=False):
    """One message of the log: its sequence (from 1), subject, bytes, and the server's own time
    (nanoseconds UTC; for people and latency figures only, no decision may read it)."""

    sequence: int
    subject: str
    payload: bytes
    stored_at: int = 0


class Fence(Struct, frozen=True):
    """Store only if the last message under `filter` (a domain, see subjects.domain) has sequence
    `last`; 0 means that there is none."""

    filter: str
    last: int


class FencedError(Exception):
    """You tried to append behind a fence that somebody has moved; `tail` is what they wrote."""

    def __init__(self, fence: Fence, tail: Stored | None) -> None:
        found = tail.sequence if tail else 0
        super().__init__(f"{fence.filter}: expected last sequence {fence.last}, found {found}")
        self.tail = tail


class TooLargeError(ValueError):
    """You tried to append more bytes than the log takes in one message; nothing was stored."""


class DeniedError(OperationalError):
    """You used credentials that may not do this; the message names the subject."""


class UnavailableError(OperationalError):
    """The log did not answer; whether it stored what you sent is unknown. Try the same again."""


class BusyError(UnavailableError):
    """The log has more to store than it will keep waiting; nothing was stored. Try again soon."""


class HoleError(OperationalError):
    """The log you read is not contiguous: a sequence is missing. Nothing may be decided on it."""


class ConfigurationError(OperationalError):
    """The stream on the server differs from what this program needs; the message says where."""


class LogInfo(Struct, frozen=True):
    """The extent of a log: first and last sequence (0 and 0 when empty), messages, bytes,
    and how many were deleted (always 0 in a sound log)."""

    first: int
    last: int
    messages: int
    bytes: int
    deleted: int


class Reader(Protocol):
    """Reader of the whole log in order from one sequence on; each is the last plus one."""

    async def next(self, wait: float) -> list[Stored]:
        """Return the next messages, oldest first; waits up to `wait` seconds for the first message
        and returns [] when none came. Raises HoleError; faults of the connection are mended
        inside."""
        ...

    async def close(self) -> None:
        """Stop reading and free what the server keeps for this reader."""
        ...


class WriteHealth(Protocol):
    """Availability of the log for this process's writes (see `log_health.LogHealth`).

    `sequence` is the last one acknowledged, `missed` counts attempts without an answer.
    """

    sequence: int
    missed: int

    def write(self) -> AbstractContextManager[None]:
        """Observe one attempt to append, which runs in the block."""
        ...

    def acknowledge(self, sequence: int) -> None:
        """Note that the log has stored a message, or has refused it (0)."""
        ...

    @property
    def available(self) -> bool:
        """True while writes of this process are acknowledged in time."""
        ...

    @property
    def seconds_waiting(self) -> float:
        """Seconds that the oldest write has waited for the log; 0.0 when none waits."""
        ...

    @property
    def seconds_since_acknowledged(self) -> float | None:
        """Seconds since the log last acknowledged a write; null when it never did."""
        ...

    def fault(self) -> str:
        """Return the reason why nothing can be written; empty when the log is available."""
        ...


class Notices(Protocol):
    """Notices on one subject from now on; no stream stores them, so a slow reader may miss some."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the notices."""
        ...

    async def __anext__(self) -> bytes:
        """Return the next notice; StopAsyncIteration once closed."""
        ...

    async def ready(self) -> None:
        """Return once no later notice is missed."""
        ...

    async def close(self) -> None:
        """Stop listening; an iteration under way ends."""
        ...


class Bus(Protocol):
    """Log, and notices that nothing stores.

    JetStream and memory keep the same promises (tests/runtime/test_bus_suite.py).
    """

    payload_max: int  # bytes of one message
    log_health: WriteHealth  # whether the log takes what is written here

    async def provision(self) -> None:
        """Create the stream if it is missing; ConfigurationError when it stands but differs."""
        ...

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """Store one message and return its sequence once it is durable.

        One attempt: raises FencedError (nothing stored by this call), TooLargeError, DeniedError,
        or UnavailableError when no answer came and the outcome is unknown.
        """
        ...

    async def tail(self, filter: str) -> Stored | None:
        """Return the last message under `filter`, asked of the leader; null when there is none."""
        ...

    async def message(self, sequence: int) -> Stored | None:
        """Return one message by its sequence, asked of the leader; null when there is none."""
        ...

    async def info(self) -> LogInfo:
        """Return first and last sequence and what is deleted, asked of the leader."""
        ...

    async def read(self, after: int) -> Reader:
        """Return a reader that begins with sequence `after` + 1.

        Raises HoleError when the log ends before `after`: it was cut, and must not be continued.
        """
        ...

    async def notify(self, subject: str, payload: bytes) -> None:
        """Send a notice, which nothing stores (verdicts, turns)."""
        ...

    async def request(self, subject: str, payload: bytes, wait: float) -> bytes:
        """Send a request on `subject`; raises UnavailableError if none comes in `wait` seconds."""
        ...

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Answer requests on `subject` until the bus is closed; returns once they reach `answer`.

        They are answered one after the other. An exception in `answer` is a bug: the bus is of no
        more use, and the exception comes out of it.
        """
        ...

    def listen(self, subject: str) -> Notices:
        """Return the notices on `subject` as they come."""
        ...

    async def close(self) -> None:
        """Release everything; idempotent."""
        ...
