"""Reads what the log stores from a place on."""

from collections.abc import AsyncIterator

from deadreckon.runtime.bus import Bus, Stored


async def stored_after(bus: Bus, after: int, end: int) -> AsyncIterator[Stored]:
    """Every message after `after` up to `end` as it is stored. Raises HoleError."""
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
    finally:
        await reader.close()
