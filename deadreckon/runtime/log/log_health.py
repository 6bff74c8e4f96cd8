"""Availability of the log for writing: nothing may be traded while it stores nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deadreckon.runtime.log.bus import FencedError, UnavailableError
from deadreckon.runtime.process import log_lines

# Seconds a write may wait for its acknowledgement before the log counts as away. Nothing depends on
# it but what is reported: an order waits for its own acknowledgement, however long that takes. A
# server that is started again answers within half a second; an election among three takes four to
# eight.
AWAY_AFTER = 2.0

log = log_lines.Logger()


class LogHealth:
    """The outcome of one process's writes. `sequence` is the last one acknowledged,
    `missed` counts attempts without an answer, `reason` is why the last of them failed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.sequence = 0
        self.missed = 0
        self.reason = ""
        self._now = now
        self._acknowledged: float | None = None
        self._failing_since: float | None = None
        self._first_missed = 0.0  # since then
        self._under_way: dict[int, float] = {}
        self._number = 0
        self._reported = False

    @contextmanager
    def write(self) -> Iterator[None]:
        """Observe one attempt to append, in the block; a refusal counts as an answer."""
        self._number += 1
        number, began = self._number, self._now()
        self._under_way[number] = began
        try:
            yield
        except UnavailableError as fault:
            self._missed(began, str(fault))
            raise
        except FencedError:
            self.acknowledge(0)
            raise
        finally:
            del self._under_way[number]

    def acknowledge(self, sequence: int) -> None:
        """Note that the log has stored a message, or has refused it (0)."""
        self.sequence = max(self.sequence, sequence)
        if self._reported:
            log.warning("log_back", seconds_away=round(self.seconds_waiting, 3))
        self._acknowledged = self._now()
        self._failing_since, self._reported, self.reason = None, False, ""

    def _missed(self, began: float, reason: str) -> None:
        self.missed += 1
        self.reason = reason
        if self._failing_since is None:
            self._failing_since, self._first_missed = began, self._now()
        # Answers that are slow once are those of a busy machine: an attempt made after has to fail.
        again = began > self._first_missed
        if again and not self.available and not self._reported:
            self._reported = True
            log.error("log_away", reason=reason, next="nothing is sent until it is back")

    @property
    def seconds_waiting(self) -> float:
        """Seconds that the oldest write has waited for the log; 0.0 when none waits."""
        begun = [*self._under_way.values()]
        if self._failing_since is not None:
            begun.append(self._failing_since)
        return self._now() - min(begun) if begun else 0.0

    @property
    def available(self) -> bool:
        """True unless a write of this process has waited for longer than AWAY_AFTER."""
        return self.seconds_waiting <= AWAY_AFTER

    @property
    def seconds_since_acknowledged(self) -> float | None:
        """Seconds since the log last acknowledged a write; null when it never did."""
        return None if self._acknowledged is None else self._now() - self._acknowledged

    def fault(self) -> str:
        """Return the reason why nothing can be written; empty when the log is available."""
        if self.available:
            return ""
        why = self.reason or "no answer yet"
        return f"the log has taken nothing for {self.seconds_waiting:.1f} seconds: {why}"
