"""The interface of anything that writes its own domain: a decider's service, a venue's edge."""

from typing import Any, Protocol

from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.snapshots import StateAtCommit


class LogService(Protocol):
    """Publisher of the log, as the code that starts, paces, watches and ends it sees it."""

    name: str
    ready: bool  # it has replayed the log up to its own last commit

    @property
    def domain(self) -> Domain:
        """Its own subjects of the log."""
        ...

    @property
    def position(self) -> int:
        """The last message of the log that is wholly behind it."""
        ...

    @property
    def state(self) -> Any:
        """Its state: plain data, a function of the log alone."""
        ...

    @property
    def awaits_price(self) -> bool:
        """True when it has an order that the next price may fill."""
        ...

    async def restore(self) -> None:
        """Continue from the newest snapshot; to be called before the feed starts."""
        ...

    async def replay(self) -> None:
        """Fold the log up to its own last commit; nothing is decided or sent."""
        ...

    def follow_recorded(self, message: Message) -> None:
        """Fold the next message as `replay` does, while another instance is at work."""
        ...

    async def follow(self) -> None:
        """Answer new messages for as long as the log runs."""
        ...

    async def take_turn(self, upto: int) -> bool:
        """Answer everything up to message `upto`; returns whether it published anything."""
        ...

    async def state_at_commit(self) -> StateAtCommit:
        """Return its last commit and the digest of the state there."""
        ...

    async def rest(self) -> None:
        """Leave everything in order, at an orderly end."""
        ...
