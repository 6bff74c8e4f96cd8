"""Folds of the two tables that follow market prices: round trips, and marks of each minute."""

from collections import defaultdict
from typing import Any

from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks.sink import Sink
from deadreckon.projections.table import Key, Table, Updates
from deadreckon.projections.table_fold import AppendingFold, UpdatingFold
from deadreckon.projections.tables import BY_NAME, instruments, positions, round_trips
from deadreckon.projections.tables.position_steps import Terms
from deadreckon.projections.tables.positions import PositionRow
from deadreckon.projections.tables.round_trips import RoundTripRow

MINUTE = 60 * NANOSECONDS


class RoundTripFold(UpdatingFold):
    """Fold of `round_trips`: the latest of each position stays in memory, with the position."""

    def __init__(self, table: Table, updates: Updates, digest: TableDigest, source: Sink) -> None:
        super().__init__(table, updates, digest, source.unfinished(table), source.load)
        self._latest: dict[Key, RoundTripRow] = {}
        # By instrument: the market is shared by all books.
        self._open: defaultdict[str, dict[Key, None]] = defaultdict(dict)
        self._positions: dict[Key, PositionRow] = {}
        self._terms: dict[tuple[str, str], Terms] = {}
        for row in source.unfinished(BY_NAME["positions"]):
            assert isinstance(row, PositionRow)
            self._positions[_position(row)] = row
        for listed in source.unfinished(BY_NAME["instruments"]):
            assert isinstance(listed, instruments.InstrumentRow)
            self._terms[listed.book, listed.instrument] = _terms(listed)
        for latest in self._rows.values():
            assert isinstance(latest, RoundTripRow)
            self._track(_position(latest), latest)

    def fold(self, record: Recorded[Any], stored_at: int | None) -> None:
        """Update the round trips that a price or a change of a position concerns."""
        if type(record.event) is PositionChanged:
            self._advance(record, stored_at)
        elif type(record.event) is InstrumentListed:
            self._terms[record.book, record.event.instrument] = _terms(record.event)
        elif found := self._open.get(record.event.instrument):
            self._see(found, record, stored_at)

    def _advance(self, record: Recorded[PositionChanged], stored_at: int | None) -> None:
        (key,) = positions.keys(record)
        before = self._positions.get(key, positions.initial())
        self._positions[key] = positions.evolve(before, record)
        terms = self._terms.get((record.book, record.event.instrument), Terms())
        for row in round_trips.advance(self._latest.get(key), before, record, terms):
            self._put(key, row, record, stored_at)

    def _see(self, found: dict[Key, None], record: Recorded[Any], stored_at: int | None) -> None:
        prices = round_trips.prices_of(record)
        assert prices is not None
        for key in sorted(found):  # in an order that a restart does not change
            row = self._latest[key]
            terms = self._terms.get((row.book, row.instrument), Terms())
            after = round_trips.seen(row, record, prices, terms)
            if after is not row:
                self._put(key, after, record, stored_at)

    def _put(
        self, key: Key, row: RoundTripRow, record: Recorded[Any], stored_at: int | None
    ) -> None:
        self._change(self._key(row), row, record, stored_at)
        self._track(key, row)

    def _track(self, key: Key, row: RoundTripRow) -> None:
        self._latest[key] = row
        trading = self._open[row.instrument]
        if row.status == "open":
            trading[key] = None
        else:
            trading.pop(key, None)


class MarkFold(AppendingFold):
    """Fold of `marks`: the first price of each instrument in each minute, where no bars come."""

    def __init__(self, table: Table, digest: TableDigest, source: Sink) -> None:
        super().__init__(table, digest)
        latest = source.recent(table, ("book", "instrument", "at"), MINUTE)
        self._minutes = {(book, name): at // MINUTE for book, name, at in latest}

    def fold(self, record: Recorded[Any], stored_at: int | None) -> None:
        """Append the row of a price, unless the minute has one."""
        key, minute = (record.book, record.event.instrument), record.at // MINUTE
        if self._minutes.get(key, -1) < minute:
            self._minutes[key] = minute
            super().fold(record, stored_at)


def _position(row: PositionRow | RoundTripRow) -> Key:
    return row.book, row.strategy, row.venue, row.instrument


def _terms(listed: InstrumentListed | instruments.InstrumentRow) -> Terms:
    coin = listed.base_currency if listed.kind == "spot" else ""
    least = max(listed.lot_size, listed.minimum_quantity)
    return Terms(listed.contract_size, coin, least)
