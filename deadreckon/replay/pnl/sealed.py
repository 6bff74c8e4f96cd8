"""A book's ledger at the end of a sealed range, folded from the archive's columns."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars
from polars import col

from deadreckon.accounting import ledger
from deadreckon.accounting.columnar import fill_columns
from deadreckon.accounting.columnar.fill_columns import Numbers
from deadreckon.accounting.columnar.postings import book
from deadreckon.accounting.ledger_state import Ledger, Mark
from deadreckon.archive.days import TIMES
from deadreckon.archive.segments import Archive, ArchiveManifest, Segment
from deadreckon.archive.typed_columns import MESSAGES
from deadreckon.contracts import subjects
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.market import CurrencyRateUpdated, FundingRatePublished, MarkUpdated
from deadreckon.contracts.timestamps import day_start
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.ingress import Ingress

RangeProgress = Callable[[int, int], None] | None  # hears of ranges: done, of

ROWS_MAX = 4_000_000  # fills in memory at once: some 400 MB
RATES: dict[str, Any] = {
    "market.funding_rate_published": FundingRatePublished,
    "market.currency_rate_updated": CurrencyRateUpdated,
}


class Price(NamedTuple):
    """The price of an instrument, and the message that has it."""

    sequence: int
    mark: Mark


class SealedLedger:
    """Folds ranges of an archive one after the other; each file is held against its hash first."""

    def __init__(self, archive: Archive, book: str, last: int, mode: Mode = "paper") -> None:
        """Prepare to fold; `last` is the number of the last range that will be asked for."""
        self._archive = archive
        self._ranges = archive.manifests[:last]
        self._book = book
        self._intake = Ingress(book, mode, reads_signals=False)
        self._known: Numbers | None = None  # rows of fills that repeat a trade
        self._set_up = 0  # facts before this message are in the ledger already
        self._operators_prices: dict[str, Price] = {}
        self._row = 0  # the next fill, counted over all ranges
        self.ledger = ledger.initial()
        self.done = 0  # ranges folded
        self.fills = 0
        self.repeated = 0

    def upto(self, number: int, progress: RangeProgress = None) -> Ledger:
        """Return the ledger after the range of that number, with the marks at its end.

        Raises ArchiveError for a file that is not the sealed one, ImpossibleFillError for a fill
        that cannot be.
        """
        while self.done < number:
            ranges = self._next(number)
            self._fold(ranges)
            self.done = ranges[-1].number
            if progress:
                progress(self.done, number)
        self.ledger.marks = self._marks(number)
        return self.ledger

    def before_the_first_day(self) -> Ledger:
        """Return the ledger when time begins: what was set up before any market or clock event."""
        if self._ranges and not self.done:
            first = self._ranges[:1]
            times = polars.any_horizontal(col("subject").str.starts_with(each) for each in TIMES)
            rows = fill_columns.scan(self._checked(first, MESSAGES)).filter(times)
            begun = rows.select(col("sequence").min()).collect().item()
            facts = [record for record in self._facts(first) if begun and record.sequence < begun]
            self._remember_prices(facts)
            book(self.ledger, fill_columns.nothing(), facts)
            self._set_up = begun or 0
            self._intake = Ingress(self._book, self._intake.mode, reads_signals=False)
        return self.ledger

    def _next(self, number: int) -> list[ArchiveManifest]:
        """Return as many ranges as may be folded at once."""
        found: list[ArchiveManifest] = []
        rows = 0
        for manifest in self._ranges[self.done : number]:
            rows += sum(each.rows for each in self._segments([manifest], "fills"))
            if found and rows > ROWS_MAX:
                break
            found.append(manifest)
        return found

    def _fold(self, ranges: list[ArchiveManifest]) -> None:
        files = self._checked(ranges, "fills")
        facts = [record for record in self._facts(ranges) if record.sequence >= self._set_up]
        self._remember_prices(facts)
        if not files:
            book(self.ledger, fill_columns.nothing(), facts)
            return
        count = sum(each.rows for each in self._segments(ranges, "fills"))
        known = self._repetitions() - self._row
        known = known[(known >= 0) & (known < count)]
        book(self.ledger, fill_columns.read(files).without(known), facts)
        self._row += count
        self.repeated += len(known)
        self.fills += count - len(known)

    def _remember_prices(self, facts: list[Recorded[Any]]) -> None:
        for record in facts:
            if isinstance(record.event, MarkUpdated):
                mark = Mark(record.event.price, record.at)
                self._operators_prices[record.event.instrument] = Price(record.sequence, mark)

    def _repetitions(self) -> Numbers:
        if self._known is None:
            self._known = fill_columns.repetitions(self._checked(self._ranges, "fills"))
        return self._known

    def _segments(self, ranges: Sequence[ArchiveManifest], family: str) -> list[Segment]:
        books = (self._book, subjects.SHARED)
        return [
            segment
            for manifest in ranges
            for segment in manifest.segments
            if segment.family == family and segment.book in books
        ]

    def _checked(self, ranges: Sequence[ArchiveManifest], family: str) -> list[Path]:
        """Return the files of a family, checked against what was sealed."""
        segments = self._segments(ranges, family)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._archive.check_file, segments))
        return [self._archive.root / segment.path for segment in segments]

    def _facts(self, ranges: Sequence[ArchiveManifest]) -> list[Recorded[Any]]:
        """Read operators' facts and rates in log order."""
        found = [*self._operators(ranges), *self._rates(ranges)]
        return sorted(found, key=lambda record: (record.sequence, record.index))

    def _operators(self, ranges: Sequence[ArchiveManifest]) -> Iterator[Recorded[Any]]:
        """Yield the facts of operators, each once, as every service takes them."""
        files = self._checked(ranges, MESSAGES)
        door = f"log.{self._book}.op."
        rows = (
            fill_columns.scan(files)
            .filter(col("subject").str.starts_with(door))
            .select("sequence", "subject", "payload", "stored_at")
            .sort("sequence")
            .collect()
        )
        decoding = Decoding(from_start=False)
        stored = [Stored(*values) for values in rows.iter_rows()]
        for manifest in ranges:
            self._intake.now = day_start(manifest.day)
            for each in stored:
                if manifest.first <= each.sequence <= manifest.last:
                    yield from self._intake.records_of(decoding.decode(each))

    def _rates(self, ranges: Sequence[ArchiveManifest]) -> Iterator[Recorded[Any]]:
        files = self._checked(ranges, "marks")
        if not files:
            return
        rows = fill_columns.scan(files).filter(col("type").is_in(list(RATES))).collect()
        for row in rows.iter_rows(named=True):
            shape = RATES[row["type"]]
            progress = (name for name in shape.__struct_fields__ if row.get(name) is not None)
            fields = {name: row[name] for name in progress}
            event = msgspec.convert(fields, shape, strict=False)
            yield Recorded(
                row["id"],
                row["at"],
                subjects.SHARED,
                row["mode"],
                row["source"],
                row["cause"],
                row["root"],
                event,
                row["sequence"],
                row["index"],
            )

    def _marks(self, number: int) -> dict[str, Mark]:
        """Return the last price of every instrument at the end of a range, looking back through
        earlier ranges until no listed instrument is missing."""
        found: dict[str, Price] = {}
        for manifest in reversed(self._ranges[:number]):
            if found.keys() >= self.ledger.listings.keys():
                break
            files = self._checked([manifest], "marks")
            last = _last_prices(files) if files else {}
            found = last | found
        for instrument, price in self._operators_prices.items():
            if instrument not in found or price.sequence > found[instrument].sequence:
                found[instrument] = price
        return {instrument: price.mark for instrument, price in found.items()}


def _last_prices(files: Sequence[Path]) -> dict[str, Price]:
    rows = fill_columns.scan(files).select("instrument", "mark", "at", "sequence", "type").collect()
    named = rows.filter(col("mark").is_not_null() & ~col("type").is_in(list(RATES)))
    last = named.unique("instrument", keep="last").drop("type")
    return {
        name: Price(sequence, Mark(Decimal(text), at))
        for name, text, at, sequence in last.iter_rows()
    }
