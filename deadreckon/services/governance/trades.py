"""Closed trades: profit of a strategy in an instrument from flat to flat, net of fees.

A trade begins with the fill that opens a position and ends with the one that closes or turns it.
Its profit is in the reporting currency, each part of it at the rate of its own fill. A fill that
turns a position belongs to both trades: its fee is split as its quantity is.
"""

from decimal import Decimal

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger import Ledger, Position
from deadreckon.accounting.valuation import converted
from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, canonical, product, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled

# Net profit so far; null once any part of it has no worth in the reporting currency.
Profit = Decimal | None


class OpenTrades(Struct):
    """Open trades: strategy -> instrument -> net profit so far."""

    open: dict[str, dict[str, Profit]] = {}


class ClosedTrade(Struct, frozen=True):
    """Closed trade with its net profit in the reporting currency; null when unknown."""

    strategy: str
    instrument: str
    profit: Profit


def fold(trades: OpenTrades, book: Ledger, record: Recorded[OrderFilled]) -> ClosedTrade | None:
    """Fold a fill into the ledger and the open trades; return the trade that it closed, if any."""
    fill = record.event
    before = ledger.position(book, fill.strategy, fill.instrument)
    ledger.evolve(book, record)
    after = ledger.position(book, fill.strategy, fill.instrument)
    if not ledger.is_new_fill(book, record) or after is None:
        return None
    gained = _worth(book, book.listings[fill.instrument].quote_currency, _gain(before, after))
    closing, opening = _fees(fill, before, after)
    open_trades = trades.open.setdefault(fill.strategy, {})
    so_far = open_trades.pop(fill.instrument, ZERO)
    profit = _less(_plus(so_far, gained), _worth(book, fill.fee_currency, closing))
    if _is_closed(before, after):
        if after.quantity:
            open_trades[fill.instrument] = _less(ZERO, _worth(book, fill.fee_currency, opening))
        return ClosedTrade(fill.strategy, fill.instrument, profit)
    open_trades[fill.instrument] = profit
    return None


def _gain(before: Position | None, after: Position) -> Decimal:
    earlier = ZERO if before is None else average_cost.realised(before)
    return EXACT.subtract(average_cost.realised(after), earlier)


def _is_closed(before: Position | None, after: Position) -> bool:
    return (
        before is not None
        and before.quantity != 0
        and (after.quantity == 0 or (after.quantity > 0) != (before.quantity > 0))
    )


def _fees(fill: OrderFilled, before: Position | None, after: Position) -> tuple[Decimal, Decimal]:
    """Split a fill's fee between the trade it belongs to or closes, and the one it opens."""
    if before is None or not after.quantity or not _is_closed(before, after):
        return fill.fee, ZERO
    share = product(fill.fee, abs(average_cost.quantity(before)))
    closing = ratio(share, fill.quantity, SCALE_MAX)
    return closing, EXACT.subtract(fill.fee, closing)


def _worth(book: Ledger, currency: str, amount: Decimal) -> Profit:
    if not amount:
        return ZERO
    rate = ledger.rate(book, currency)
    return None if rate is None else canonical(converted(amount, rate))


def _plus(left: Profit, right: Profit) -> Profit:
    return None if left is None or right is None else canonical(EXACT.add(left, right))


def _less(left: Profit, right: Profit) -> Profit:
    return None if left is None or right is None else canonical(EXACT.subtract(left, right))
