"""What a ledger is worth at its marks and rates, in the reporting currency."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ROUNDING, SCALE_MAX, ZERO, canonical
from deadreckon.services.portfolio import accounting
from deadreckon.services.portfolio.holdings import Account, Ledger, Mark
from deadreckon.services.portfolio.money import worth

ONE = Decimal(1)
_FINEST = Decimal(1).scaleb(-SCALE_MAX)  # converted amounts are rounded to this


class Equity(Struct, frozen=True):
    """A book at its marks; amounts in the reporting currency.

    `equity` = `cash` + `holdings` (spot at market, short negative) + `unrealised_perpetual`.
    `unrealised` counts spot too. `fees` were paid and `funding` received, as far as positive.
    `exposure_gross` sums the notional of every position of every strategy, `exposure_net` with
    its sign. `cash_by_currency` is in each currency's own units. `unpriced` names instruments
    without a mark and currencies without a rate: what is in them is left out of every sum.
    """

    equity: Decimal
    cash: Decimal
    holdings: Decimal
    unrealised_perpetual: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    exposure_gross: Decimal
    exposure_net: Decimal
    cash_by_currency: dict[str, Decimal]
    unpriced: list[str]


class _Sums(Struct):
    """Open positions of one quote currency at their marks, in that currency."""

    holdings: Decimal = ZERO
    unrealised_spot: Decimal = ZERO
    unrealised_perpetual: Decimal = ZERO
    gross: Decimal = ZERO
    net: Decimal = ZERO


class _Totals(Struct):
    """The same and the accounts, converted to the reporting currency."""

    cash: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    holdings: Decimal = ZERO
    unrealised_spot: Decimal = ZERO
    unrealised_perpetual: Decimal = ZERO
    gross: Decimal = ZERO
    net: Decimal = ZERO


def mark(ledger: Ledger, instrument: str) -> Mark | None:
    """The last price that a bar, quote (its middle), trade or mark gave; None before the first."""
    return ledger.marks.get(instrument)


def rate(ledger: Ledger, currency: str) -> Decimal | None:
    """What one unit of a currency is worth in the reporting currency; None when nobody said.

    1 for the reporting currency; else what was stated last; else the mark of an instrument
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
    """amount x rate: exact at rate 1, else rounded half-even to 18 decimals where it is finer."""
    if rate is ONE or rate == 1:
        return amount
    product = EXACT.multiply(amount, rate)
    if product.as_tuple().exponent >= -SCALE_MAX:  # type: ignore[operator]  # never NaN
        return product
    return product.quantize(_FINEST, ROUND_HALF_EVEN, ROUNDING)


def notional(
    ledger: Ledger, instrument: str, quantity: Decimal, price: Decimal | None = None
) -> Decimal | None:
    """quantity x contract size x price in the reporting currency, with the quantity's sign.

    At the mark when no price is given. None when the instrument was never listed, or has no mark,
    or its quote currency has no rate.
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


def realised_net(ledger: Ledger) -> Decimal:
    """Cumulative realised - fees + funding at today's rates; currencies without one left out."""
    total = ZERO
    for currency, account in ledger.accounts.items():
        unit = rate(ledger, currency)
        if unit is not None:
            net = EXACT.subtract(worth(account.realised), worth(account.fees))
            net = EXACT.add(net, worth(account.funding))
            total = EXACT.add(total, converted(net, unit))
    return canonical(total)


def equity(ledger: Ledger) -> Equity:
    """The book at its marks. Sums are per currency first, so that each converts only once.

    Where every rate is 1 it is exact: equity == deposited - withdrawn + realised + unrealised
    - fees + funding. Each converted sum is off by half of 10**-18 at most.
    """
    unpriced: list[str] = []
    open_positions = _at_marks(ledger, unpriced)
    totals = _Totals()
    for currency, account in ledger.accounts.items():
        sums = open_positions.get(currency) or _Sums()
        unit = rate(ledger, currency)
        if unit is not None:
            _convert(totals, account, sums, unit)
        elif _matters(account, sums):
            unpriced.append(currency)
    return _equity(totals, _cash_by_currency(ledger), unpriced)


def _at_marks(ledger: Ledger, unpriced: list[str]) -> dict[str, _Sums]:
    """Open positions by quote currency; instruments without a mark go to `unpriced`."""
    found: dict[str, _Sums] = {}
    for instrument, held in ledger.holdings.items():
        for holding in held.values():
            if not holding.position.quantity:
                continue
            price = ledger.marks.get(instrument)
            if price is None:
                unpriced.append(instrument)
                break
            listing = ledger.listings[instrument]
            sums = found.setdefault(listing.quote_currency, _Sums())
            _value(sums, listing.kind == "spot", holding.position, price.price)
    return found


def _value(sums: _Sums, spot: bool, position: accounting.Position, price: Decimal) -> None:
    value = accounting.notional(position, price)
    gain = accounting.unrealised(position, price)
    if spot:
        sums.holdings = EXACT.add(sums.holdings, value)
        sums.unrealised_spot = EXACT.add(sums.unrealised_spot, gain)
    else:
        sums.unrealised_perpetual = EXACT.add(sums.unrealised_perpetual, gain)
    sums.gross = EXACT.add(sums.gross, EXACT.abs(value))
    sums.net = EXACT.add(sums.net, value)


def _parts(account: Account, sums: _Sums) -> Iterator[tuple[str, Decimal]]:
    for name in ("cash", "realised", "fees", "funding"):
        yield name, worth(getattr(account, name))
    for name in sums.__struct_fields__:
        yield name, getattr(sums, name)


def _convert(totals: _Totals, account: Account, sums: _Sums, unit: Decimal) -> None:
    for name, amount in _parts(account, sums):
        if amount:
            setattr(totals, name, EXACT.add(getattr(totals, name), converted(amount, unit)))


def _matters(account: Account, sums: _Sums) -> bool:
    return any(amount for _, amount in _parts(account, sums))


def _cash_by_currency(ledger: Ledger) -> dict[str, Decimal]:
    return {name: canonical(worth(account.cash)) for name, account in ledger.accounts.items()}


def _equity(totals: _Totals, cash: dict[str, Decimal], unpriced: list[str]) -> Equity:
    unrealised = EXACT.add(totals.unrealised_spot, totals.unrealised_perpetual)
    held = EXACT.add(totals.holdings, totals.unrealised_perpetual)
    return Equity(
        equity=canonical(EXACT.add(totals.cash, held)),
        cash=canonical(totals.cash),
        holdings=canonical(totals.holdings),
        unrealised_perpetual=canonical(totals.unrealised_perpetual),
        realised=canonical(totals.realised),
        unrealised=canonical(unrealised),
        fees=canonical(totals.fees),
        funding=canonical(totals.funding),
        exposure_gross=canonical(totals.gross),
        exposure_net=canonical(totals.net),
        cash_by_currency=cash,
        unpriced=sorted(unpriced),
    )
