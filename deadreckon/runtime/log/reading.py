"""Reading of a log from its first message to its last, decoded and checked."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable

from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Decoding, Message


async def read_messages(
    bus: Bus, upto: int | None = None, progress: Callable[[int, int], None] | None = None
) -> AsyncIterator[Message]:
    """Yield every message up to `upto` (null: the last one now); `progress` is called with (done,
    of)."""
    end = upto if upto is not None else (await retry(bus.info)).last
    decoding = Decoding()
    async for stored in read_stored(bus, end, progress):
        yield decoding.decode(stored)


async def read_stored(
    bus: Bus,
    end: int,
    progress: Callable[[int, int], None] | None = None,
    after: int = 0,
) -> AsyncGenerator[Stored, None]:
    """Yield every message after `after` up to `end` as it is stored. A caller that stops early
    closes it."""
    if after >= end:
        return
    reader = await bus.read(after)
    done = after
    try:
        while done < end:
            for stored in await reader.next(1.0):
                if stored.sequence > end:
                    return
                done = stored.sequence
                yield stored
            if progress:
                progress(done, end)
    finally:
        await reader.close()
