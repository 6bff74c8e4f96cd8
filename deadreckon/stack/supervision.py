"""Halts a book whose services fail on the same event again and again, and names the event."""

from deadreckon.contracts.governance import HaltRequested
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.crashes import REPEATS, CrashBook
from deadreckon.stack.setup import say

DOOR = "supervisor"


async def halt_after_crashes(bus: Bus, book: str, crashes: CrashBook) -> str | None:
    """Say a total halt when the last lives ended alike; the reason given, or null.

    The fact's id derives from the crash, so that the same crash halts once, and a resume after
    the code was mended is not undone by the next start.
    """
    crash = crashes.repeated()
    if crash is None:
        return None
    reason = (
        f"{crash.service} failed {REPEATS} times on {crash.event_type} {crash.event_id}: "
        f"{crash.error}"
    )[:500]
    fact_id = f"crash-{crash.service}-{crash.event_id}"[:128]
    await say(bus, book, DOOR, fact_id, HaltRequested(DOOR, reason, "all"))
    return reason
