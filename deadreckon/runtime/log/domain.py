"""A service's own subjects: one writer at a time, each commit linked to the one before."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from deadreckon.contracts.codec import UndecodableError, decode_commit, encode_commit
from deadreckon.contracts.envelope import Commit, Envelope, derive_id, digest
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.subjects import commit_subject, domain
from deadreckon.runtime.log.bus import Bus, BusyError, Fence, FencedError, Stored, UnavailableError
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import log_lines

RETRY_FIRST = 0.05  # seconds before the same bytes are sent again; doubles up to RETRY_LAST
RETRY_LAST = 2.0

T = TypeVar("T")

log = log_lines.Logger()


class FencedOutError(OperationalError):
    """You write in a domain that another instance has taken over; recover as its standby."""


class ForeignMessageError(OperationalError):
    """You write in a domain that holds a message of something other than the service.

    It is an incident that a person has to look into before anybody goes on (see the runbook).
    """


class Domain:
    """The writing end of (book, service). `sequence` is the fence token: the sequence of the last
    commit.

    Whatever happens on the way, a commit is stored at most once: every attempt carries the same
    bytes and the same token, and the server stores only the first.
    """

    def __init__(self, bus: Bus, book: str, service: str, code: str) -> None:
        self._bus = as_role(bus, service)  # nobody else may write here
        self._book = book
        self._service = service
        self._code = code
        self._instance = secrets.token_hex(8)  # tells our commits from a rival's equal ones
        self.filter = domain(book, service)
        self.sequence = 0
        self.n = 0
        self.previous = ""

    async def recover(self) -> Commit | None:
        """Read the domain's last commit, if any, from the log and set the fence behind it.

        Raises ForeignMessageError when the tail is not a commit.
        """
        tail = await retry(lambda: self._bus.tail(self.filter))
        if tail is None:
            return None
        commit = self._decoded(tail)
        self.sequence, self.n, self.previous = tail.sequence, commit.n, digest(tail.payload)
        return commit

    async def append(
        self,
        covers: tuple[int, int, int],
        answers: list[tuple[int, int, int]],
        events: list[Envelope],
    ) -> int:
        """Store the next commit, trying for as long as it takes; returns its sequence.

        `covers` is (first, to, part) of the inputs answered. Raises FencedOutError.
        """
        first, to, part = covers
        commit = Commit(
            id=derive_id(self._instance, self.filter, self.n + 1),
            n=self.n + 1,
            first=first,
            to=to,
            part=part,
            previous=self.previous,
            code=self._code,
            answers=answers,
            events=events,
        )
        payload = encode_commit(commit)
        sequence = await self._store("events" if events else "progress", payload, commit.id)
        self.sequence, self.n, self.previous = sequence, commit.n, digest(payload)
        return sequence

    async def _store(self, kind: Literal["events", "progress"], payload: bytes, name: str) -> int:
        subject = commit_subject(self._book, self._service, kind)
        fence = Fence(self.filter, self.sequence)

        async def attempt() -> int:
            try:
                return await self._bus.append(subject, payload, fence)
            except FencedError as refusal:
                return self._judge(refusal.tail, name)

        return await retry(attempt)

    def _judge(self, tail: Stored | None, name: str) -> int:
        """Find out who moved the fence: an earlier attempt of ours, nobody yet, or a rival."""
        if tail is not None and tail.sequence != self.sequence:
            stored = self._decoded(tail)
            if stored.id == name:
                return tail.sequence
            if not self._may_follow(stored):
                raise ForeignMessageError(
                    f"{self.filter}: message {tail.sequence} says that it is commit {stored.n}, "
                    f"but does not continue commit {self.n}"
                )
            raise FencedOutError(f"{self.filter}: another instance wrote commit {stored.n}")
        raise UnavailableError(f"{self.filter}: refused with the fence in place; trying again")

    def _decoded(self, tail: Stored) -> Commit:
        try:
            return decode_commit(tail.payload)
        except UndecodableError as error:
            raise ForeignMessageError(
                f"{self.filter}: message {tail.sequence} ({tail.subject}) is no commit: {error}"
            ) from error

    def _may_follow(self, stored: Commit) -> bool:
        """Tell whether a rival that recovered our last commit can have written this one."""
        if stored.n == self.n + 1:
            return stored.previous == self.previous
        return stored.n > self.n + 1


async def retry(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until the log answers; a log that is away is waited for.

    An absence that lasts is logged once, by the `log_health` of the bus.
    """
    wait = RETRY_FIRST
    while True:
        try:
            return await attempt()
        except BusyError:
            await asyncio.sleep(RETRY_FIRST)  # whoever fills the buffer does not wait either
        except UnavailableError as fault:
            log.debug("log_unavailable", reason=str(fault), next_try_seconds=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_LAST)
