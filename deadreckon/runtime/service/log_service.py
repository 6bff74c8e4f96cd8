"""Whoever has a domain of its own and lives by the log: a decider's service, or a venue's edge."""

from typing import Any, Protocol

from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.snapshots import StateAtCommit


class LogService(Protocol):
    """What those who start, pace, watch and end it need to know of it."""

    name: str
    ready: bool  # it has recalled what it once said

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
        """What it remembers: plain data, a function of the log alone."""
        ...

    async def restore(self) -> None:
        """Stand where the newest snapshot stood; to be called before the feed starts."""
        ...

    async def replay(self) -> None:
        """Fold the log up to its own last commit; nothing is decided or sent."""
        ...

    def follow_recorded(self, message: Message) -> None:
        """Take the next message as recall does, beside another instance that is at work."""
        ...

    async def follow(self) -> None:
        """Answer what comes for as long as the log does."""
        ...

    async def take_turn(self, upto: int) -> bool:
        """Answer everything up to message `upto`; whether anything was said."""
        ...

    async def state_at_commit(self) -> StateAtCommit:
        """Where its state stands at a commit, with the digest."""
        ...

    async def rest(self) -> None:
        """Leave everything in order at an orderly end."""
        ...
