"""Reads the live log in step with an archive, to compare the two."""

from collections.abc import AsyncIterator

from deadreckon.runtime.log.bus import Bus, HoleError, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.reading import read_stored


class LiveReader:
    """The live log, read in step with the archive; empty when there is no bus."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus
        self.first = 0
        self.last = 0
        self.fault = ""
        self._messages: AsyncIterator[Stored] | None = None
        self._held: Stored | None = None  # the last one read

    async def begin(self) -> None:
        """Find out what the log still has."""
        if self._bus is not None:
            info = await retry(self._bus.info)
            self.first, self.last = info.first, info.last
            self._messages = read_stored(self._bus, info.last, after=max(info.first - 1, 0))

    async def next(self, sequence: int) -> Stored | None:
        """Return the message of this sequence; null when the log does not have it, or not any
        longer."""
        if self._messages is None or not self.first <= sequence <= self.last or self.fault:
            return None
        try:
            while self._held is None or self._held.sequence < sequence:
                self._held = await anext(self._messages)
        except HoleError as error:
            self.fault = str(error)
            return None
        return self._held

    async def rest(self, after: int) -> AsyncIterator[Stored]:
        """Return the messages that come after and were not read yet."""
        if self._messages is None or self.fault:
            return
        if self._held is not None and self._held.sequence > after:
            yield self._held
        try:
            async for stored in self._messages:
                if stored.sequence > after:
                    yield stored
        except HoleError as error:
            self.fault = str(error)
