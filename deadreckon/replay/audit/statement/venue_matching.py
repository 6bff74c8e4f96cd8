"""Matching of a venue's lines with the log's fills: by trade id, or by their figures."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.audit.statement.collect import BookedEvent
from deadreckon.replay.audit.statement.venue_file import VenueFile, VenueFileError, VenueRow


class LoggedFill(Struct):
    """A fill of ours: whether it lies within the statement, and whether a line was found for it."""

    record: Recorded[OrderFilled]
    counts: bool
    realised: Decimal
    taken: bool = False


class Matching(Struct):
    """Result of matching: `pairs` of lines and fills, `unmatched` lines.

    `outside` is the number of lines of another day.
    """

    pairs: list[tuple[VenueRow, LoggedFill]] = field(default_factory=list)
    unmatched: list[VenueRow] = field(default_factory=list)
    outside: int = 0


class Symbols:
    """Instruments by the venue's symbols, in any spelling of the file."""

    def __init__(self, listings: Mapping[str, InstrumentListed], venue: str) -> None:
        self.names: dict[str, str] = {}
        for instrument, listing in sorted(listings.items()):
            if listing.venue == venue:
                for name in (listing.symbol, instrument, instrument.rpartition(".")[0]):
                    self.names.setdefault(_plain(name), instrument)

    def instrument(self, symbol: str) -> str | None:
        """Return the instrument to which a file gives this symbol."""
        return self.names.get(_plain(symbol))


def _plain(symbol: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())


def venue_of(found: VenueFile, listings: Mapping[str, InstrumentListed], asked: str) -> str:
    """Return the venue that a file is of: the one asked for, or the one whose symbols it has.

    Raises VenueFileError.
    """
    venues = sorted({listing.venue for listing in listings.values()})
    if asked:
        if asked not in venues:
            raise VenueFileError(f"nothing is listed at {asked}, only at {', '.join(venues)}")
        return asked
    named = dict.fromkeys(row.symbol for row in found.rows)
    knowing = [
        venue
        for venue in venues
        if any(Symbols(listings, venue).instrument(symbol) for symbol in named)
    ]
    left = knowing or venues
    if len(left) != 1:
        raise VenueFileError(
            f"it could be of {', '.join(left) or 'no venue at all'}: give it as VENUE=FILE"
        )
    return left[0]


def fills_of(trades: Iterable[BookedEvent], venue: str) -> dict[str, LoggedFill]:
    """Collect every fill of the log at a venue by its trade id."""
    return {
        trade.record.event.trade_id: LoggedFill(
            trade.record, trade.counts, trade.realised or Decimal(0)
        )
        for trade in trades
        if isinstance(trade.record.event, OrderFilled) and trade.record.event.venue == venue
    }


def is_within(row: VenueRow, day: str) -> bool:
    """Return True when a line is of the statement's day by its own time."""
    return day == "all" or row.at is None or day_of(row.at) == day


def matched(found: VenueFile, fills: dict[str, LoggedFill], symbols: Symbols, day: str) -> Matching:
    """Find the fill of each line that tells of a trade."""
    matching = Matching()
    rows = [row for row in found.rows if row.kind == "trade"]
    search = _TradeIds(fills) if found.has_ids else _Likeness(fills, symbols)
    for row in rows:
        fill = search.find(row)
        if fill is not None and not (fill.counts or is_within(row, day)):
            matching.outside += 1
            fill.taken = True
        elif fill is not None:
            fill.taken = True
            matching.pairs.append((row, fill))
        elif is_within(row, day):
            matching.unmatched.append(row)
        else:
            matching.outside += 1
    return matching


class _TradeIds:
    def __init__(self, fills: dict[str, LoggedFill]) -> None:
        self._fills = fills

    def find(self, row: VenueRow) -> LoggedFill | None:
        fill = self._fills.get(row.trade_id)
        return None if fill is None or fill.taken else fill


class _Likeness:
    """Search for the fill of a line without trade id.

    It is the oldest fill of the same side, quantity and price; else of the same quantity; else of
    the same price.
    """

    def __init__(self, fills: dict[str, LoggedFill], symbols: Symbols) -> None:
        self._symbols = symbols
        self._likes: dict[tuple[Any, ...], deque[LoggedFill]] = {}
        for fill in fills.values():
            record = fill.record.event
            for key in _keys(record.instrument, record.side, record.quantity, record.price):
                self._likes.setdefault(key, deque()).append(fill)

    def find(self, row: VenueRow) -> LoggedFill | None:
        instrument = self._symbols.instrument(row.symbol)
        for key in _keys(instrument, row.side, row.quantity, row.price):
            waiting = self._likes.get(key, deque())
            while waiting and waiting[0].taken:
                waiting.popleft()
            if waiting:
                return waiting[0]
        return None


def _keys(*record: Any) -> list[tuple[Any, ...]]:
    instrument, side, quantity, price = record
    return [
        (instrument, side, quantity, price),
        (instrument, side, quantity, None),
        (instrument, side, None, price),
    ]
