"""Messages set aside while a service waits for a job, so that no other service has to wait."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deadreckon.contracts.event import Recorded
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.process.cancellation import cancel_all

LOOK_SECONDS = 0.1  # between two looks at a job while no message comes

T = TypeVar("T")

Questions = list[tuple[int, Recorded]]  # type: ignore[type-arg]


class ReadAhead:
    """Reading ahead of a service that is busy with a job.

    Messages that it may have to answer are kept in order; the rest is dropped. `position` is the
    last message read. The feed that all services of a process share is never held up.
    """

    def __init__(self, name: str, feed: Feed, questions: Callable[[Message], Questions]) -> None:
        self._name = name
        self._feed = feed
        self._questions = questions  # the ones of a message that concern the service
        self._kept: deque[tuple[int, Questions]] = deque()
        self.position = 0

    async def until(self, job: Awaitable[T]) -> "asyncio.Future[T]":
        """Return a job once it has ended, reading on until then; it is cancelled with the caller.

        Raises what reading raises.
        """
        running = asyncio.ensure_future(job)
        try:
            while not running.done():
                if await self._feed.reach(self.position + 1, LOOK_SECONDS):
                    self._read()
                    await asyncio.sleep(0)
            return running
        finally:
            await cancel_all([running])

    def _read(self) -> None:
        for message in self._feed.since(self.position):
            if questions := self._questions(message):
                self._kept.append((message.sequence, questions))
            self.position = message.sequence
        self._feed.done(self._name, self.position)

    def next(self) -> tuple[int, Questions] | None:
        """Return the next message that was kept, by sequence, with its questions; null when all
        are behind."""
        return self._kept.popleft() if self._kept else None
