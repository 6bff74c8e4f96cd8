"""Fold of the log into the tables of its sinks; all of a batch becomes visible at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from deadreckon.contracts import dedup
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.timestamps import DAY
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.metrics.file import MetricsFile
from deadreckon.projections.price_folds import MarkFold, RoundTripFold
from deadreckon.projections.sinks.sink import Batch, DamagedError, Sink, TableBatch
from deadreckon.projections.table import Table
from deadreckon.projections.table_fold import AppendingFold, UpdatingFold
from deadreckon.projections.tables import BY_NAME, TABLES

ROWS_PER_FLUSH = 20_000  # bounds memory, and makes a Parquet part worth its file


class OutOfOrderError(Exception):
    """You folded a message that is not the next one of the log; it was ignored."""


class Lane:
    """The tables at one sequence of the log, and the sinks that are at it."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)
        self.sequence = sinks[0].sequence
        self._written = self.sequence
        self._waiting = 0  # rows folded but not yet visible
        source = sinks[0]
        digests = source.digests()
        self._held = [_hold(table, source, digests[table.name]) for table in TABLES]
        self._seen = _Trades(source)
        self._readers: dict[type[Event], list[AppendingFold | UpdatingFold]] = defaultdict(list)
        for held in self._held:
            for shape in held.table.reads:
                self._readers[shape].append(held)

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]], stored_at: int | None) -> None:
        """Fold the events of one message; a repeated trade changes nothing. Flushes when enough
        rows are pending."""
        for record in facts:
            readers = self._readers.get(type(record.event))
            if readers is None:
                continue
            if type(record.event) is OrderFilled and self._seen.again(record):
                readers = [held for held in readers if held.table.repeats]
            for held in readers:
                held.fold(record, stored_at)
            self._waiting += len(readers)
        self.sequence = sequence
        if self._waiting >= ROWS_PER_FLUSH:
            self.flush()

    def flush(self) -> None:
        """Make all folded rows visible in every sink."""
        if self.sequence == self._written:
            return
        taken: list[TableBatch] = []
        for held in self._held:
            batch = held.take()
            if batch is not None:
                taken.append(batch)
        digests = {held.table.name: held.digest for held in self._held}
        for sink in self.sinks:
            sink.write(Batch(self._written, self.sequence, taken, digests))
        self._written, self._waiting = self.sequence, 0

    def join(self, other: "Lane") -> None:
        """Take over the sinks of a flushed lane at the same sequence."""
        _agree(other.sinks[0], self.sinks[0])
        self.sinks += other.sinks


class Projector:
    """Fold of every message of the log, in order, into several sinks.

    Sinks may be at different sequences: each gets only the messages it lacks, and sinks that meet
    are folded together from there on. `flush` may run in another thread while `fold` does not run.
    After any exception but OutOfOrderError it writes nothing more: open the sinks anew.
    """

    def __init__(self, sinks: Sequence[Sink], metrics: MetricsFile | None = None) -> None:
        self._metrics = metrics
        by_sequence: dict[int, list[Sink]] = defaultdict(list)
        for sink in sinks:
            by_sequence[sink.sequence].append(sink)
        for together in by_sequence.values():
            for sink in together[1:]:
                _agree(sink, together[0])
        self._lanes = [Lane(by_sequence[sequence]) for sequence in sorted(by_sequence)]
        self._sequence = min(self._sink_sequences())
        self._sound = True

    @property
    def sequence(self) -> int:
        """The last sequence that every sink has; fold the next one."""
        return self._sequence

    @property
    def metrics(self) -> MetricsFile | None:
        """The metrics fold; None when it is not among the sinks."""
        return self._metrics

    @property
    def furthest(self) -> int:
        """The last sequence that any sink has; if it is beyond the log's end, the log was cut."""
        return max(self._sink_sequences())

    def fold(
        self, sequence: int, facts: Sequence[Recorded[Any]], stored_at: int | None = None
    ) -> None:
        """Fold one message, also one without events. `stored_at` is the time at which the log
        stored it (nanoseconds UTC). Raises OutOfOrderError unless it is the next one."""
        if sequence != self.sequence + 1:
            raise OutOfOrderError(f"expected sequence {self.sequence + 1}, found {sequence}")
        self._sound = False
        for lane in self._lanes:
            if lane.sequence == sequence - 1:
                lane.fold(sequence, facts, stored_at)
        if self._metrics and self._metrics.sequence == sequence - 1:
            self._metrics.fold(sequence, facts)
        self._sequence = sequence
        if len(self._lanes) > 1 and self._lanes[0].sequence == self._lanes[1].sequence:
            self._merge()
        self._sound = True

    def flush(self) -> None:
        """Make rows, sequence and digests of everything folded visible together in each sink."""
        self._sound = False
        for lane in self._lanes:
            lane.flush()
        if self._metrics:
            self._metrics.flush()
        self._sound = True

    def save(self) -> None:
        """Flush, and save everything that is visible: the next start continues from here."""
        self.flush()
        if self._metrics:
            self._metrics.save()

    def close(self) -> None:
        """Flush and close the sinks. After an exception close them only: half a message may have
        been folded."""
        sound = self._sound
        if sound:
            self.flush()
        for lane in self._lanes:
            for sink in lane.sinks:
                sink.close()
        if self._metrics and sound:
            self._metrics.close()

    def _sink_sequences(self) -> list[int]:
        sequences = [lane.sequence for lane in self._lanes]
        return [*sequences, self._metrics.sequence] if self._metrics else sequences

    def _merge(self) -> None:
        behind, ahead = self._lanes[:2]
        behind.flush()
        ahead.join(behind)
        del self._lanes[0]


class _Trades:
    """Trade ids of the last seven days of log time."""

    def __init__(self, source: Sink) -> None:
        self._seen: RecentKeys[str] = RecentKeys()
        columns = ("book", "venue", "trade_id", "at")
        # One day more than the horizon: the oldest day is remembered to its beginning.
        recent = source.recent(BY_NAME["fills"], columns, dedup.HORIZON + DAY)
        for book, venue, trade_id, at in recent:
            dedup.remember(self._seen, _trade_key(book, venue, trade_id), "", at)

    def again(self, record: Recorded[Any]) -> bool:
        """Return whether this fill is a repeat, and remember it."""
        key = _trade_key(record.book, record.event.venue, record.event.trade_id)
        return dedup.is_repeat(self._seen, key, record.at)


def _trade_key(book: str, venue: str, trade_id: str) -> str:
    return f"{book}\x1f{venue}\x1f{trade_id}"


def _hold(table: Table, source: Sink, digest: TableDigest) -> AppendingFold | UpdatingFold:
    if table.name == "round_trips" and table.updates:
        return RoundTripFold(table, table.updates, digest, source)
    if table.name == "marks":
        return MarkFold(table, digest, source)
    if table.updates is None:
        return AppendingFold(table, digest)
    return UpdatingFold(table, table.updates, digest, source.unfinished(table), source.load)


def _agree(one: Sink, other: Sink) -> None:
    """Check that two sinks at one sequence hold the same rows."""
    mine, theirs = one.digests(), other.digests()
    for table in TABLES:
        if mine[table.name] != theirs[table.name]:
            raise DamagedError(
                f"{table.name}: {one.name} and {other.name} differ at sequence {one.sequence}; "
                "`dr verify` says where, `dr rebuild` mends it"
            )
