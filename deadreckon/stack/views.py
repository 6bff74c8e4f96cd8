"""Keeps every projection of a folder up with the log."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import structlog

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.projector import Projector
from deadreckon.projections.sink import SupersededError
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.reading import messages
from deadreckon.runtime.feed import Feed, Message
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.intake import Intake

FLUSH_SECONDS = 0.5  # rows become visible at least this often while the log moves
NAME = "views"

log = structlog.get_logger()


class View(Protocol):
    """A fold that is kept in memory: metrics, the board of the terminal. It begins at 0."""

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Take one message's facts; messages come once, in order."""
        ...


class AheadError(Exception):
    """You opened a view that is ahead of its log: the log was cut. Nothing may be built on it."""


class StoredViews:
    """The audit book, the lake and the metrics of a folder, opened to go on where they are."""

    def __init__(self, folder: Folder) -> None:
        self._paths = paths(folder.root)
        self.projector = open_projector(self._paths)

    def reopen(self) -> None:
        """Open what a rebuild has put in their place; they stand where the rebuild ended."""
        log.warning("views_superseded", note="a rebuild replaced them; going on with the new ones")
        self.projector = open_projector(self._paths)


@contextmanager
def stored_views(folder: Folder) -> Iterator[StoredViews]:
    """The stored views of a folder, closed at the end."""
    stored = StoredViews(folder)
    try:
        yield stored
    finally:
        stored.projector.close()


def check_place(stored: StoredViews, last: int) -> None:
    """Refuse views that know more than the log, whose last message is `last`, holds."""
    furthest = stored.projector.furthest
    if furthest > last:
        raise AheadError(
            f"a view has seen message {furthest}, but the log ends at {last}: the log was cut; "
            "restore it, or rebuild the views with `dr rebuild`"
        )


class Views:
    """One follower of the feed for all projections of a process.

    `stored` is what is kept on disk (null: nothing is), `views` are folded in memory.
    """

    def __init__(
        self, feed: Feed, book: str, mode: Mode, stored: StoredViews | None, views: Sequence[View]
    ) -> None:
        self._feed = feed
        self._book, self._mode = book, mode
        self._stored = stored
        self._views = views
        self._intake = Intake(book, mode, reads_signals=False, restamps=False)
        self._flushed = time.monotonic()
        self._writing: asyncio.Future[None] | None = None
        self.place = 0
        feed.follow(NAME)

    def check(self, last: int) -> None:
        """Refuse views that know more than the log holds. Raises AheadError."""
        if self._stored:
            check_place(self._stored, last)

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
        if self._stored and message.sequence > self._stored.projector.place:
            self._stored.projector.fold(message.sequence, facts, message.stored_at)

    async def flush(self) -> None:
        """Show what was folded; the writing is done beside the event loop, and never cut off."""
        if self._stored:
            await self._written()
            self._writing = asyncio.ensure_future(self._write(self._stored))
            await asyncio.shield(self._writing)
        self._flushed = time.monotonic()

    async def _write(self, stored: StoredViews) -> None:
        try:
            await asyncio.to_thread(stored.projector.flush)
        except SupersededError:
            stored.reopen()
            await self._read_again(stored.projector)

    async def _read_again(self, projector: Projector) -> None:
        """Hand reopened views what the log holds between their place and ours."""
        intake = Intake(self._book, self._mode, reads_signals=False, restamps=False)
        async for message in messages(self._feed.bus, upto=self.place):
            facts = list(intake.admit(message))
            if message.sequence > projector.place:
                projector.fold(message.sequence, facts, message.stored_at)
        await asyncio.to_thread(projector.flush)

    async def _written(self) -> None:
        if self._writing:
            await self._writing
