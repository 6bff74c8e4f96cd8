"""Compares a venue's own statement with the log, and splits what differs into its parts.

Money is what each trade moved (the notional, signed, less its fee) and each funding; of a list of
income, realised profit less fees, with funding.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, text
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.portfolio import FeeCharged, FundingPaid
from deadreckon.replay.audit.statement.collect import BookedEvent
from deadreckon.replay.audit.statement.venue_booking import (
    VenueComparison,
    VenueDifference,
    VenueReconciliation,
)
from deadreckon.replay.audit.statement.venue_file import VenueFile, VenueRow
from deadreckon.replay.audit.statement.venue_incomes import compare_incomes, compare_totals
from deadreckon.replay.audit.statement.venue_matching import fills_of, matched
from deadreckon.replay.audit.statement.venue_trades import compare_trades

APART = 1_800 * NANOSECONDS  # a venue's funding time may be so far from ours


def compared(
    found: VenueFile,
    trades: Iterable[BookedEvent],
    listings: dict[str, InstrumentListed],
    venue: str,
    day: str,
) -> VenueComparison:
    """Compare a file with what the log has of a venue, on a day or ("all") as a whole."""
    kept = list(trades)
    fills = fills_of(kept, venue)
    booking = VenueReconciliation(found, fills, listings, venue, day)
    apart = [trade.record for trade in kept if trade.counts and _is_at(trade, listings, venue)]
    fees = [record.event for record in apart if isinstance(record.event, FeeCharged)]
    charged = [(fee.currency, EXACT.minus(fee.amount)) for fee in fees]
    if found.incomes:
        compare_incomes(booking, charged)
    else:
        compare_trades(booking, matched(found, fills, booking.symbols, day))
        _fees_apart(booking, charged)
    compare_funding(booking, [record for record in apart if isinstance(record.event, FundingPaid)])
    for row in booking.rows("other"):
        key = (row.type, row.currency)
        booking.result.left_out.setdefault(key, []).append(row.amount or ZERO)
    return booking.result


def _fees_apart(booking: VenueReconciliation, charged: list[tuple[str, Decimal]]) -> None:
    """Compare fees that came without a trade: they have lines of their own, not in every list."""
    if charged and "type" not in booking.file.columns:
        booking.result.not_compared.append("fees without a trade: the file has no lines of them")
        return
    compare_totals(booking, "fee", booking.rows("fee"), charged)


def _is_at(trade: BookedEvent, listings: dict[str, InstrumentListed], venue: str) -> bool:
    listing = listings.get(trade.record.event.instrument)
    return listing is not None and listing.venue == venue


class Payment(Struct):
    """Funding that the strategies of a book received together for an instrument at one time."""

    instrument: str
    currency: str
    amount: Decimal
    record: Recorded[FundingPaid]


def compare_funding(booking: VenueReconciliation, ours: list[Recorded[FundingPaid]]) -> None:
    """Compare each line with the payment nearest to it in time."""
    rows = booking.rows("funding")
    has_lines = booking.file.incomes or "type" in booking.file.columns
    if not rows and ours and not has_lines:
        booking.result.not_compared.append("funding: the file has no lines of it")
        return
    waiting = _payments(ours)
    for row in rows:
        paid = _nearest(waiting, booking.symbols.instrument(row.symbol), row)
        if paid is not None:
            waiting.remove(paid)
        _line(booking, row, paid)
    for paid in waiting:
        booking.our(paid.currency, paid.amount)
        effect, shown = EXACT.minus(paid.amount), text(paid.amount)
        booking.note(
            VenueDifference("funding", 0, "", shown, "", effect, paid.currency, paid.record)
        )


def _line(booking: VenueReconciliation, row: VenueRow, paid: Payment | None) -> None:
    amount = row.amount or ZERO
    quote = booking.quote(booking.symbols.instrument(row.symbol))
    currency = row.currency or quote
    booking.their(currency, amount)
    if paid is None:
        note = VenueDifference("funding", row.line, "", "", text(amount), amount, currency, None)
        booking.note(note)
        return
    booking.result.compared += 1
    booking.our(paid.currency, paid.amount)
    shown = (text(paid.amount), text(amount))
    if currency != paid.currency:
        effect = EXACT.minus(paid.amount)
        booking.note(
            VenueDifference("funding", row.line, "", *shown, effect, paid.currency, paid.record)
        )
        booking.note(
            VenueDifference("funding", row.line, "", *shown, amount, currency, paid.record)
        )
        return
    apart = EXACT.subtract(amount, paid.amount)
    if apart:
        part = booking.part("funding", apart, currency)
        booking.note(VenueDifference(part, row.line, "", *shown, apart, currency, paid.record))


def _payments(ours: list[Recorded[FundingPaid]]) -> list[Payment]:
    found: dict[tuple[str, str, int], Payment] = {}
    for record in ours:
        key = (record.event.instrument, record.event.currency, record.at)
        paid = found.setdefault(key, Payment(*key[:2], ZERO, record))
        paid.amount = canonical(EXACT.add(paid.amount, record.event.amount))
    return list(found.values())


def _nearest(waiting: list[Payment], instrument: str | None, row: VenueRow) -> Payment | None:
    """Find the payment that a line reports; without a time, the oldest one that is left."""
    fitting = [paid for paid in waiting if paid.instrument == instrument]
    if row.at is None:
        return fitting[0] if fitting else None
    at = row.at
    near = [paid for paid in fitting if abs(paid.record.at - at) <= APART]
    return min(near, key=lambda paid: abs(paid.record.at - at), default=None)
