"""A venue's list of trades beside our fills: each pair taken apart into price, quantity and fee."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.audit.statement.venue_booking import Booking
from deadreckon.replay.audit.statement.venue_file import Row
from deadreckon.replay.audit.statement.venue_matching import Fill, Matching


def compare_trades(booking: Booking, matching: Matching) -> None:
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
    for row in matching.strangers:
        _alone(booking, "missing here", row)
    for fill in booking.fills.values():
        if fill.counts and not fill.taken:
            _absent(booking, fill)


def _pair(booking: Booking, row: Row, fill: Fill) -> None:
    """What is more in price counts for our quantity, what is more in quantity at their price."""
    said, size = fill.said.event, booking.size(fill)
    quote = booking.quote(said.instrument)
    price, quantity = row.price or ZERO, row.quantity or ZERO
    theirs, ours = _flow_of_row(row, size), _flow_of(said, size)
    booking.their(quote, theirs)
    booking.our(quote, ours)
    if row.side != said.side:
        effect = EXACT.subtract(theirs, ours)
        booking.differ("side", row, fill, (said.side, row.side), effect, quote)
        return
    apart = EXACT.subtract(price, said.price)
    effect = _flow(said.side, said.quantity, apart, size)
    part = booking.part("price", apart, said.instrument)
    booking.differ(part, row, fill, (text(said.price), text(price)), effect, quote)
    apart = EXACT.subtract(quantity, said.quantity)
    effect = _flow(said.side, apart, price, size)
    part = booking.part("quantity", apart, said.instrument)
    booking.differ(part, row, fill, (text(said.quantity), text(quantity)), effect, quote)


def _fee(booking: Booking, row: Row, fill: Fill) -> None:
    """A fee that a line leaves empty is not compared; one that it gives is."""
    if row.fee is None:
        return
    said = fill.said.event
    currency = row.fee_currency or said.fee_currency
    booking.their(currency, EXACT.minus(row.fee))
    booking.our(said.fee_currency, EXACT.minus(said.fee))
    ours, theirs = text(said.fee), text(row.fee)
    if currency != said.fee_currency:
        told = (f"{ours} {said.fee_currency}", f"{theirs} {currency}")
        booking.differ("fee", row, fill, told, said.fee, said.fee_currency)
        booking.differ("fee", row, fill, told, EXACT.minus(row.fee), currency)
        return
    apart = EXACT.subtract(row.fee, said.fee)
    part = booking.part("fee", apart, currency)
    booking.differ(part, row, fill, (ours, theirs), EXACT.minus(apart), currency)


def _realised(booking: Booking, row: Row, fill: Fill) -> None:
    """Realised profit follows from trades, it moves no money of its own: a line by itself."""
    if row.realised is None:
        return
    quote = booking.quote(fill.said.event.instrument)
    booking.their(_profit(quote), row.realised)
    booking.our(_profit(quote), fill.realised)
    apart = EXACT.subtract(row.realised, fill.realised)
    part = booking.part("realised", apart, quote)
    told = (text(fill.realised), text(row.realised))
    booking.differ(part, row, fill, told, apart, _profit(quote))


def _profit(quote: str) -> str:
    return f"{quote} realised"


def _alone(booking: Booking, part: str, row: Row) -> None:
    """A trade that the venue tells of and the log does not have, or not within the statement."""
    instrument = booking.symbols.instrument(row.symbol)
    listing = booking.listings.get(instrument or "")
    size = listing.contract_size if listing else Decimal(1)
    quote = listing.quote_currency if listing else row.currency or f"quote of {row.symbol}"
    flow = _flow_of_row(row, size)
    told = f"{row.side} {text(row.quantity or ZERO)} {row.symbol} at {text(row.price or ZERO)}"
    booking.their(quote, flow)
    booking.differ(part, row, None, ("", told), flow, quote)
    if row.fee:
        currency, paid = row.fee_currency or quote, EXACT.minus(row.fee)
        booking.their(currency, paid)
        booking.differ(part, row, None, ("", f"its fee {text(row.fee)}"), paid, currency)
    if row.realised:
        booking.their(_profit(quote), row.realised)
        told = f"its realised {text(row.realised)}"
        booking.differ(part, row, None, ("", told), row.realised, _profit(quote))


def _absent(booking: Booking, fill: Fill) -> None:
    """A fill of the log that the venue does not tell of."""
    said, part = fill.said.event, "missing there"
    quote = booking.quote(said.instrument)
    flow = _flow_of(said, booking.size(fill))
    told = f"{said.side} {text(said.quantity)} {said.instrument} at {text(said.price)}"
    booking.our(quote, flow)
    booking.differ(part, None, fill, (told, ""), EXACT.minus(flow), quote)
    if said.fee and "fee" in booking.file.columns:
        booking.our(said.fee_currency, EXACT.minus(said.fee))
        told = f"its fee {text(said.fee)}"
        booking.differ(part, None, fill, (told, ""), said.fee, said.fee_currency)


def _flow_of_row(row: Row, size: Decimal) -> Decimal:
    return _flow(row.side, row.quantity or ZERO, row.price or ZERO, size)


def _flow_of(said: OrderFilled, size: Decimal) -> Decimal:
    return _flow(said.side, said.quantity, said.price, size)


def _flow(side: str, quantity: Decimal, price: Decimal, size: Decimal) -> Decimal:
    """What a trade moves before its fee, in quote currency."""
    notional = EXACT.multiply(EXACT.multiply(quantity, price), size)
    return EXACT.minus(notional) if side == "buy" else notional
