"""Postings: how each event moves a ledger."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from deadreckon.accounting import average_cost
from deadreckon.accounting.ledger_state import CurrencyAccount, Holding, Ledger, Mark
from deadreckon.accounting.money import Money, add, exact_units
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import (
    BarClosed,
    CurrencyRateUpdated,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import (
    CashDeposited,
    CashWithdrawn,
    FeeCharged,
    ReportingConfigured,
)

HALF = Decimal("0.5")


class ImpossibleFillError(OperationalError):
    """You folded a fill that cannot be: of an instrument never listed, or at another venue."""


def _list(ledger: Ledger, record: Recorded[InstrumentListed]) -> None:
    """Keep the terms of an instrument that was traded: kind, currencies, venue, contract size.

    Such a change needs another name; ticks and lots may change at any time.
    """
    listing = record.event
    known = ledger.listings.get(listing.instrument)
    if known and listing.instrument in ledger.holdings and _terms(known) != _terms(listing):
        return
    ledger.listings[listing.instrument] = listing
    priced = ledger.bases.setdefault(listing.base_currency, [])
    if listing.instrument not in priced:
        priced.append(listing.instrument)


def _terms(listing: InstrumentListed) -> tuple[Any, ...]:
    return (
        listing.kind,
        listing.venue,
        listing.base_currency,
        listing.quote_currency,
        listing.contract_size,
    )


def _deposit(ledger: Ledger, record: Recorded[CashDeposited]) -> None:
    units, scale = exact_units(record.event.amount)
    account = _account(ledger, record.event.currency)
    add(account.cash, units, scale)
    add(account.deposited, units, scale)


def _withdraw(ledger: Ledger, record: Recorded[CashWithdrawn]) -> None:
    units, scale = exact_units(record.event.amount)
    account = _account(ledger, record.event.currency)
    add(account.cash, -units, scale)
    add(account.withdrawn, units, scale)


def _fill(ledger: Ledger, record: Recorded[OrderFilled]) -> None:
    fill = record.event
    listing = ledger.listings.get(fill.instrument)
    if listing is None:
        raise ImpossibleFillError(f"{fill.trade_id}: {fill.instrument} was never listed")
    if fill.venue != listing.venue:
        raise ImpossibleFillError(
            f"{fill.trade_id}: filled at {fill.venue}, but {fill.instrument} is of {listing.venue}"
        )
    if not _remember(ledger, record.at, fill.venue, fill.trade_id):
        return
    ledger.newest_fill = record.id
    found = _holding(ledger, listing, fill.strategy)
    _trade(_account(ledger, listing.quote_currency), found, listing, fill)
    _charge(ledger, found, fill.fee_currency, fill.fee)


def _trade(
    account: CurrencyAccount, found: Holding, listing: InstrumentListed, fill: OrderFilled
) -> None:
    before = average_cost.widened(found.position, fill.quantity, fill.price)
    after = average_cost.apply_fitting(before, fill.side, fill.quantity, fill.price)
    gained = after.realised - before.realised
    spent = after.cost - before.cost if listing.kind == "spot" else 0
    add(account.realised, gained, after.value_scale)
    add(account.cash, gained - spent, after.value_scale)
    found.position = after


def _charge(ledger: Ledger, found: Holding | None, currency: str, fee: Decimal) -> None:
    if not fee:
        return
    units, scale = exact_units(fee)
    account = _account(ledger, currency)
    add(account.cash, -units, scale)
    add(account.fees, units, scale)
    if found is not None:
        add(found.fees.setdefault(currency, Money()), units, scale)


def _charge_late(ledger: Ledger, record: Recorded[FeeCharged]) -> None:
    """Book a fee charged apart from a fill; without a listing, to no holding."""
    fee = record.event
    listing = ledger.listings.get(fee.instrument)
    found = _holding(ledger, listing, fee.strategy) if listing else None
    _charge(ledger, found, fee.currency, fee.amount)


def _fund(ledger: Ledger, record: Recorded[FundingRatePublished]) -> None:
    published = record.event
    listing = ledger.listings.get(published.instrument)
    if listing is None or listing.kind != "perpetual":
        return
    for found in ledger.holdings.get(published.instrument, {}).values():
        if found.position.quantity:
            amount = average_cost.funding(found.position, published.mark, published.rate)
            units, scale = exact_units(amount)
            account = _account(ledger, listing.quote_currency)
            for money in (account.cash, account.funding, found.funding):
                add(money, units, scale)


def book_funding(ledger: Ledger, instrument: str, strategy: str, amount: Decimal) -> None:
    """Book funding (quote currency) of a holding; ignored for an instrument never listed."""
    listing = ledger.listings.get(instrument)
    if listing is None:
        return
    units, scale = exact_units(amount)
    account = _account(ledger, listing.quote_currency)
    found = _holding(ledger, listing, strategy)
    for money in (account.cash, account.funding, found.funding):
        add(money, units, scale)


def _report(ledger: Ledger, record: Recorded[ReportingConfigured]) -> None:
    ledger.reporting = record.event.currency


def _rate(ledger: Ledger, record: Recorded[CurrencyRateUpdated]) -> None:
    """Set a currency rate; one that is not positive removes it."""
    stated = ledger.rates.setdefault(record.event.reporting, {})
    if record.event.rate > 0:
        stated[record.event.currency] = record.event.rate
    else:
        stated.pop(record.event.currency, None)


def _bar(ledger: Ledger, record: Recorded[BarClosed]) -> None:
    ledger.marks[record.event.instrument] = Mark(record.event.close, record.at)


def _quote(ledger: Ledger, record: Recorded[QuoteUpdated]) -> None:
    """Mark an instrument at the middle of bid and ask, exact."""
    middle = EXACT.multiply(EXACT.add(record.event.bid, record.event.ask), HALF)
    ledger.marks[record.event.instrument] = Mark(canonical(middle), record.at)


def _price(ledger: Ledger, record: Recorded[TradePrinted | MarkUpdated]) -> None:
    ledger.marks[record.event.instrument] = Mark(record.event.price, record.at)


def _reset_time(ledger: Ledger, record: Recorded[ClockReset]) -> None:
    """Let no price be of a time that was taken back; its age counts from the reset."""
    for instrument, mark in ledger.marks.items():
        if mark.at > record.at:
            ledger.marks[instrument] = Mark(mark.price, record.at)
    for seen in ledger.trades.values():
        dedup.recall(seen)


def is_new_trade(ledger: Ledger, at: int, venue: str, trade_id: str) -> bool:
    """Remember a trade of a venue; False when it is known already."""
    return _remember(ledger, at, venue, trade_id)


def _remember(ledger: Ledger, at: int, venue: str, trade_id: str) -> bool:
    """Remember a trade; False when it is known already."""
    seen = ledger.trades.setdefault(venue, RecentKeys())
    return not dedup.is_repeat(seen, trade_id, at)


def _account(ledger: Ledger, currency: str) -> CurrencyAccount:
    found = ledger.accounts.get(currency)
    if found is None:
        found = ledger.accounts[currency] = CurrencyAccount()
    return found


def _holding(ledger: Ledger, listing: InstrumentListed, strategy: str) -> Holding:
    held_by = ledger.holdings.setdefault(listing.instrument, {})
    found = held_by.get(strategy)
    if found is None:
        found = held_by[strategy] = Holding(average_cost.flat(listing))
    return found


FOLDS: dict[type[Event], Callable[[Ledger, Recorded[Any]], None]] = {
    InstrumentListed: _list,
    CashDeposited: _deposit,
    CashWithdrawn: _withdraw,
    OrderFilled: _fill,
    FeeCharged: _charge_late,
    FundingRatePublished: _fund,
    ReportingConfigured: _report,
    CurrencyRateUpdated: _rate,
    BarClosed: _bar,
    QuoteUpdated: _quote,
    TradePrinted: _price,
    MarkUpdated: _price,
    ClockReset: _reset_time,
}
