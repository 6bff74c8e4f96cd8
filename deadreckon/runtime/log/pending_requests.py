"""Requests that wait for an answer, each with its possible endings."""

import asyncio
from typing import NamedTuple

from deadreckon.runtime.log.bus import DeniedError, UnavailableError

NO_RESPONDERS = b"NATS/1.0 503"
STALL_SECONDS = 0.05  # that a timer may be late before answers are taken to have come meanwhile


class RawReply(NamedTuple):
    """A reply to a request, with its headers as they were on the wire."""

    payload: bytes
    headers: bytes


class _Question:
    """An open request. Without a reply it fails after `wait` seconds in which this process ran:
    while it did not, the reply may have come, and is read only after the timers that are due."""

    def __init__(self, subject: str, wait: float) -> None:
        self.subject = subject
        self._wait = wait
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[RawReply] = self._loop.create_future()
        self._expect(wait)

    def _expect(self, seconds: float) -> None:
        self._due = self._loop.time() + seconds
        self.timer = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        late = self._loop.time() - self._due
        if late > STALL_SECONDS:
            self._expect(min(late, self._wait))
        else:
            reason = f"no answer on {self.subject} within {self._wait:g} seconds"
            self.fail(UnavailableError(reason))

    def fail(self, error: Exception) -> None:
        """End without a reply, unless it has ended."""
        if not self.answer.done():
            self.answer.set_exception(error)


class PendingRequests:
    """Open requests by the inbox their answer comes to; each ends with an answer or an error."""

    def __init__(self, inbox: str) -> None:
        self._inbox = inbox
        self._asked = 0
        self._open: dict[bytes, _Question] = {}

    def ask(self, subject: str, wait: float) -> "tuple[str, asyncio.Future[RawReply]]":
        """Open a request: return the inbox for its answer, and the answer within `wait` seconds."""
        self._asked += 1
        inbox = f"{self._inbox}.{self._asked}"
        question = self._open[inbox.encode()] = _Question(subject, wait)

        def close(_: object) -> None:
            question.timer.cancel()
            del self._open[inbox.encode()]

        question.answer.add_done_callback(close)
        return inbox, question.answer

    def resolve(self, subject: bytes, _: bytes, payload: bytes, headers: bytes) -> None:
        """Take a reply, perhaps to a request that has ended; called within the read loop."""
        question = self._open.get(subject)
        if question is None:
            return
        if headers and headers.startswith(NO_RESPONDERS):
            question.fail(UnavailableError(f"nobody answers on {question.subject}"))
        elif not question.answer.done():
            question.answer.set_result(RawReply(payload, headers))

    def deny(self, subject: str) -> None:
        """End the requests that a denied subject (in lower case) fits: the server does not name
        them."""
        for question in self._open.values():
            if question.subject.lower() == subject:
                question.fail(denied_error(question.subject))

    def fail(self, reason: str) -> None:
        """End every open request: no answer can come any more."""
        for question in self._open.values():
            question.fail(UnavailableError(f"{question.subject}: {reason}"))


def denied_error(subject: str) -> DeniedError:
    """Make the error for a forbidden request."""
    return DeniedError(f"this user may not use the subject {subject}")
