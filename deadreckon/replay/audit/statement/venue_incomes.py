"""Comparison of a venue's list of income with the log: trade by trade, or in sum."""

from decimal import Decimal
from itertools import chain

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, text
from deadreckon.replay.audit.statement.venue_booking import VenueDifference, VenueReconciliation
from deadreckon.replay.audit.statement.venue_file import VenueRow
from deadreckon.replay.audit.statement.venue_matching import LoggedFill

Lines = dict[str, list[VenueRow]]  # of one trade, by kind


def compare_incomes(booking: VenueReconciliation, charged: list[tuple[str, Decimal]]) -> None:
    """Compare realised profit and fees; by trade where the file names trades.

    `charged` are fees that came with no trade: negative where they were paid.
    """
    if booking.file.has_ids:
        _by_trade(booking)
        nameless = [row for row in booking.rows("fee") if not row.trade_id]
        compare_totals(booking, "fee", nameless, charged)
        return
    fills = [fill for fill in booking.fills.values() if fill.counts]
    realised = [(booking.quote(fill.record.event.instrument), fill.realised) for fill in fills]
    fees = charged + [
        (fill.record.event.fee_currency, EXACT.minus(fill.record.event.fee)) for fill in fills
    ]
    compare_totals(booking, "realised", booking.rows("realised"), realised)
    compare_totals(booking, "fee", booking.rows("fee"), fees)


def compare_totals(
    booking: VenueReconciliation, kind: str, rows: list[VenueRow], ours: list[tuple[str, Decimal]]
) -> None:
    """Compare sums by currency, where nothing names which is which."""
    there = _sums([(row.currency, row.amount or ZERO) for row in rows])
    here = _sums(ours)
    for currency in sorted({*there, *here}):
        own, other = here.get(currency, ZERO), there.get(currency, ZERO)
        booking.their(currency, other)
        booking.our(currency, own)
        apart = EXACT.subtract(other, own)
        part = booking.part(kind, apart, currency)
        shown = (text(canonical(own)), text(canonical(other)))
        booking.differ(part, None, None, shown, apart, currency)


def _sums(amounts: list[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for currency, amount in amounts:
        found[currency] = EXACT.add(found.get(currency, ZERO), amount)
    return found


def _by_trade(booking: VenueReconciliation) -> None:
    shown: dict[str, Lines] = {}
    for row in booking.file.rows:
        if row.kind not in ("fee", "realised") or (row.kind == "fee" and not row.trade_id):
            continue
        if row.trade_id in booking.fills:
            shown.setdefault(row.trade_id, {}).setdefault(row.kind, []).append(row)
        elif booking.is_within(row):
            _unmatched(booking, row)
        else:
            booking.result.outside += 1
    for trade_id, fill in booking.fills.items():
        _trade(booking, fill, shown.get(trade_id, {}))


def _unmatched(booking: VenueReconciliation, row: VenueRow) -> None:
    amount = row.amount or ZERO
    booking.their(row.currency, amount)
    shown = f"{row.type} {text(amount)} {row.symbol}"
    note = VenueDifference(
        "missing here", row.line, row.trade_id, "", shown, amount, row.currency, None
    )
    booking.note(note)


def _trade(booking: VenueReconciliation, fill: LoggedFill, lines: Lines) -> None:
    rows = list(chain.from_iterable(lines.values()))
    if not fill.counts and not any(map(booking.is_within, rows)):
        booking.result.outside += len(rows)
        return
    booking.result.compared += bool(rows)
    part = "" if rows else "missing there"
    part = part if fill.counts else "timing"
    record = fill.record.event
    realised = (fill.realised, booking.quote(record.instrument))
    fee = (EXACT.minus(record.fee), record.fee_currency)
    _income(booking, ("realised", part), lines.get("realised", []), fill, realised)
    _income(booking, ("fee", part), lines.get("fee", []), fill, fee)


def _income(
    booking: VenueReconciliation,
    named: tuple[str, str],
    rows: list[VenueRow],
    fill: LoggedFill,
    own: tuple[Decimal, str],
) -> None:
    """Compare one kind of income of one trade, which may take several lines of the venue."""
    kind, part = named
    ours, currency = own if fill.counts else (ZERO, own[1])
    theirs = canonical(sum((row.amount or ZERO for row in rows), ZERO))
    there = rows[0].currency if rows else currency
    booking.their(there, theirs)
    booking.our(currency, ours)
    row = rows[0] if rows else None
    if there != currency:
        shown = (f"{text(ours)} {currency}", f"{text(theirs)} {there}")
        booking.differ(part or kind, row, fill, shown, EXACT.minus(ours), currency)
        booking.differ(part or kind, row, fill, shown, theirs, there)
        return
    apart = EXACT.subtract(theirs, ours)
    part = part or booking.part(kind, apart, currency)
    booking.differ(part, row, fill, (text(canonical(ours)), text(theirs)), apart, currency)
