"""Follower that keeps every projection of a folder up to date with the log."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from deadreckon.contracts.envelope import digest
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks.sink import SupersededError
from deadreckon.projections.stored_views import StoredViews, check_sequence
from deadreckon.projections.trading_state import TradingView
from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.snapshot_file import LogPosition
from deadreckon.runtime.service.snapshots import Snapshot, Snapshots, SnapshotStore

FLUSH_SECONDS = 0.5  # rows become visible at least this often while the log moves
DISK_RETRY_SECONDS = 2.0  # between two attempts to write again after a disk fault
NAME = "views"
CATCH_UP_MESSAGES = (
    1_000  # messages behind the services within which the views follow the same feed
)
HELD_FOR_VIEWS = 5_000  # messages at most that services may recall before the views read them
HEAD_START = 2.0  # seconds at most that services get before the stored views are opened
READY_POLL_SECONDS = 0.02  # seconds between two checks whether the services are ready
LATE_MAX = 5_000  # messages buffered while the stored views are being opened
FACTS_AT_ONCE = 2_000  # events folded before yielding to the event loop
MESSAGES_AT_ONCE = (
    20  # messages of the past folded before yielding to the event loop: services decide first
)

# Exceptions of SQLite and the lake's files for a disk that is full, read-only or failing.
DISK_FAULTS = (OSError, sqlite3.OperationalError)

FoldedMessage = tuple[int, list[Recorded[Any]], int]  # sequence, facts, stored_at

log = log_lines.Logger()


class FoldedView(Protocol):
    """A fold kept in memory, such as the terminal's live view. It begins at sequence 0, or with
    the state that an earlier one had `encoded`."""

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Fold the events of one message; messages come once, in order."""
        ...

    def written(self) -> bytes:
        """Encode the whole state as JSON."""
        ...

    def restore(self, written: bytes) -> None:
        """Restore the state that `encoded` returned."""
        ...


