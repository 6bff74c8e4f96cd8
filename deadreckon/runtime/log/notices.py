"""Messages of a subject that no stream stores, kept until they are read."""

import asyncio
from collections import deque

NOTICES_MAX = 65_536  # unheard ones kept for one listener


class NoticeQueue:
    """Queue of notices in the order they came.

    When there are too many unread ones the newest is lost and counted, as notices allow.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._over = False

    def add(self, payload: bytes) -> None:
        """Take one notice in."""
        if len(self._waiting) < NOTICES_MAX:
            self._waiting.append(payload)
            self._wake()
        else:
            self.lost += 1

    def end(self) -> None:
        """End the queue: an iteration gets what is here and then stops."""
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> bytes | None:
        """Return the next notice, waiting for it; null at the end."""
        while not self._waiting:
            if self._over:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._waiting.popleft()
