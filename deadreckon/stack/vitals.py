"""Whether a running stack is well: who reads, who has recalled, how far the views are behind."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from deadreckon.runtime.feed import Feed
from deadreckon.runtime.service import Service
from deadreckon.stack.views import StoredViews, Views

LAG_MAX = 2_000  # messages the views may be behind the log: below a second of it at full speed


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
    services: Callable[[], Sequence[Service]]

    @property
    def lag(self) -> int:
        """How many messages the views are behind what was read of the log."""
        return max(self.feed.last - self.views.place, 0)

    def fault(self) -> str:
        """Why this process should be restarted; empty when it lives."""
        return "" if self.feed.alive else "the log is not being read"

    def unready(self) -> str:
        """Why this process should not be asked yet; empty when it is ready."""
        if self.fault():
            return self.fault()
        recalling = [service.name for service in self.services() if not service.ready]
        if recalling:
            return f"recalling the log: {', '.join(recalling)}"
        if not self.views.place:
            return "the views have not begun"
        if self.lag > LAG_MAX:
            return f"the views are {self.lag} messages behind the log"
        return ""