class Views:
    """Follower of the feed for all projections of a process.

    `stored` are the projections on disk (None: none), `views` are folded in memory, and so is
    `trading`. The past that they lack when the services begin is read concurrently, so that no
    decision waits for it.
    """

    def __init__(
        self,
        feed: Feed,
        book: str,
        mode: Mode,
        stored: StoredViews | None,
        views: Sequence[FoldedView],
        snapshots: Snapshots | None = None,
    ) -> None:
        self._feed = feed
        self._book, self._mode = book, mode
        self._stored = stored
        self.trading = TradingView()
        folded = (*views, self.trading)
        self._views = {f"{type(view).__module__}.{type(view).__name__}": view for view in folded}
        self._intake = Ingress(book, mode, reads_signals=False, restamps=False)
        self._flushed = time.monotonic()
        self._writing: asyncio.Future[None] | None = None
        self.snapshots = snapshots
        self._shelf = self._find_shelf(snapshots) if snapshots else None
        self._facts = 0  # since the last snapshot
        self._newest: Message | None = None
        self._opening: asyncio.Future[None] | None = None
        # Messages that came while the stored views were being opened.
        self._late: list[FoldedMessage] = []
        self._joined = True
        self.sequence = 0
        feed.follow(NAME)

    def _find_shelf(self, snapshots: Snapshots) -> SnapshotStore:
        modules = {type(view).__module__ for view in self._views.values()}
        return snapshots.snapshot_store(
            NAME, self._book, self._mode, modules, dict[str, msgspec.Raw]
        )

    @property
    def now(self) -> int:
        """Decision time reached: the market's or the clock's (nanoseconds UTC)."""
        return self._intake.now

    def check(self, last: int) -> None:
        """Raise ViewAheadError if the views are ahead of the log."""
        if self._stored:
            check_sequence(self._stored, last)

    async def restore(self) -> None:
        """Restore the latest snapshot that fits the stored projections. Call it before the feed
        starts, when the services have registered where they begin."""
        found = await self._shelf.load(self._feed.bus) if self._shelf else None
        self._feed.leave(NAME)
        if found is not None and self._fits(found):
            self._intake, self.sequence = found.ingress, found.position.covered
            for name, view in self._views.items():
                view.restore(bytes(found.state[name]))
            log.info("restored", service=NAME, sequence=self.sequence)
        last = (await retry(self._feed.bus.info)).last
        near = self._feed.least - self.sequence <= CATCH_UP_MESSAGES
        self._joined = near and last - self.sequence <= HELD_FOR_VIEWS
        if self._joined:
            self._feed.follow(NAME, self.sequence, found.links if found and self.sequence else None)

    def _fits(self, found: Snapshot) -> bool:
        """Return True when the snapshot has every view and no stored projection is behind it."""
        least = self._stored.extent.least if self._stored else found.position.covered
        return found.position.covered <= least and self._views.keys() <= found.state.keys()

    async def follow(self) -> None:
        """Fold messages as they arrive, until cancelled."""
        if self._stored and self._opening is None:
            self._opening = asyncio.ensure_future(self._open(self._stored))
        await self._join()
        while True:
            if len(self._late) > LATE_MAX:
                await self._opened()
            if not await self._feed.reach(self.sequence + 1, FLUSH_SECONDS):
                await self.flush()
                continue
            self._take()
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                await self.flush()
            await asyncio.sleep(0)

    async def catch_up(self, sequence: int) -> None:
        """Fold everything up to `sequence` and make it visible."""
        await self._written()
        await self._opened()
        await self._join()
        while self.sequence < sequence:
            await self._feed.reach(self.sequence + 1)
            self._take()
            await asyncio.sleep(0)
        await self.flush()

    async def rest(self) -> None:
        """Write a snapshot at an orderly end."""
        if self._shelf and self._facts and self._newest:
            self._facts = self._shelf.facts_between
            await self.flush()
            await self._shelf.written()

    async def end(self) -> None:
        """Give up opening and writing the stored views: whoever runs views awaits this before the
        stored ones are closed, in whatever way the stack ends."""
        await cancel_all([each for each in (self._opening, self._writing) if each])

    async def _join(self) -> None:
        """Read the past in small batches, until the feed holds the next message."""
        if self._joined:
            return
        await self._opened()
        log.info("views_read_the_past", sequence=self.sequence, services=self._feed.least)
        while not self._joined:
            async for message in read_messages(self._feed.bus):
                if message.sequence > self.sequence:
                    self._fold(message)
                    await self._give_way()
                if self._joined:
                    break
        log.info("views_joined", sequence=self.sequence)

    async def _give_way(self) -> None:
        if not self.sequence % MESSAGES_AT_ONCE:
            await asyncio.sleep(0)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            await self.flush()
        if not self._joined and self._feed.holds(self.sequence):
            self._feed.follow(NAME, self.sequence)
            self._joined = True

    def _take(self) -> None:
        enough = self._facts + FACTS_AT_ONCE
        for message in self._feed.since(self.sequence, 200):
            self._fold(message)
            if self._facts > enough:
                break
        self._feed.done(NAME, self.sequence)

    def _fold(self, message: Message) -> None:
        facts = list(self._intake.records_of(message))
        for view in self._views.values():
            view.fold(message.sequence, facts)
        if self._stored:
            self._late.append((message.sequence, facts, message.stored_at))
            if self._opening is None or self._opening.done():
                self._store(self._stored.projector)
        self._facts += len(facts)
        self._newest, self.sequence = message, message.sequence

    def _store(self, projector: Projector) -> None:
        """Fold into the stored views the messages they lack."""
        late, self._late = self._late, []
        for message in late:
            if message[0] > projector.sequence:
                projector.fold(*message)

    async def _open(self, stored: StoredViews) -> None:
        """Open the stored views when all services have caught up: opening large ones takes a
        core for a second, and verdicts must not wait for it."""
        for _ in range(int(HEAD_START / READY_POLL_SECONDS)):
            await asyncio.sleep(READY_POLL_SECONDS)
            if self._feed.least >= self._feed.last:
                break
        try:
            await asyncio.to_thread(lambda: stored.projector)
        except DISK_FAULTS as fault:
            _say_waiting(fault)
            await self._open_later(stored)

    async def _open_later(self, stored: StoredViews) -> None:
        while True:
            await asyncio.sleep(DISK_RETRY_SECONDS)
            try:
                await asyncio.to_thread(lambda: stored.projector)
            except DISK_FAULTS as fault:
                log.debug("views_still_wait", reason=str(fault))
            else:
                log.warning("views_back", sequence=stored.projector.sequence)
                return

    async def _opened(self) -> None:
        if self._opening is not None:
            await asyncio.shield(self._opening)

    async def flush(self) -> None:
        """Make what was folded visible; written in a thread, and never interrupted.

        A snapshot that fits the stored rows follows from time to time.
        """
        if self._opening is not None:
            if not self._opening.done():
                return
            self._opening.result()
        due = self._is_snapshot_due()
        if self._stored:
            await self._written()
            self._store(self._stored.projector)
            self._writing = asyncio.ensure_future(self._write(self._stored, save=due))
            await asyncio.shield(self._writing)
        if due:
            self._keep_snapshot()
        self._flushed = time.monotonic()

    def _is_snapshot_due(self) -> bool:
        snapshot_store = self._shelf if self._joined else None
        return snapshot_store is not None and self._facts >= snapshot_store.facts_between

    def _keep_snapshot(self) -> None:
        links = self._feed.links_at(self.sequence)
        newest = self._newest
        if self._shelf is None or newest is None or links is None:
            return
        position = LogPosition(newest.sequence, digest(newest.payload), 0, self.sequence)
        state = {name: msgspec.Raw(view.written()) for name, view in self._views.items()}
        self._shelf.keep(position, self._intake, links, state)
        self._facts = 0

    async def _write(self, stored: StoredViews, *, save: bool) -> None:
        try:
            await asyncio.to_thread(stored.write, save=save)
        except SupersededError:
            log.warning("views_superseded", note="a rebuild replaced them; going on with the new")
            await self._write_anew(stored)
        except DISK_FAULTS as fault:
            _say_waiting(fault)
            await self._write_anew(stored)
            log.warning("views_back", sequence=stored.projector.sequence)

    async def _write_anew(self, stored: StoredViews) -> None:
        """Reopen the stored views, and fold what they lack as soon as disk and log allow it."""
        while True:
            try:
                stored.reopen()
                await self._read_again(stored)
                return
            except (*DISK_FAULTS, UnavailableError) as fault:
                log.debug("views_still_wait", reason=str(fault))
            await asyncio.sleep(DISK_RETRY_SECONDS)

    async def _read_again(self, stored: StoredViews) -> None:
        """Fold into reopened views the messages between their sequence and ours."""
        projector = stored.projector
        intake = Ingress(self._book, self._mode, reads_signals=False, restamps=False)
        async for message in read_messages(self._feed.bus, upto=self.sequence):
            facts = list(intake.records_of(message))
            if message.sequence > projector.sequence:
                projector.fold(message.sequence, facts, message.stored_at)
        await asyncio.to_thread(stored.write)

    async def _written(self) -> None:
        if self._writing:
            await self._writing


def _say_waiting(fault: Exception) -> None:
    log.error("views_wait", reason=str(fault), next="they are written once there is room")
