"""Keeps every projection of a folder up with the log."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.lake_sink import LakeSink
from deadreckon.projections.projector import Projector
from deadreckon.projections.sqlite import SqliteSink
from deadreckon.runtime.feed import Feed, Message
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.intake import Intake

FLUSH_SECONDS = 0.5  # rows become visible at least this often while the log moves
NAME = "views"


class View(Protocol):
    """A fold that is kept in memory: metrics, the board of the terminal. It begins at 0."""

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Take one message's facts; messages come once, in order."""
        ...


class AheadError(Exception):
    """You opened a view that is ahead of its log: the log was cut. Nothing may be built on it."""


@contextmanager
def stored_views(folder: Folder) -> Iterator[Projector]:
    """The audit book and the lake of a folder, opened to go on where they are."""
    projector = Projector([SqliteSink(folder.audit), LakeSink(folder.lake, folder.analytics)])
    try:
        yield projector
    finally:
        projector.close()


class Views:
    """One follower of the feed for all projections of a process.

    `projector` keeps what is stored (null: nothing is), `views` are folded in memory.
    """

    def __init__(
        self, feed: Feed, book: str, mode: Mode, projector: Projector | None, views: Sequence[View]
    ) -> None:
        self._feed = feed
        self._projector = projector
        self._views = views
        self._intake = Intake(book, mode, reads_signals=False, restamps=False)
        self._flushed = time.monotonic()
        self._writing: asyncio.Future[None] | None = None
        self.place = 0
        feed.follow(NAME)

    def check(self, last: int) -> None:
        """Refuse views that know more than the log holds. Raises AheadError."""
        if self._projector and self._projector.furthest > last:
            raise AheadError(
                f"a view has seen message {self._projector.furthest}, but the log ends at {last}: "
                "the log was cut; restore it, or rebuild the views with `dr rebuild`"
            )

    async def follow(self) -> None:
        """Fold what comes for as long as the log does."""
        while True:
            if not await self._feed.reach(self.place + 1, FLUSH_SECONDS):
                await self.flush()
                continue
            self._take()
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                await self.flush()
            await asyncio.sleep(0)

    async def catch_up(self, sequence: int) -> None:
        """Fold and show everything up to `sequence`."""
        await self._written()
        while self.place < sequence:
            await self._feed.reach(self.place + 1)
            self._take()
            await asyncio.sleep(0)
        await self.flush()

    def _take(self) -> None:
        for message in self._feed.since(self.place, 200):
            self._fold(message)
            self.place = message.sequence
        self._feed.done(NAME, self.place)

    def _fold(self, message: Message) -> None:
        facts = list(self._intake.admit(message))
        for view in self._views:
            view.fold(message.sequence, facts)
        if self._projector and message.sequence > self._projector.place:
            self._projector.fold(message.sequence, facts, message.stored_at)

    async def flush(self) -> None:
        """Show what was folded; the writing is done beside the event loop, and never cut off."""
        if self._projector:
            await self._written()
            self._writing = asyncio.ensure_future(asyncio.to_thread(self._projector.flush))
            await asyncio.shield(self._writing)
        self._flushed = time.monotonic()

    async def _written(self) -> None:
        if self._writing:
            await self._writing
