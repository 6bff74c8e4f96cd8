"""Supervision: a failed service is started again; a book with services that keep failing halts."""

from msgspec import Struct

from deadreckon.contracts.governance import HaltRequested
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.service.crash_counter import REPEATS, CrashCounter

SUPERVISOR = "supervisor"

STEADY_SECONDS = 10.0  # a process that lived this long resets the failures before it
BACKOFF_FIRST = 0.1  # seconds before a process is started again; doubles with each failure
BACKOFF_LAST = 10.0
FAILURES_MAX = 5  # quick failures in a row before it counts as hopeless


class RestartBackoff(Struct):
    """History of one service's processes: how many ended, and how many of the last failed."""

    ends: int = 0
    failures: int = 0

    def ended(self, code: int, seconds: float) -> float:
        """Count an end; return the seconds to wait before the next start.

        >>> lives = RestartBackoff()
        >>> lives.ended(-9, 1.0), lives.ended(1, 1.0), lives.ended(1, 1.0), lives.ended(1, 60.0)
        (0.1, 0.2, 0.4, 0.2)
        """
        self.ends += 1
        if seconds >= STEADY_SECONDS:
            self.failures = 0
        self.failures += code >= 0
        wait: float = BACKOFF_FIRST * 2**self.failures
        return min(wait, BACKOFF_LAST)

    @property
    def hopeless(self) -> bool:
        """True when the last processes all failed within seconds."""
        return self.failures >= FAILURES_MAX


async def halt_after_crashes(bus: Bus, book: str, crashes: CrashCounter) -> str | None:
    """Publish a total halt when the last processes failed on one event; return its reason or null.

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
    await publish_fact(bus, book, SUPERVISOR, fact_id, HaltRequested(SUPERVISOR, reason, "all"))
    return reason
