"""Limits on size: the order alone, and what the book can come to with it."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ROUNDING, ZERO, ratio
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.state import Exposure
from deadreckon.services.risk.worst_case import is_open, may_be_long, may_be_short

Guard = Callable[[Evaluation], Violation | None]

# Limits that speak of the whole book, and those among them that compare it with equity.
OF_THE_BOOK = (
    "exposure_instrument_max",
    "exposure_strategy_max",
    "exposure_venue_max",
    "exposure_gross_max",
    "exposure_net_max",
    "leverage_max",
    "liability_max",
    "margin_level_min",
    "heat_max",
)
OF_EQUITY = (
    "order_equity_share_max",
    "leverage_max",
    "liability_max",
    "margin_level_min",
    "heat_max",
)
_of_the_book, _of_equity = attrgetter(*OF_THE_BOOK), attrgetter(*OF_EQUITY)


def ceiling(field: str, measure: Callable[[Evaluation], Decimal], reason: str) -> Guard:
    """Make a guard for an amount that may reach its limit but not pass it."""

    def guard(check: Evaluation) -> Violation | None:
        limit: Decimal | None = getattr(check.limits, field)
        if limit is None:
            return None
        measured = measure(check)
        return None if measured <= limit else Violation(limit, measured, reason)

    return guard


def order_notional_min(check: Evaluation) -> Violation | None:
    limit = check.limits.order_notional_min
    if limit is None or check.notional >= limit:
        return None
    return Violation(limit, check.notional, "the order is too small")


order_notional_max = ceiling(
    "order_notional_max", lambda check: check.notional, "the order is too big"
)


def order_equity_share_max(check: Evaluation) -> Violation | None:
    limit = check.limits.order_equity_share_max
    if limit is None:
        return None
    share = _share(check.notional, check.worth.equity)
    within = check.notional <= ROUNDING.multiply(limit, check.worth.equity)
    return None if within else Violation(limit, share, "the order is too big for the book's equity")


def instrument_lock(check: Evaluation) -> Violation | None:
    limit = check.limits.instrument_lock
    lock = check.state.rates.locks.get(check.signal.instrument)
    if limit is None or lock is None or lock.strategy == check.signal.strategy:
        return None
    since = check.at - lock.since
    if since >= limit:
        return None
    return Violation(Decimal(limit), Decimal(since), f"{lock.strategy} has entered it a moment ago")


def book_priced(check: Evaluation) -> Violation | None:
    """Refuse while something held has no price: it could not be kept within a limit."""
    limits = check.limits
    missing: list[str] = list(check.state.breakers.unpriced)
    if limits.strategy_allocations or _any_set(_of_the_book(limits)):
        missing += check.book.unpriced
    if _any_set(_of_equity(limits)):
        missing += check.worth.unpriced
    if not missing:
        return None
    return Violation(
        None, None, f"{', '.join(sorted(set(missing)))}: held, and has no price or rate"
    )


def _any_set(limits: tuple[object, ...]) -> bool:
    return limits.count(None) < len(limits)


def strategy_allocation(check: Evaluation) -> Violation | None:
    """Check the allocation; where allocations are set, a strategy without one has none."""
    allocations, strategy = check.limits.strategy_allocations, check.signal.strategy
    if not allocations:
        return None
    limit = allocations.get(strategy, ZERO)
    measured = check.book.strategies[strategy]
    if measured <= limit:
        return None
    return Violation(limit, measured, f"{strategy} would have more than it was allocated")


exposure_instrument_max = ceiling(
    "exposure_instrument_max",
    lambda check: check.book.instruments[check.signal.instrument],
    "worst case of the instrument, orders in flight included",
)
exposure_strategy_max = ceiling(
    "exposure_strategy_max",
    lambda check: check.book.strategies[check.signal.strategy],
    "worst case of the strategy, orders in flight included",
)
exposure_venue_max = ceiling(
    "exposure_venue_max",
    lambda check: check.book.venues[check.after.venue],
    "worst case at the venue, orders in flight included",
)
exposure_gross_max = ceiling(
    "exposure_gross_max",
    lambda check: check.book.gross,
    "worst case of longs plus shorts, orders in flight included",
)
exposure_net_max = ceiling(
    "exposure_net_max",
    lambda check: check.book.net,
    "worst case of longs less shorts, orders in flight included",
)


def _count(
    check: Evaluation, counts: Callable[[Exposure], bool], limit: int | None
) -> Violation | None:
    """Make a guard for a number of instruments; only an order that adds one can violate it."""
    if limit is None:
        return None
    before = {
        exposure.instrument for exposure in check.state.exposures.values() if counts(exposure)
    }
    if check.signal.instrument in before or not counts(check.after):
        return None
    found = len(before) + 1
    if found <= limit:
        return None
    return Violation(Decimal(limit), Decimal(found), "one more instrument would be too many")


def positions_max(check: Evaluation) -> Violation | None:
    return _count(check, is_open, check.limits.positions_max)


def longs_max(check: Evaluation) -> Violation | None:
    exempt = check.limits.exposure_exempt
    return _count(
        check,
        lambda exposure: exposure.instrument not in exempt and may_be_long(exposure),
        check.limits.longs_max,
    )


def shorts_max(check: Evaluation) -> Violation | None:
    exempt = check.limits.exposure_exempt
    return _count(
        check,
        lambda exposure: exposure.instrument not in exempt and may_be_short(exposure),
        check.limits.shorts_max,
    )


def orders_in_flight_max(check: Evaluation) -> Violation | None:
    limit, orders = check.limits.orders_in_flight_max, check.after.entry_orders
    if limit is None or orders <= limit:
        return None
    reason = "entries of the strategy in the instrument are still in flight"
    return Violation(Decimal(limit), Decimal(orders), reason)


def _share(part: Decimal, equity: Decimal) -> Decimal | None:
    return ratio(part, equity) if equity > 0 else None


def leverage_max(check: Evaluation) -> Violation | None:
    limit = check.limits.leverage_max
    if limit is None:
        return None
    gross, equity = check.book.gross, check.worth.equity
    if gross <= ROUNDING.multiply(limit, equity):
        return None
    return Violation(limit, _share(gross, equity), "worst-case gross exposure over equity")


def liability(check: Evaluation) -> Decimal:
    """Return short spot and negative cash, once everything in flight has filled.

    A fee kept from the coins is missing from what is held, and owed to nobody.
    """
    cash, spent = ledger.cash_by_currency(check.state.ledger), check.book.spent
    kept = ledger.kept_from_coins(check.state.ledger)
    found = check.book.borrowed
    for currency in dict.fromkeys([*cash, *spent]):
        left = ROUNDING.subtract(cash.get(currency, ZERO), spent.get(currency, ZERO))
        left = ROUNDING.add(left, kept.get(currency, ZERO))
        unit = ledger.rate(check.state.ledger, currency)
        if left < 0 and unit is not None:
            found = ROUNDING.subtract(found, ROUNDING.multiply(left, unit))
    return found


liability_max = ceiling("liability_max", liability, "short spot and negative cash")


def margin_level_min(check: Evaluation) -> Violation | None:
    limit = check.limits.margin_level_min
    if limit is None:
        return None
    equity = check.worth.equity
    needed = ROUNDING.multiply(check.book.gross, check.limits.maintenance_margin_rate)
    if equity >= ROUNDING.multiply(limit, needed):
        return None
    level = ratio(equity, needed) if needed > 0 else None
    return Violation(limit, level, "equity over the maintenance margin of the worst case")
