"""Both sides' money by currency, and every difference between them with its effect.

The whole difference is worked out from both sides' totals, its parts one by one; what the parts
leave is reported as unexplained, never shared out.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, decimals
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.replay.audit.statement.venue_file import VenueFile, VenueRow
from deadreckon.replay.audit.statement.venue_matching import LoggedFill, Symbols, is_within

PARTS = ("missing here", "missing there", "timing", "side", "price", "quantity", "fee", "funding",
         "realised", "rounding")  # fmt: skip
STRUCTURAL = PARTS[:4]  # these differ whatever money they moved
ROUNDING_PART = "rounding"
Scales = dict[tuple[str, str], int]  # by what is compared, and its instrument or currency
EXACTLY = 40  # decimals that no amount has: nothing is below one unit of them
CENTS = 2
FUNDING_SCALE = 8  # as venues book it
UNKNOWN = "unknown"  # the currency of what is listed nowhere


class VenueDifference(Struct, frozen=True):
    """Difference between venue and log: `effect` is the venue's amount less ours because of it."""

    part: str
    line: int  # of the file, 0 where it has none
    trade_id: str
    ours: str
    theirs: str
    effect: Decimal
    currency: str
    record: Recorded[Any] | None


class VenueComparison(Struct):
    """Result of comparing a venue's file with the log's fills.

    `left_out` are lines that have no counterpart here, by type and currency.
    """

    venue: str
    theirs: dict[str, Decimal] = field(default_factory=dict)
    ours: dict[str, Decimal] = field(default_factory=dict)
    differences: list[VenueDifference] = field(default_factory=list)
    left_out: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)
    not_compared: list[str] = field(default_factory=list)
    compared: int = 0
    outside: int = 0  # lines of another day

    def unexplained(self) -> dict[str, Decimal]:
        """Return what the parts leave of the whole difference, by currency; empty when nothing."""
        rest: dict[str, Decimal] = {}
        for side, sign in ((self.theirs, 1), (self.ours, -1)):
            for currency, amount in side.items():
                _add(rest, currency, EXACT.multiply(amount, Decimal(sign)))
        for difference in self.differences:
            _add(rest, difference.currency, EXACT.minus(difference.effect))
        return {currency: canonical(left) for currency, left in sorted(rest.items()) if left}

    @property
    def agrees(self) -> bool:
        """True when nothing differs but by rounding."""
        others = any(found.part != ROUNDING_PART for found in self.differences)
        return not others and not self.unexplained()


class VenueReconciliation:
    """Common ground of all comparisons: the file, our fills, and where money and differences go."""

    def __init__(
        self,
        found: VenueFile,
        fills: dict[str, LoggedFill],
        listings: dict[str, InstrumentListed],
        venue: str,
        day: str,
    ) -> None:
        self.file = found
        self.fills = fills
        self.listings = listings
        self.symbols = Symbols(listings, venue)
        self.result = VenueComparison(venue)
        self._day = day
        self._scales: Scales = scales(found, fills.values(), listings)

    def rows(self, *kinds: str) -> list[VenueRow]:
        """Return the file's lines of some kinds, of the statement's day."""
        return [row for row in self.file.rows if row.kind in kinds and self.is_within(row)]

    def is_within(self, row: VenueRow) -> bool:
        """Return True when a line is of the statement's day."""
        return is_within(row, self._day)

    def their(self, currency: str, amount: Decimal) -> None:
        """Book money of the venue's."""
        _add(self.result.theirs, currency, amount)

    def our(self, currency: str, amount: Decimal) -> None:
        """Book money of ours."""
        _add(self.result.ours, currency, amount)

    def differ(
        self,
        part: str,
        row: VenueRow | None,
        fill: LoggedFill | None,
        shown: tuple[str, str],
        effect: Decimal,
        currency: str,
    ) -> None:
        """Note a difference; `shown` is how it is written here and there. Ignores equal amounts."""
        if not effect and (part not in STRUCTURAL or set(shown) <= {"", "0"}):
            return
        trade_id = row.trade_id if row and row.trade_id else ""
        trade_id = trade_id or (fill.record.event.trade_id if fill else "")
        line, record = row.line if row else 0, fill.record if fill else None
        self.note(VenueDifference(part, line, trade_id, *shown, effect, currency, record))

    def note(self, difference: VenueDifference) -> None:
        """Note a difference as it is."""
        self.result.differences.append(difference)

    def part(self, kind: str, apart: Decimal, of: str) -> str:
        """Classify a difference: below one unit of the coarser side's last decimal is rounding."""
        scale = self._scales.get((kind, of), 0)
        return ROUNDING_PART if abs(apart) < Decimal(1).scaleb(-scale) else kind

    def size(self, fill: LoggedFill) -> Decimal:
        """Return the base units of one contract of what was traded."""
        return self.listings[fill.record.event.instrument].contract_size

    def quote(self, instrument: str | None) -> str:
        """Return the quote currency of an instrument."""
        listing = self.listings.get(instrument or "")
        return listing.quote_currency if listing else UNKNOWN


def _add(money: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    money[currency] = EXACT.add(money.get(currency, ZERO), amount)


def scales(
    found: VenueFile, fills: Iterable[LoggedFill], listings: dict[str, InstrumentListed]
) -> Scales:
    """Find the decimals of the coarser side; a difference below them is rounding.

    The venue's are those it writes at the most; ours, where zeros at the end are never written,
    are at least those of the instrument, and two for money. A quantity is only rounded by the side
    that writes it short: where ours is the coarser one, the venue means another quantity.
    """
    theirs = _theirs(found)
    ours = _ours(fills, listings)
    return {key: _coarser(key[0], scale, theirs.get(key[0], scale)) for key, scale in ours.items()}


def _coarser(name: str, ours: int, theirs: int) -> int:
    return EXACTLY if name == "quantity" and theirs >= ours else min(ours, theirs)


def _theirs(found: VenueFile) -> dict[str, int]:
    written: dict[str, int] = {}
    for row in found.rows:
        for column, scale in row.scales.items():
            name = row.kind if column == "amount" else column
            written[name] = max(written.get(name, 0), scale)
    return written


def _ours(fills: Iterable[LoggedFill], listings: dict[str, InstrumentListed]) -> Scales:
    ours: Scales = {}
    for fill in fills:
        record, listing = fill.record.event, listings[fill.record.event.instrument]
        quote = listing.quote_currency
        for key, least, amount in (
            (("price", record.instrument), decimals(listing.tick_size), record.price),
            (("quantity", record.instrument), decimals(listing.lot_size), record.quantity),
            (("fee", record.fee_currency), CENTS, record.fee),
            (("realised", quote), CENTS, fill.realised),
            (("funding", quote), FUNDING_SCALE, ZERO),
        ):
            ours[key] = max(ours.get(key, least), decimals(amount))
    return ours
