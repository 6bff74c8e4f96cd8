"""Readiness of a running stack: recovered services, and how far the views are behind."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from deadreckon.projections.runner import Views
    from deadreckon.projections.stored_views import StoredViews
    from deadreckon.runtime.log.bus import WriteHealth
    from deadreckon.runtime.log.feed import Feed

LAG_MAX = 2_000  # messages the views may be behind the log: below a second of it at full speed
BEHIND_MAX = 1_000  # messages a service may be behind before what it decides counts as late


class WatchedService(Protocol):
    """A service of this process, or the last answer of one in its own process (`LivenessProbe`)."""

    name: str

    @property
    def ready(self) -> bool:
        """True when it has recovered from the log, and answers."""
        ...

    @property
    def position(self) -> int:
        """The last message of the log that is wholly behind it."""
        ...


class Readiness(Struct, frozen=True):
    """The parts of a stack that its gateway watches.

    `services` tells them all: none while they are being made. `ends` counts, for services that
    have a process each, how many of those ended and were started again; null for others.
    `seal_failures` counts attempts to seal closed days that came to nothing.
    """

    book: str
    mode: str
    feed: "Feed"
    views: "Views"
    stored: "StoredViews"
    services: Callable[[], Sequence[WatchedService]]
    ends: Callable[[], Mapping[str, int] | None] = lambda: None
    seal_failures: Callable[[], int] = lambda: 0

    @property
    def lag(self) -> int:
        """Messages that the views are behind what was read of the log."""
        return max(self.feed.last - self.views.sequence, 0)

    @property
    def log_health(self) -> "WriteHealth":
        """Health of the log as this process sees it: whether it accepts writes."""
        return self.feed.bus.log_health

    def behind(self, service: WatchedService) -> int:
        """Count the messages of the log that a service has not answered yet."""
        return max(self.feed.last, self.log_health.sequence) - service.position

    def trouble(self) -> str:
        """Return the reason why the stack does not answer, or only late; empty when it is well."""
        return self.fault() or self.log_health.fault() or self.late() or self.unready()

    def late(self) -> str:
        """Name the services that answer late, with the messages they are behind; empty if none."""
        ready = [service for service in self.services() if service.ready]
        late = {service.name: self.behind(service) for service in ready}
        late = {name: behind for name, behind in late.items() if behind > BEHIND_MAX}
        lagging = ", ".join(f"{name} by {behind:,}" for name, behind in late.items())
        return f"behind the log: {lagging} messages" if late else ""

    def fault(self) -> str:
        """Return the reason why this process should be restarted; empty when it is alive."""
        return "" if self.feed.alive else "the log is not being read"

    def unready(self) -> str:
        """Return the reason why this process is not ready; empty when it is."""
        return self.fault() or self.log_health.fault() or self.recalling() or self.views_late()

    def recalling(self) -> str:
        """Name the services that have not recovered, or do not answer; empty if none."""
        recalling = [service.name for service in self.services() if not service.ready]
        if not recalling:
            return ""
        why = "recalling the log" if self.ends() is None else "recalling the log, or not answering"
        return f"{why}: {', '.join(recalling)}"

    def views_late(self) -> str:
        """Return how far the views are behind the log; empty when it is not too far."""
        if not self.views.sequence or not self.stored.opened:
            return "the views have not begun"
        if self.lag > LAG_MAX:
            return f"the views are {self.lag} messages behind the log"
        return ""
