"""Builder of anchors: reads the log from where the last reading ended, saving anchors on the
way."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, structs

from deadreckon.accounting import ledger
from deadreckon.contracts.envelope import digest
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.asof import ids
from deadreckon.replay.asof.anchors import Anchor, Anchors, AnchorsDamagedError, Frame
from deadreckon.replay.asof.fold import BookState, evolve
from deadreckon.replay.asof.late import Late, LatenessDetector
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import ChainLinks, Decoding, Message
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.service.snapshots import SnapshotAheadError

# Events between two anchors: reading and folding them takes a tenth of a second. A large state has
# fewer anchors, but never so few that a sequence is half a second from one.
FACTS_MIN, FACTS_MAX = 5_000, 50_000
BYTES_PER_FACT = 20
ANCHORS_PER_SWAP = 20  # anchors after which progress is published, in case the reading is stopped
TIP_FACTS = 2_000  # events after which a new tip is worth writing

Progress = Callable[[int, int], None]


class FrameFold:
    """A frame that is folded on message by message."""

    def __init__(self, frame: Frame) -> None:
        self.state: BookState = frame.state
        self._intake = frame.intake
        self._decoding = Decoding(links=_links(frame))
        self._lateness = LatenessDetector(frame.reported)

    def decode(self, stored: Stored) -> Message:
        """Decode the next message."""
        return self._decoding.decode(stored)

    def facts(self, message: Message) -> Iterable[Recorded[Any]]:
        """Return a message's events for this book, as recorded."""
        return self._intake.records_of(message)

    def settle(self, message: Message) -> None:
        """Move past the whole message, even if it has no event for this book."""
        if self.state.sequence != message.sequence:
            self.state.sequence, self.state.index = message.sequence, 0

    def judge(self, record: Recorded[Any]) -> Late | None:
        """Return the event as a late one; None when it is on time. Call it before folding the
        event."""
        return self._lateness.judge(self.state, record)

    def frame(self) -> Frame:
        """Return the current frame."""
        links = {f"{book}.{name}": link for (book, name), link in self._decoding.links.items()}
        reported = dict(self._lateness.reported)
        return Frame(self.state, structs.replace(self._intake), links, reported)


class AnchorBuilder:
    """Fold of the messages that the anchors lack; it also updates `late` and `first_at` of their
    index."""

    def __init__(self, anchors: Anchors, reading: FrameFold, *, writes: bool) -> None:
        self._anchors, self._reading, self._writes = anchors, reading, writes
        self._ids: list[bytes] = []
        self._repeats: list[tuple[int, int]] = []
        self._facts = 0  # since the last anchor
        self._fresh = 0  # since the tip
        self._between = FACTS_MIN
        self._unswapped = 0
        self._last: Message | None = None

    @property
    def state(self) -> BookState:
        """The book after the last message folded."""
        return self._reading.state

    @property
    def ids(self) -> bytes:
        """The id entries since the last anchor, sorted as in a file."""
        return b"".join(sorted(self._ids))

    def resume(self, known: Iterable[bytes], repeats: Iterable[tuple[int, int]]) -> None:
        """Restore the id entries and repeated trades since the last anchor."""
        self._ids, self._repeats = list(known), list(repeats)
        self._facts = len(self._ids)

    def fold(self, message: Message) -> None:
        """Fold one message, and save an anchor when one is due."""
        before = self.state.events
        for record in self._reading.facts(message):
            self._fold(record)
        self._reading.settle(message)
        self._last = message
        self._facts += self.state.events - before
        self._fresh += self.state.events - before
        if self._facts >= self._between and self._writes:
            self._keep(message)

    def finish(self) -> None:
        """Save a new tip, if enough events were folded."""
        if (
            self._writes
            and self._last
            and (self._fresh >= TIP_FACTS or not self._anchors.index.tip)
        ):
            self._tip(self._last)

    def _fold(self, record: Recorded[Any]) -> None:
        late = self._reading.judge(record)
        if late is not None:
            self._anchors.index.late.append(late)
        evolve(self.state, record)
        if type(record.event) is OrderFilled and not ledger.is_new_fill(self.state.ledger, record):
            self._repeats.append((record.sequence, record.index))
        entry = ids.encode_entry(record.id, record.sequence, record.index)
        if entry is not None:
            self._ids.append(entry)
        if not self._anchors.index.first_at:
            self._anchors.index.first_at = self.state.now

    def _keep(self, message: Message) -> None:
        frame, hashed = self._reading.frame(), digest(message.payload)
        length = self._anchors.keep(frame, hashed, self._ids, self._repeats)
        self._ids, self._repeats, self._facts = [], [], 0
        self._between = min(FACTS_MAX, max(FACTS_MIN, length // BYTES_PER_FACT))
        self._unswapped += 1
        if self._unswapped >= ANCHORS_PER_SWAP:
            self._tip(message)

    def _tip(self, message: Message) -> None:
        frame, hashed = self._reading.frame(), digest(message.payload)
        self._anchors.keep(frame, hashed, self._ids, self._repeats, tip=True)
        self._anchors.swap()
        self._unswapped = self._fresh = 0


class LogEnd(Struct, frozen=True):
    """End of the log as read: the last message (0: empty), the decision time after it, and the
    id entries that are not in a file yet."""

    sequence: int
    at: int
    ids: bytes = b""


async def bring_up_to_date(
    bus: Bus, anchors: Anchors, *, writes: bool, progress: Progress | None = None
) -> LogEnd:
    """Read the messages that the anchors lack, up to the end of the log.

    Raises AnchorsDamagedError for a tip of another log, SnapshotAheadError for a log that was cut.
    """
    end = (await retry(bus.info)).last
    tip = anchors.index.tip
    if tip is not None:
        await check_log(bus, tip, end)
        if tip.sequence == end:
            return LogEnd(end, tip.at)
    reading = FrameFold(anchors.frame(tip) if tip else anchors.beginning())
    indexer = AnchorBuilder(anchors, reading, writes=writes)
    if tip is not None:
        indexer.resume(anchors.tip_ids(), tip.repeats)
    after = tip.sequence if tip else 0
    async for stored in read_stored(bus, end, progress, after=after):
        indexer.fold(reading.decode(stored))
    indexer.finish()
    return LogEnd(end, indexer.state.now, indexer.ids)


async def check_log(bus: Bus, anchor: Anchor, end: int) -> None:
    """Raise AnchorsDamagedError for an anchor of another log."""
    if anchor.sequence > end:
        raise SnapshotAheadError(
            f"the book was read as of message {anchor.sequence} before, but the log ends at {end}: "
            "the log was cut; restore it from a copy"
        )
    stored = await retry(lambda: bus.message(anchor.sequence))
    if stored is None or digest(stored.payload) != anchor.digest:
        raise AnchorsDamagedError(f"message {anchor.sequence} of this log is another")


def _links(frame: Frame) -> ChainLinks:
    found: ChainLinks = {}
    for name, link in frame.links.items():
        book, _, service = name.partition(".")
        found[book, service] = link
    return found
