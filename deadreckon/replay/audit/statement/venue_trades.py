"""Comparison of a venue's list of trades with the fills: each pair by price, quantity and fee."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.audit.statement.venue_booking import VenueReconciliation
from deadreckon.replay.audit.statement.venue_file import VenueRow
from deadreckon.replay.audit.statement.venue_matching import LoggedFill, Matching


def compare_trades(booking: VenueReconciliation, matching: Matching) -> None:
    """Compare pair by pair; then what only one side has."""
    booking.result.outside += matching.outside
    if "fee" not in booking.file.columns:
        booking.result.not_compared.append("fees: the file has no column of them")
    for row, fill in matching.pairs:
        booking.result.compared += 1
        if fill.counts:
            _pair(booking, row, fill)
            _fee(booking, row, fill)
            _realised(booking, row, fill)
        else:
            _alone(booking, "timing", row)
    for row in matching.unmatched:
        _alone(booking, "missing here", row)
    for fill in booking.fills.values():
        if fill.counts and not fill.taken:
            _absent(booking, fill)


def _pair(booking: VenueReconciliation, row: VenueRow, fill: LoggedFill) -> None:
    """Split a difference into price (at our quantity) and quantity (at their price)."""
    record, size = fill.record.event, booking.size(fill)
    quote = booking.quote(record.instrument)
    price, quantity = row.price or ZERO, row.quantity or ZERO
    theirs, ours = _flow_of_row(row, size), _flow_of(record, size)
    booking.their(quote, theirs)
    booking.our(quote, ours)
    if row.side != record.side:
        effect = EXACT.subtract(theirs, ours)
        booking.differ("side", row, fill, (record.side, row.side), effect, quote)
        return
    apart = EXACT.subtract(price, record.price)
    effect = _flow(record.side, record.quantity, apart, size)
    part = booking.part("price", apart, record.instrument)
    booking.differ(part, row, fill, (text(record.price), text(price)), effect, quote)
    apart = EXACT.subtract(quantity, record.quantity)
    effect = _flow(record.side, apart, price, size)
    part = booking.part("quantity", apart, record.instrument)
    booking.differ(part, row, fill, (text(record.quantity), text(quantity)), effect, quote)


def _fee(booking: VenueReconciliation, row: VenueRow, fill: LoggedFill) -> None:
    """Compare the fee of a trade; one that a line leaves empty is not compared."""
    if row.fee is None:
        return
    record = fill.record.event
    currency = row.fee_currency or record.fee_currency
    booking.their(currency, EXACT.minus(row.fee))
    booking.our(record.fee_currency, EXACT.minus(record.fee))
    ours, theirs = text(record.fee), text(row.fee)
    if currency != record.fee_currency:
        shown = (f"{ours} {record.fee_currency}", f"{theirs} {currency}")
        booking.differ("fee", row, fill, shown, record.fee, record.fee_currency)
        booking.differ("fee", row, fill, shown, EXACT.minus(row.fee), currency)
        return
    apart = EXACT.subtract(row.fee, record.fee)
    part = booking.part("fee", apart, currency)
    booking.differ(part, row, fill, (ours, theirs), EXACT.minus(apart), currency)


def _realised(booking: VenueReconciliation, row: VenueRow, fill: LoggedFill) -> None:
    """Compare realised profit apart: it follows from trades and moves no money of its own."""
    if row.realised is None:
        return
    quote = booking.quote(fill.record.event.instrument)
    booking.their(_profit(quote), row.realised)
    booking.our(_profit(quote), fill.realised)
    apart = EXACT.subtract(row.realised, fill.realised)
    part = booking.part("realised", apart, quote)
    shown = (text(fill.realised), text(row.realised))
    booking.differ(part, row, fill, shown, apart, _profit(quote))


def _profit(quote: str) -> str:
    return f"{quote} realised"


def _alone(booking: VenueReconciliation, part: str, row: VenueRow) -> None:
    """Report a trade of the venue that the log does not have, or not within the statement."""
    instrument = booking.symbols.instrument(row.symbol)
    listing = booking.listings.get(instrument or "")
    size = listing.contract_size if listing else Decimal(1)
    quote = listing.quote_currency if listing else row.currency or f"quote of {row.symbol}"
    flow = _flow_of_row(row, size)
    shown = f"{row.side} {text(row.quantity or ZERO)} {row.symbol} at {text(row.price or ZERO)}"
    booking.their(quote, flow)
    booking.differ(part, row, None, ("", shown), flow, quote)
    if row.fee:
        currency, paid = row.fee_currency or quote, EXACT.minus(row.fee)
        booking.their(currency, paid)
        booking.differ(part, row, None, ("", f"its fee {text(row.fee)}"), paid, currency)
    if row.realised:
        booking.their(_profit(quote), row.realised)
        shown = f"its realised {text(row.realised)}"
        booking.differ(part, row, None, ("", shown), row.realised, _profit(quote))


def _absent(booking: VenueReconciliation, fill: LoggedFill) -> None:
    """Report a fill of the log that the venue does not have."""
    record, part = fill.record.event, "missing there"
    quote = booking.quote(record.instrument)
    flow = _flow_of(record, booking.size(fill))
    shown = f"{record.side} {text(record.quantity)} {record.instrument} at {text(record.price)}"
    booking.our(quote, flow)
    booking.differ(part, None, fill, (shown, ""), EXACT.minus(flow), quote)
    if record.fee and "fee" in booking.file.columns:
        booking.our(record.fee_currency, EXACT.minus(record.fee))
        shown = f"its fee {text(record.fee)}"
        booking.differ(part, None, fill, (shown, ""), record.fee, record.fee_currency)


def _flow_of_row(row: VenueRow, size: Decimal) -> Decimal:
    return _flow(row.side, row.quantity or ZERO, row.price or ZERO, size)


def _flow_of(record: OrderFilled, size: Decimal) -> Decimal:
    return _flow(record.side, record.quantity, record.price, size)


def _flow(side: str, quantity: Decimal, price: Decimal, size: Decimal) -> Decimal:
    """Return what a trade moves before its fee, in quote currency."""
    notional = EXACT.multiply(EXACT.multiply(quantity, price), size)
    return EXACT.minus(notional) if side == "buy" else notional
