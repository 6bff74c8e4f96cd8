"""Answers `asof`: the book at a point of the log, as known then and as known now."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.asof import ids
from deadreckon.replay.asof.anchor_builder import (
    FrameFold,
    LogEnd,
    Progress,
    bring_up_to_date,
    check_log,
)
from deadreckon.replay.asof.anchors import (
    Anchor,
    Anchors,
    AnchorsDamagedError,
    AnchorsNotKeptError,
)
from deadreckon.replay.asof.fold import BookState, advance, evolve
from deadreckon.replay.asof.late import Late, add_late, late_for
from deadreckon.replay.asof.log_point import AtId, AtSequence, AtTime, LogPoint, LogPointError
from deadreckon.replay.lookup import UnknownIdError, search
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.log.reading import read_messages, read_stored
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.file_lock import file_lock
from deadreckon.runtime.service.ingress import Ingress

KnownAs = Literal["then", "now", "both"]

CANDIDATES_MAX = 8  # events that are listed for an ambiguous id

_encode = msgspec.json.Encoder(decimal_format="string").encode

log = log_lines.Logger()


class LateEvent(Struct, frozen=True):
    """A late event with the time it concerns."""

    record: Recorded[Any]
    late: Late


class BookAsof(Struct, frozen=True):
    """The book as known `then` and as known `now` (None: not requested), with the `late` events
    between them. `last_sequence` is the end of the log."""

    then: BookState
    now: BookState | None
    late: list[LateEvent]
    last_sequence: int


async def asof(
    bus: Bus,
    asked: LogPoint,
    cache: Path | None,
    *,
    book: str,
    mode: Mode = "paper",
    known: KnownAs = "both",
    progress: Progress | None = None,
) -> BookAsof:
    """Compute the book at a point of a log. Anchors are saved in the folder `cache` (None:
    nowhere).

    Raises LogPointError for a point beyond the log, UnknownIdError or AmbiguousIdError for
    an id, SnapshotAheadError for a log that was cut.
    """
    query = _Query(bus, cache, book, mode, progress)
    for remedy in (query.retry, query.forget):
        try:
            return await query.answer(asked, known)
        except (AnchorsDamagedError, AnchorsNotKeptError) as fault:
            await remedy(fault)
    return await query.answer(asked, known)


class _Query:
    """One query: the anchors found, and the messages read after them."""

    def __init__(
        self, bus: Bus, cache: Path | None, book: str, mode: Mode, progress: Progress | None
    ) -> None:
        self._bus, self._book, self._mode, self._progress = bus, book, mode, progress
        self._folder = cache / book if cache else None
        self._anchors = Anchors(self._folder or Path(book), book, mode)
        self._end = LogEnd(0, 0)

    async def retry(self, fault: Exception) -> None:
        """Retry: another process may have swapped the anchors. If none can be saved, read
        without them."""
        if isinstance(fault, AnchorsNotKeptError):
            log.warning("anchors_not_kept", reason=str(fault), next="the whole log is read")
            self._folder = None

    async def forget(self, fault: Exception) -> None:
        """Delete the anchors, to begin anew."""
        log.warning("anchors_refused", reason=str(fault), next="the log is read anew")
        async with self._alone():
            self._anchors.clear()

    async def answer(self, asked: LogPoint, known: KnownAs) -> BookAsof:
        """Compute the book at the point, as known then and now."""
        await self._bring_up()
        if not self._end.sequence:
            raise LogPointError("the log is empty")
        then = await self._state_at(await self._resolve(asked))
        if known == "then":
            return BookAsof(then, None, [], self._end.sequence)
        now = _copy(then)
        late = [
            LateEvent(await self._record(late), late)
            for late in late_for(self._anchors.index.late, then)
        ]
        for one in late:
            add_late(now, one.record, one.late)
        return BookAsof(then, now, late, self._end.sequence)

    async def _bring_up(self) -> None:
        async with self._alone():
            self._anchors.load(reads=self._folder is not None)
            self._end = await bring_up_to_date(
                self._bus,
                self._anchors,
                writes=self._folder is not None,
                progress=self._progress,
            )

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Lock the anchors, if there are any. Waits for another process in a thread, so that the
        connection to the log stays alive."""
        with ExitStack() as held:
            if self._folder is not None:
                try:
                    await asyncio.to_thread(
                        held.enter_context, file_lock(self._folder / "lock", wait=True)
                    )
                except OSError as error:
                    raise AnchorsNotKeptError(str(error)) from error
            yield

    async def _resolve(self, asked: LogPoint) -> AtSequence | AtTime:
        match asked:
            case AtId(id=text):
                return await self._find(text)
            case AtSequence(sequence=sequence):
                if not 1 <= sequence <= self._end.sequence:
                    return await self._find_digits(asked)
            case AtTime(at=at):
                self._check_time(at)
        return asked

    def _check_time(self, at: int) -> None:
        first, last = self._anchors.index.first_at, self._end.at
        if not first:
            raise LogPointError("the log has no time yet: ask for a sequence")
        if not first <= at <= last:
            raise LogPointError(
                f"the log knows nothing of {format_timestamp(at)}: its time is from "
                f"{format_timestamp(first)} to {format_timestamp(last)}"
            )

    async def _find_digits(self, asked: AtSequence) -> AtSequence:
        """Find an id of digits only, which was parsed as a sequence beyond the end of the log."""
        refusal = f"the log has no message {asked.sequence}: it ends at {self._end.sequence}"
        text = str(asked.sequence)
        if asked.index is not None or not ids.is_id_prefix(text):
            raise LogPointError(refusal)
        try:
            return await self._find(text)
        except UnknownIdError as error:
            raise LogPointError(f"{refusal}, and no id in it begins so") from error

    async def _find(self, text: str) -> AtSequence:
        """Find an event by its id. Other ids (of an order, a trade) are searched in the whole
        log, and mean their first event."""
        found = await self._events(text) if ids.is_id_prefix(text) else []
        if len(found) > 1:
            some = ", ".join(f"{it.digits}... at {it.sequence}.{it.index}" for it in found)
            raise LogPointError(f"{text} is the beginning of several ids: {some}; give more of it")
        if found:
            return AtSequence(found[0].sequence, found[0].index)
        log_read = read_messages(self._bus, self._end.sequence, self._progress)
        other = await search(log_read, text, self._book, self._mode)
        return AtSequence(other.sequence, other.index)

    async def _events(self, text: str) -> list[ids.IdEntry]:
        """Find the events whose ids begin with a text. Entries have 16 digits only, so a longer
        text is compared with the event itself, except for inbound messages."""
        candidates = {*ids.find(self._end.ids, text), *ids.find_in(self._anchors.ids(), text)}
        found: list[ids.IdEntry] = []
        for one in sorted(candidates, key=lambda it: (it.sequence, it.index)):
            record = await self._fact(one.sequence, one.index) if len(text) > ids.DIGITS else None
            if record is None or "." in record.source or record.id.startswith(text):
                found.append(one)
            if len(found) == CANDIDATES_MAX:
                break
        return found

    async def _state_at(self, point: AtSequence | AtTime) -> BookState:
        anchor = self._nearest(point)
        if anchor is not None:
            await check_log(self._bus, anchor, self._end.sequence)
        reading = FrameFold(self._anchors.frame(anchor) if anchor else self._anchors.beginning())
        has_trades = anchor is None or anchor is self._anchors.index.tip
        repeats = set() if has_trades else set(self._anchors.repeats(anchor))
        after = anchor.sequence if anchor else 0
        end = point.sequence if isinstance(point, AtSequence) else self._end.sequence
        async with aclosing(read_stored(self._bus, end, after=after)) as arriving:
            async for stored in arriving:
                if not self._take(reading, stored, point, repeats):
                    return reading.state
        _check_index(reading.state, point)
        return reading.state

    @staticmethod
    def _take(
        reading: FrameFold,
        stored: Stored,
        point: AtSequence | AtTime,
        repeats: set[tuple[int, int]],
    ) -> bool:
        """Fold one message up to the point; returns False when the point is reached."""
        message = reading.decode(stored)
        for record in reading.facts(message):
            if _is_beyond(record, point):
                return False
            fold = advance if (record.sequence, record.index) in repeats else evolve
            fold(reading.state, record)
        reading.settle(message)
        return True

    def _nearest(self, point: AtSequence | AtTime) -> Anchor | None:
        """Return the anchor to begin from; for an event within a message it is before that
        message."""
        anchors, tip = self._anchors, self._anchors.index.tip
        if isinstance(point, AtTime):
            nearest = anchors.at_time(point.at)
            return tip if tip is not None and tip.at <= point.at else nearest
        last = point.sequence if point.index is None else point.sequence - 1
        nearest = anchors.at_sequence(last)
        return tip if tip is not None and tip.sequence <= last else nearest

    async def _record(self, late: Late) -> Recorded[Any]:
        record = await self._fact(late.sequence, late.index, late.at)
        if record is None:
            raise AnchorsDamagedError(f"nothing came late at {late.sequence}.{late.index}")
        return record

    async def _fact(self, sequence: int, index: int, now: int = 0) -> Recorded[Any] | None:
        """Read one event by sequence and index; `now` is the decision time of inbound messages."""
        stored = await retry(lambda: self._bus.message(sequence))
        if stored is None:
            return None
        intake = Ingress(self._book, self._mode, reads_signals=True, restamps=False, now=now)
        facts: Iterable[Recorded[Any]] = intake.records_of(
            Decoding(from_start=False).decode(stored)
        )
        return next((record for record in facts if record.index == index), None)


def _is_beyond(record: Recorded[Any], point: AtSequence | AtTime) -> bool:
    if isinstance(point, AtTime):
        return record.at > point.at
    return point.index is not None and (record.sequence, record.index) > (
        point.sequence,
        point.index,
    )


def _check_index(state: BookState, point: AtSequence | AtTime) -> None:
    if isinstance(point, AtSequence) and point.index is not None and state.index != point.index:
        raise LogPointError(f"message {point.sequence} has no event {point.index}")


def _copy(state: BookState) -> BookState:
    plain = structs.replace(state, ledger=structs.replace(state.ledger, trades={}))
    return msgspec.json.decode(_encode(plain), type=BookState)
