"""Requests that wait for an answer, each with its possible endings."""

import asyncio
from typing import NamedTuple

from deadreckon.runtime.log.bus import DeniedError, UnavailableError

NO_RESPONDERS = b"NATS/1.0 503"


class RawReply(NamedTuple):
    """A reply to a request, with its headers as they were on the wire."""

    payload: bytes
    headers: bytes


class _Question(NamedTuple):
    subject: str
    answer: "asyncio.Future[RawReply]"


class PendingRequests:
    """Open requests by the inbox their answer comes to; each ends with an answer or an error."""

    def __init__(self, inbox: str) -> None:
        self._inbox = inbox
        self._asked = 0
        self._open: dict[bytes, _Question] = {}

    def ask(self, subject: str, wait: float) -> "tuple[str, asyncio.Future[RawReply]]":
        """Open a request: return the inbox for its answer, and the answer within `wait` seconds."""
        loop = asyncio.get_running_loop()
        self._asked += 1
        inbox = f"{self._inbox}.{self._asked}"
        question = _Question(subject, loop.create_future())
        self._open[inbox.encode()] = question
        late = f"no answer on {subject} within {wait:g} seconds"
        timer = loop.call_later(wait, _fail, question, UnavailableError(late))

        def close(_: object) -> None:
            timer.cancel()
            del self._open[inbox.encode()]

        question.answer.add_done_callback(close)
        return inbox, question.answer

    def resolve(self, subject: bytes, _: bytes, payload: bytes, headers: bytes) -> None:
        """Take a reply, perhaps to a request that has ended; called within the read loop."""
        question = self._open.get(subject)
        if question is None:
            return
        if headers and headers.startswith(NO_RESPONDERS):
            _fail(question, UnavailableError(f"nobody answers on {question.subject}"))
        elif not question.answer.done():
            question.answer.set_result(RawReply(payload, headers))

    def deny(self, subject: str) -> None:
        """End the requests that a denied subject (in lower case) fits: the server does not name
        them."""
        for question in self._open.values():
            if question.subject.lower() == subject:
                _fail(question, denied_error(question.subject))

    def fail(self, reason: str) -> None:
        """End every open request: no answer can come any more."""
        for question in self._open.values():
            _fail(question, UnavailableError(f"{question.subject}: {reason}"))


def denied_error(subject: str) -> DeniedError:
    """Make the error for a forbidden request."""
    return DeniedError(f"this user may not use the subject {subject}")


def _fail(question: _Question, error: Exception) -> None:
    if not question.answer.done():
        question.answer.set_exception(error)
