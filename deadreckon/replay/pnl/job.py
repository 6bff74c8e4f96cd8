"""The PnL of an archive, folded from its columns: needs no server and takes no lock."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from msgspec import UNSET, Struct
from msgspec.structs import replace

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.dust import dust_of
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PnlFigures, PositionKey, figures
from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import Archive, ArchiveManifest
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.errors import UsageError
from deadreckon.replay.opening import progress_bar
from deadreckon.replay.pnl.document import PnlDocument, RangeEquity, SealedRange
from deadreckon.replay.pnl.rows import (
    PositionRow,
    by_instrument,
    by_strategy,
    by_venue,
    change_between,
    moved_on,
    pnl_texts,
)
from deadreckon.replay.pnl.sealed import RangeProgress, SealedLedger
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK


class NotSealedError(UsageError):
    """You asked an archive for a day that is not in it; the message says what to do."""


class RangeClose(Struct, frozen=True):
    """A book at the end of a sealed range."""

    figures: dict[PositionKey, PnlFigures]
    quantities: dict[PositionKey, Decimal]
    equity: Decimal
    deposited: Decimal
    fills: int
    repeated: int

    def moved(self, left: "RangeClose", now: "RangeClose") -> "RangeClose":
        """Return this opening without what came about from `left` to `now`."""
        return replace(
            self,
            figures=moved_on(self.figures, left.figures, now.figures),
            equity=EXACT.add(self.equity, EXACT.subtract(now.equity, left.equity)),
            deposited=EXACT.add(self.deposited, EXACT.subtract(now.deposited, left.deposited)),
            fills=self.fills + now.fills - left.fills,
            repeated=self.repeated + now.repeated - left.repeated,
        )


async def archive_pnl(data: Path, day: str | None, *, shows: bool, book: str = BOOK) -> PnlDocument:
    """Fold the PnL of a sealed day, or of all that is sealed in a data folder.

    Raises FolderError, NotSealedError, ArchiveError and ImpossibleFillError.
    """
    archive = Archive(Folder(data).check().root / FOLDER)
    with progress_bar(shows) as progress:
        return sealed_pnl(
            archive, book, day, lambda done, end: progress("folding ranges", done, end)
        )


def sealed_pnl(
    archive: Archive, book: str, day: str | None, progress: RangeProgress = None
) -> PnlDocument:
    """Fold the PnL of a sealed day, or of all ranges, from an archive.

    Raises NotSealedError for a day that is not sealed, ArchiveError for a file that differs from
    its sealed hash, ImpossibleFillError for fills that cannot be.
    """
    ranges = _ranges(archive, day)
    reading = SealedLedger(archive, book, ranges[-1].number)
    if day is not None and ranges[0].number == 1:
        reading.before_the_first_day()
    opening, closing = _ends(reading, ranges, progress)
    change = change_between(opening.figures, closing.figures)
    return PnlDocument(
        book=book,
        day=day or "all",
        fills=closing.fills - opening.fills,
        repeated_fills=closing.repeated - opening.repeated,
        pnl=pnl_texts(change),
        by_strategy=by_strategy(change),
        by_venue=by_venue(change),
        by_instrument=by_instrument(change),
        fees_by_currency=_fees(reading.ledger),
        positions=_positions(opening, reading.ledger),
        equity=RangeEquity(
            opening=text(opening.equity),
            deposited=text(EXACT.subtract(closing.deposited, opening.deposited)),
            closing=text(closing.equity),
        ),
        unpriced=ledger.equity(reading.ledger).unpriced,
        first_sequence=ranges[0].first,
        last_sequence=ranges[-1].last,
        sealed_up_to=archive.last,
        ranges=[_range(manifest) for manifest in ranges],
        ranges_folded=ranges[-1].number,
        fills_folded=closing.fills,
    )


def _ranges(archive: Archive, day: str | None) -> list[ArchiveManifest]:
    """Find the ranges of a day, or all; a range of several days has the name of its last."""
    found = [each for each in archive.manifests if day is None or each.day == day]
    if found:
        return found
    if not archive.manifests:
        raise NotSealedError(f"nothing is sealed in {archive.root}: dr archive seal --all")
    first, last = archive.manifests[0].day, archive.manifests[-1].day
    raise NotSealedError(
        f"{day} is not sealed (from {first} to {last} is): dr archive seal {day}, or dr replay "
        f"audit {day}, which needs no archive"
    )


def _ends(
    reading: SealedLedger, ranges: list[ArchiveManifest], progress: RangeProgress
) -> tuple[RangeClose, RangeClose]:
    """Return the opening and the closing end; ranges of other days that lie between are left out of
    the opening."""
    opening = _close(reading, ranges[0].number - 1, progress)
    for before, after in pairwise(ranges):
        if after.number != before.number + 1:
            left = _close(reading, before.number, progress)
            opening = opening.moved(left, _close(reading, after.number - 1, progress))
    return opening, _close(reading, ranges[-1].number, progress)


def _close(reading: SealedLedger, number: int, progress: RangeProgress) -> RangeClose:
    book = reading.upto(number, progress)
    return RangeClose(
        figures=figures(book),
        quantities={key: average_cost.quantity(held) for key, held in ledger.positions(book)},
        equity=ledger.net_worth(book).equity,
        deposited=ledger.net_deposits(book),
        fills=reading.fills,
        repeated=reading.repeated,
    )


def _fees(book: Ledger) -> dict[str, str]:
    """Sum the fees paid so far, in each currency's own units."""
    return {
        currency: text(Decimal(account.fees.units).scaleb(-account.fees.scale, EXACT))
        for currency, account in sorted(book.accounts.items())
    }


def _positions(opening: RangeClose, book: Ledger) -> list[PositionRow]:
    keys = sorted(key for key, _ in ledger.positions(book))
    return [_position(key, opening, book) for key in keys]


def _position(key: PositionKey, opening: RangeClose, book: Ledger) -> PositionRow:
    strategy, _, instrument = key
    held = ledger.position(book, strategy, instrument)
    price = ledger.mark(book, instrument)
    assert held is not None
    return PositionRow(
        *key,
        opening_quantity=text(opening.quantities.get(key, Decimal(0))),
        closing_quantity=text(average_cost.quantity(held)),
        average_price=text(average_cost.average_price(held)),
        mark=text(price.price) if price else None,
        dust=dust_of(book, strategy, instrument) or UNSET,
    )


def _range(manifest: ArchiveManifest) -> SealedRange:
    return SealedRange(
        number=manifest.number,
        day=manifest.day,
        first=manifest.first,
        last=manifest.last,
        root=manifest.root,
        signed_by=manifest.public_key,
    )
