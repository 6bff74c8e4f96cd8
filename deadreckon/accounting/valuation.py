"""Valuation of instruments and currencies in the reporting currency, at marks and rates."""

from decimal import ROUND_HALF_EVEN, Decimal

from deadreckon.accounting.ledger_state import Ledger, Mark
from deadreckon.contracts.amounts import EXACT, ROUNDING, SCALE_MAX, canonical

ONE = Decimal(1)
_FINEST = Decimal(1).scaleb(-SCALE_MAX)  # converted amounts are rounded to this


def mark(ledger: Ledger, instrument: str) -> Mark | None:
    """Return the last price from a bar, quote (its middle), trade or mark; None before any."""
    return ledger.marks.get(instrument)


def rate(ledger: Ledger, currency: str) -> Decimal | None:
    """Return the worth of one unit of a currency in the reporting currency; None when unknown.

    1 for the reporting currency; else the rate stated last; else the mark of an instrument
    currency/quote, spot before perpetual, where the quote's own worth is 1 or stated.
    """
    stated = _stated_rate(ledger, currency)
    return _implied_rate(ledger, currency) if stated is None else stated


def _stated_rate(ledger: Ledger, currency: str) -> Decimal | None:
    if not ledger.reporting:
        return None
    if currency == ledger.reporting:
        return ONE
    return ledger.rates.get(ledger.reporting, {}).get(currency)


def _implied_rate(ledger: Ledger, currency: str) -> Decimal | None:
    for kind in ("spot", "perpetual"):
        for instrument in ledger.bases.get(currency, ()):
            listing = ledger.listings[instrument]
            price = ledger.marks.get(instrument)
            if listing.kind != kind or listing.base_currency != currency or price is None:
                continue
            unit = _stated_rate(ledger, listing.quote_currency)
            if unit is not None:
                return EXACT.multiply(price.price, unit)
    return None


def converted(amount: Decimal, rate: Decimal) -> Decimal:
    """Return amount x rate: exact at rate 1, else rounded half-even to at most 18 decimals."""
    if rate is ONE or rate == 1:
        return amount
    product = EXACT.multiply(amount, rate)
    if product.as_tuple().exponent >= -SCALE_MAX:  # type: ignore[operator]  # never NaN
        return product
    return product.quantize(_FINEST, ROUND_HALF_EVEN, ROUNDING)


def notional(
    ledger: Ledger, instrument: str, quantity: Decimal, price: Decimal | None = None
) -> Decimal | None:
    """Return quantity x contract size x price in the reporting currency, signed like quantity.

    Uses the mark when no price is given. None when the instrument was never listed, or has no
    mark, or its quote currency has no rate.
    """
    listing = ledger.listings.get(instrument)
    known = ledger.marks.get(instrument)
    at = price if price is not None else known.price if known is not None else None
    if listing is None or at is None:
        return None
    unit = rate(ledger, listing.quote_currency)
    if unit is None:
        return None
    size = EXACT.multiply(quantity, listing.contract_size)
    return canonical(converted(EXACT.multiply(size, at), unit))
