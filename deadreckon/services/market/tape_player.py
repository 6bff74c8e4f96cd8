"""Player of a tape into the log: the market edge of paper runs and backtests."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import Commit, derive_id
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import NANOSECONDS, Event, Mode, Recorded
from deadreckon.contracts.market import (
    BarClosed,
    BarOpened,
    QuoteUpdated,
    TapeEnded,
    TapeOpened,
    TradePrinted,
)
from deadreckon.contracts.subjects import SHARED
from deadreckon.marketdata.tapes.tape import BarRow, QuoteRow, Tape, TapeHeader, TapeRow, TradeRow
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, retry
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.service.turns import Round

ROWS = (BarClosed, QuoteUpdated, TradePrinted)
IDLE_LOOK = 0.05  # seconds between two looks at the doors while a paced tape waits


class TapeMismatchError(UsageError):
    """You asked to go on with another tape than the one this log was begun with."""


class TapeProgress(Struct):
    """The position of a log on its tape; a fold of the market's domain and what followed it.

    `opened` says that the log has the opening of the next row, a bar. `publisher` is the last
    service that published since the last event of the market.
    """

    tape: str | None = None
    rows: int = 0
    opened: bool = False
    ended: bool = False
    at: int = 0
    publisher: str | None = None

    def fold(self, message: Message) -> None:
        """Move on by one message of the log."""
        if message.subject.book == SHARED and message.subject.service == "market":
            for record in message.facts:
                self._market(record)
        elif message.facts:
            self.publisher = message.subject.service

    def _market(self, record: Recorded[Any]) -> None:
        self.publisher = None
        self.at = record.at
        if isinstance(record.event, TapeOpened):
            self.tape = record.event.tape
        elif isinstance(record.event, TapeEnded):
            self.ended = True
        elif isinstance(record.event, BarOpened):
            self.opened = True
        elif isinstance(record.event, ROWS):
            self.rows += 1
            self.opened = False


class TapePlayer:
    """Appends one row of a tape at a time and lets the services answer before the next."""

    def __init__(
        self,
        bus: Bus,
        feed: Feed,
        tape: Tape,
        turns: Round,
        *,
        mode: Mode,
        code: str,
    ) -> None:
        self._bus = bus
        self._feed = feed
        self._tape = tape
        self._turns = turns
        self._mode = mode
        self._domain = Domain(bus, SHARED, "market", code)
        self.played = TapeProgress()
        self.stopping = False
        self._position = 0
        self._interval = bar_interval(tape.header)
        feed.follow("market")

    async def restore(self) -> None:
        """Find the position on the tape from the market's last commit, where that is this player's;
        to be called before the feed starts. What follows it is still to be read."""
        commit = await self._domain.recover()
        stood = self._stood(commit) if commit and commit.events else None
        if stood:
            self.played, self._position = stood, self._domain.sequence
            self._feed.follow("market", self._position)

    def _stood(self, commit: Commit) -> TapeProgress | None:
        """Return our tape's position at a commit of the market; null for a commit of another
        tape."""
        tape, record = self._tape.digest, commit.events[-1]
        if record.id == derive_id(tape, "opened", 0):
            return TapeProgress(tape, 0, at=record.at)
        if record.id == derive_id(tape, "ended", 0):
            return TapeProgress(tape, self._tape.header.rows, ended=True, at=record.at)
        # At most one commit a row, after the one that opened the tape; a bar may have two.
        for rows in range(min(commit.n, self._tape.header.rows), 0, -1):
            if record.id == derive_id(tape, f"row|{rows - 1}", 0):
                return TapeProgress(tape, rows, at=record.at)
            if record.id == derive_id(tape, f"open|{rows - 1}", 0):
                return TapeProgress(tape, rows - 1, opened=True, at=record.at)
        return None

    async def replay(self) -> None:
        """Find the position on the tape by reading the log. Raises TapeMismatchError."""
        await self._domain.recover()
        end = (await retry(self._bus.info)).last
        self._feed.require(end)
        read = self._position
        while read < end:
            await self._feed.reach(read + 1)
            for message in self._feed.since(read):
                read = message.sequence
                self.played.fold(message)
            self._feed.done("market", read)
            await asyncio.sleep(0)
        self._feed.leave("market")
        self._turns.tail = read
        if self.played.tape not in (None, self._tape.digest):
            raise TapeMismatchError(
                f"this folder plays tape {str(self.played.tape)[:12]}, "
                f"not {self._tape.path.name} ({self._tape.digest[:12]}); take another --data folder"
            )

    async def open(self) -> None:
        """Publish which tape plays; from here on its time is the only clock."""
        if self.played.tape is None:
            header = self._tape.header
            opened = TapeOpened(
                tape=self._tape.digest,
                instrument=header.instrument,
                kind=header.kind,
                rows=header.rows,
                volume_unit=header.volume_unit,
            )
            begin = header.first_at - self._interval
            await self._append(self._record("opened", begin, opened))
            self.played.tape = self._tape.digest
            self.played.at = begin

    async def play(self, speed: float | None, progress: Callable[[int], None]) -> None:
        """Play what is left; `speed` is times faster than life, null as fast as possible."""
        await self._turns.settle(self.played.publisher)
        rows = self._tape.rows(self.played.rows)
        while not self.stopping and (row := next(rows, None)) is not None:
            if isinstance(row, BarRow):
                await self._wait_until_due(self._opening(row), speed)
                await self._open_bar(row)
            await self._wait_until_due(row.at, speed)
            if self.stopping:
                return
            if isinstance(row, BarRow):  # for an order that came while the bar was under way
                await self._open_bar(row)
            await self._append_row(row)
            killpoints.passed("row", "market")
            self.played.rows += 1
            self.played.opened = False
            self.played.at = row.at
            await self._turns.settle()
            killpoints.passed("settled", "market")
            progress(self.played.rows)
        if not self.stopping and not self.played.ended:
            await self._end()

    async def _open_bar(self, row: BarRow) -> None:
        """Publish a bar's opening by itself if an order waits for it; otherwise it comes together
        with the close."""
        at = self._opening(row)
        if self.played.opened or self.stopping or not self._turns.awaits_price:
            return
        if at < self.played.at:  # bars that overlap: their opening is past
            return
        await self._append(self._opened(row))
        killpoints.passed("opened", "market")
        self.played.opened = True
        self.played.at = at
        await self._turns.settle()

    def _opening(self, row: BarRow) -> int:
        return row.at - self._interval

    def _opened(self, row: BarRow) -> Recorded[Event]:
        event = BarOpened(self._tape.header.instrument, self._interval, row.open)
        return self._record(f"open|{row.row}", self._opening(row), event)

    async def _append_row(self, row: BarRow | QuoteRow | TradeRow) -> None:
        records = [self._record(f"row|{row.row}", row.at, row_event(self._tape.header, row))]
        if (
            isinstance(row, BarRow)
            and not self.played.opened
            and self._opening(row) >= self.played.at
        ):
            records.insert(0, self._opened(row))
        await self._append(*records)

    async def _end(self) -> None:
        ended = TapeEnded(self._tape.digest, self.played.rows)
        await self._append(self._record("ended", self.played.at, ended))
        self.played.ended = True
        await self._turns.settle()

    async def _wait_until_due(self, at: int, speed: float | None) -> None:
        """Pass the time until a row is due, answering at the doors meanwhile."""
        if speed is None or not self.played.rows:
            return
        due = time.monotonic() + (at - self.played.at) / NANOSECONDS / speed
        while not self.stopping and (left := due - time.monotonic()) > 0:
            if await self._feed.reach(self._turns.tail + 1, min(left, IDLE_LOOK)):
                await self._turns.settle()

    async def answer_doors(self, idle: Callable[[], bool]) -> None:
        """Answer inbound messages after the tape's end, until `idle` says to stop."""
        while not self.stopping and not idle():
            if await self._feed.reach(self._turns.tail + 1, IDLE_LOOK):
                await self._turns.settle()

    def _record(self, name: str, at: int, event: Event) -> Recorded[Event]:
        fact_id = derive_id(self._tape.digest, name, 0)
        return Recorded(
            id=fact_id,
            at=at,
            book=SHARED,
            mode=self._mode,
            source="market",
            cause=None,
            root=fact_id,
            event=event,
        )

    async def _append(self, *records: Recorded[Event]) -> None:
        """Append events in one commit."""
        last = self._domain.sequence
        envelopes = [wrap(record) for record in records]
        self._turns.tail = await self._domain.append((last + 1, last, 0), [], envelopes)


def row_event(header: TapeHeader, row: TapeRow) -> Event:
    """Return the market event of a row."""
    instrument = header.instrument
    match row:
        case BarRow():
            return BarClosed(
                instrument=instrument,
                interval=bar_interval(header),
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                volume=row.volume,
                volume_unit=header.volume_unit,
            )
        case QuoteRow():
            return QuoteUpdated(instrument, row.bid, row.ask, row.bid_size, row.ask_size)
        case TradeRow(aggressor=("buy" | "sell") as side):
            return TradePrinted(instrument, row.price, row.quantity, side, row.trade_id)
        case TradeRow():
            return TradePrinted(instrument, row.price, row.quantity, "", row.trade_id)


def bar_interval(header: TapeHeader) -> int:
    """Return the length of a tape's bars in nanoseconds; 0 where it has none."""
    return (header.interval_seconds or 0) * NANOSECONDS
