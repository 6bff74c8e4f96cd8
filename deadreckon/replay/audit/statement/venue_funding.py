"""Compares a venue's funding with the log's, payment by payment, for all strategies together."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, text
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.portfolio import FundingPaid
from deadreckon.replay.audit.statement.venue_booking import VenueDifference, VenueReconciliation
from deadreckon.replay.audit.statement.venue_file import VenueRow

APART = 1_800 * NANOSECONDS  # a venue's funding time may be so far from ours


class Payment(Struct):
    """What the strategies of a book received together by one funding of an instrument."""

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
    """The payment that a line tells of; without a time, the oldest one that is left."""
    fitting = [paid for paid in waiting if paid.instrument == instrument]
    if row.at is None:
        return fitting[0] if fitting else None
    at = row.at
    near = [paid for paid in fitting if abs(paid.record.at - at) <= APART]
    return min(near, key=lambda paid: abs(paid.record.at - at), default=None)
