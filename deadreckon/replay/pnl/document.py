"""The PnL of a day or of everything as a document, and the sealed ranges it was folded from."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PnlFigures, PositionKey, figures, total
from deadreckon.archive.segments import Archive, ArchiveManifest
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.errors import UsageError
from deadreckon.replay.pnl.sealed import RangeProgress, SealedLedger

Document = dict[str, Any]


class NotSealedError(UsageError):
    """You asked an archive for a day that is not in it; the message says what to do."""


class RangeClose(Struct, frozen=True):
    """A book at the end of a range."""

    figures: dict[PositionKey, PnlFigures]
    quantities: dict[PositionKey, Decimal]
    equity: Decimal
    deposited: Decimal
    fills: int
    repeated: int


def sealed_pnl(
    archive: Archive, book: str, day: str | None, told: RangeProgress = None
) -> Document:
    """Keys stand in a fixed order, amounts are decimal texts in the reporting currency.

    Raises NotSealedError for a day that is not sealed, ArchiveError for a file that is not the one
    that was, ImpossibleFillError for fills that cannot be.
    """
    ranges = _wanted(archive, day)
    reading = SealedLedger(archive, book, ranges[-1].number)
    if day is not None and ranges[0].number == 1:
        reading.before_the_first_day()
    opening = _close(reading, ranges[0].number - 1, told)
    closing = _close(reading, ranges[-1].number, told)
    change = _change(opening, closing)
    now = ledger.equity(reading.ledger)
    return {
        "book": book,
        "day": day or "all",
        "fills": closing.fills - opening.fills,
        "repeated_fills": closing.repeated - opening.repeated,
        "pnl": total(change.values()).texts(),
        "by_strategy": _by(change, 0, "strategy"),
        "by_venue": _by(change, 1, "venue"),
        "by_instrument": _by(change, 2, "instrument"),
        "fees_by_currency": _fees(reading.ledger),
        "positions": _positions(opening, reading.ledger),
        "equity": {
            "opening": text(opening.equity),
            "deposited": text(EXACT.subtract(closing.deposited, opening.deposited)),
            "closing": text(closing.equity),
        },
        "unpriced": now.unpriced,
        "first_sequence": ranges[0].first,
        "last_sequence": ranges[-1].last,
        "sealed_up_to": archive.last,  # what the log said later is not in here
        "ranges": [_range(manifest) for manifest in ranges],
        "ranges_folded": ranges[-1].number,
        "fills_folded": closing.fills,
    }


def _wanted(archive: Archive, day: str | None) -> list[ArchiveManifest]:
    """The ranges of a day, or all; a range of several days has the name of its last."""
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


def _close(reading: SealedLedger, number: int, told: RangeProgress) -> RangeClose:
    book = reading.upto(number, told)
    return RangeClose(
        figures=figures(book),
        quantities={key: average_cost.quantity(held) for key, held in ledger.positions(book)},
        equity=ledger.net_worth(book).equity,
        deposited=ledger.net_deposits(book),
        fills=reading.fills,
        repeated=reading.repeated,
    )


def _change(opening: RangeClose, closing: RangeClose) -> dict[PositionKey, PnlFigures]:
    none = PnlFigures()
    return {
        key: after.minus(opening.figures.get(key, none))
        for key, after in sorted(closing.figures.items())
    }


def _by(change: dict[PositionKey, PnlFigures], part: int, name: str) -> list[Document]:
    groups: dict[str, list[PnlFigures]] = {}
    for key, found in change.items():
        groups.setdefault(key[part], []).append(found)
    return [{name: group} | total(members).texts() for group, members in sorted(groups.items())]


def _fees(book: Ledger) -> dict[str, str]:
    """What was paid so far, in each currency's own units."""
    return {
        currency: text(Decimal(account.fees.units).scaleb(-account.fees.scale, EXACT))
        for currency, account in sorted(book.accounts.items())
    }


def _positions(opening: RangeClose, book: Ledger) -> list[Document]:
    return [_position(key, opening, book) for key in _keys(book)]


def _keys(book: Ledger) -> Iterable[PositionKey]:
    return sorted(key for key, _ in ledger.positions(book))


def _position(key: PositionKey, opening: RangeClose, book: Ledger) -> Document:
    strategy, venue, instrument = key
    held = ledger.position(book, strategy, instrument)
    price = ledger.mark(book, instrument)
    assert held is not None
    return {
        "strategy": strategy,
        "venue": venue,
        "instrument": instrument,
        "opening_quantity": text(opening.quantities.get(key, Decimal(0))),
        "closing_quantity": text(average_cost.quantity(held)),
        "average_price": text(average_cost.average_price(held)),
        "mark": text(price.price) if price else None,
    }


def _range(manifest: ArchiveManifest) -> Document:
    return {
        "number": manifest.number,
        "day": manifest.day,
        "first": manifest.first,
        "last": manifest.last,
        "root": manifest.root,
        "signed_by": manifest.public_key,
    }
