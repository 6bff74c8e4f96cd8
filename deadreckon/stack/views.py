"""Keeps every projection of a folder up with the log."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.intake import Intake

FLUSH_SECONDS = 0.5  # rows become visible at least this often while the log moves
NAME = "views"


class View(Protocol):
    """A projection with a place: SQLite, the lake, the metrics."""

    place: int

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Take one message's facts; messages come once, in order."""
        ...

    def flush(self) -> None:
        """Make rows, place and digests visible together."""
        ...


class AheadError(Exception):
    """You opened a view that is ahead of its log: the log was cut. Nothing may be built on it."""


class Views:
    """One follower of the feed for all projections of a process."""

    def __init__(self, feed: Feed, book: str, mode: Mode, views: Sequence[View]) -> None:
        self._feed = feed
        self._views = views
        self._intake = Intake(book, mode, reads_signals=False, restamps=False)
        self._flushed = time.monotonic()
        self.place = 0
        feed.follow(NAME)

    def check(self, last: int) -> None:
        """Refuse views that know more than the log holds. Raises AheadError."""
        for view in self._views:
            if view.place > last:
                raise AheadError(
                    f"a view has seen message {view.place}, but the log ends at {last}: "
                    "the log was cut; restore it, or rebuild the views with `dr rebuild`"
                )

    async def follow(self) -> None:
        """Fold what comes for as long as the log does."""
        while True:
            if not await self._feed.reach(self.place + 1, FLUSH_SECONDS):
                self.flush()
                continue
            self._take()
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()
            await asyncio.sleep(0)

    async def catch_up(self, sequence: int) -> None:
        """Fold and show everything up to `sequence`."""
        while self.place < sequence:
            await self._feed.reach(self.place + 1)
            self._take()
            await asyncio.sleep(0)
        self.flush()

    def _take(self) -> None:
        for message in self._feed.since(self.place, 200):
            facts = list(self._intake.admit(message))
            for view in self._views:
                if message.sequence > view.place:
                    view.fold(message.sequence, facts)
            self.place = message.sequence
        self._feed.done(NAME, self.place)

    def flush(self) -> None:
        """Show what was folded."""
        for view in self._views:
            view.flush()
        self._flushed = time.monotonic()
