"""Whether a running stack is well: who reads, who has recalled, how far the views are behind."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from deadreckon.runtime.answerer import Answerer
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.pulse import Pulse
from deadreckon.stack.views import StoredViews, Views

LAG_MAX = 2_000  # messages the views may be behind the log: below a second of it at full speed
BEHIND_MAX = 1_000  # messages a service may be behind before what it decides counts as late


class Vitals(Struct, frozen=True):
    """The parts of a stack that its gateway watches.

    `services` tells those of this process: none while they are being made, or when each has a
    process of its own.
    """

    book: str
    mode: str
    feed: Feed
    views: Views
    stored: StoredViews
    services: Callable[[], Sequence[Answerer]]

    @property
    def lag(self) -> int:
        """How many messages the views are behind what was read of the log."""
        return max(self.feed.last - self.views.place, 0)

    @property
    def pulse(self) -> Pulse:
        """Whether the log takes what this process writes."""
        return self.feed.bus.pulse

    def behind(self, service: Answerer) -> int:
        """How many messages of the log a service has not answered yet."""
        return max(self.feed.last, self.pulse.sequence) - service.position

    def trouble(self) -> str:
        """Why nothing is traded, or only late; empty when all is well."""
        late = {service.name: self.behind(service) for service in self.services()}
        late = {name: behind for name, behind in late.items() if behind > BEHIND_MAX}
        told = ", ".join(f"{name} by {behind:,}" for name, behind in late.items())
        return (
            self.fault()
            or self.pulse.fault()
            or (f"behind the log: {told} messages" if late else "")
            or self.unready()
        )

    def fault(self) -> str:
        """Why this process should be restarted; empty when it lives."""
        return "" if self.feed.alive else "the log is not being read"

    def unready(self) -> str:
        """Why this process should not be asked yet; empty when it is ready."""
        if self.fault() or self.pulse.fault():
            return self.fault() or self.pulse.fault()
        recalling = [service.name for service in self.services() if not service.ready]
        if recalling:
            return f"recalling the log: {', '.join(recalling)}"
        if not self.views.place or not self.stored.opened:
            return "the views have not begun"
        if self.lag > LAG_MAX:
            return f"the views are {self.lag} messages behind the log"
        return ""
