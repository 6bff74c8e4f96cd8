"""How much: the order alone, and what the book can come to with it, against each limit."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ROUNDING, ZERO, ratio
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.exposure import is_open, may_be_long, may_be_short
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.state import Exposure

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
    """A guard for an amount that may reach its limit and not pass it."""

    def guard(asked: Evaluation) -> Violation | None:
        limit: Decimal | None = getattr(asked.limits, field)
        if limit is None:
            return None
        measured = measure(asked)
        return None if measured <= limit else Violation(limit, measured, reason)

    return guard


def order_notional_min(asked: Evaluation) -> Violation | None:
    limit = asked.limits.order_notional_min
    if limit is None or asked.notional >= limit:
        return None
    return Violation(limit, asked.notional, "the order is too small")


order_notional_max = ceiling(
    "order_notional_max", lambda asked: asked.notional, "the order is too big"
)


def order_equity_share_max(asked: Evaluation) -> Violation | None:
    limit = asked.limits.order_equity_share_max
    if limit is None:
        return None
    share = _share(asked.notional, asked.worth.equity)
    within = asked.notional <= ROUNDING.multiply(limit, asked.worth.equity)
    return None if within else Violation(limit, share, "the order is too big for the book's equity")


def instrument_lock(asked: Evaluation) -> Violation | None:
    limit = asked.limits.instrument_lock
    lock = asked.state.rates.locks.get(asked.wish.instrument)
    if limit is None or lock is None or lock.strategy == asked.wish.strategy:
        return None
    since = asked.at - lock.since
    if since >= limit:
        return None
    return Violation(Decimal(limit), Decimal(since), f"{lock.strategy} has entered it a moment ago")


def book_priced(asked: Evaluation) -> Violation | None:
    """What cannot be valued cannot be kept within a limit."""
    limits = asked.limits
    missing: list[str] = list(asked.state.breakers.unpriced)
    if limits.strategy_allocations or _any_set(_of_the_book(limits)):
        missing += asked.book.unpriced
    if _any_set(_of_equity(limits)):
        missing += asked.worth.unpriced
    if not missing:
        return None
    return Violation(
        None, None, f"{', '.join(sorted(set(missing)))}: held, and has no price or rate"
    )


def _any_set(limits: tuple[object, ...]) -> bool:
    return limits.count(None) < len(limits)


def strategy_allocation(asked: Evaluation) -> Violation | None:
    """Where allocations are made, a strategy without one has none."""
    allocations, strategy = asked.limits.strategy_allocations, asked.wish.strategy
    if not allocations:
        return None
    limit = allocations.get(strategy, ZERO)
    measured = asked.book.strategies[strategy]
    if measured <= limit:
        return None
    return Violation(limit, measured, f"{strategy} would have more than it was allocated")


exposure_instrument_max = ceiling(
    "exposure_instrument_max",
    lambda asked: asked.book.instruments[asked.wish.instrument],
    "worst case of the instrument, orders in flight included",
)
exposure_strategy_max = ceiling(
    "exposure_strategy_max",
    lambda asked: asked.book.strategies[asked.wish.strategy],
    "worst case of the strategy, orders in flight included",
)
exposure_venue_max = ceiling(
    "exposure_venue_max",
    lambda asked: asked.book.venues[asked.after.venue],
    "worst case at the venue, orders in flight included",
)
exposure_gross_max = ceiling(
    "exposure_gross_max",
    lambda asked: asked.book.gross,
    "worst case of longs plus shorts, orders in flight included",
)
exposure_net_max = ceiling(
    "exposure_net_max",
    lambda asked: asked.book.net,
    "worst case of longs less shorts, orders in flight included",
)


def _count(
    asked: Evaluation, counts: Callable[[Exposure], bool], limit: int | None
) -> Violation | None:
    """How many instruments would count; only an order that adds one to them is in the way."""
    if limit is None:
        return None
    before = {stake.instrument for stake in asked.state.stakes.values() if counts(stake)}
    if asked.wish.instrument in before or not counts(asked.after):
        return None
    found = len(before) + 1
    if found <= limit:
        return None
    return Violation(Decimal(limit), Decimal(found), "one more instrument would be too many")


def positions_max(asked: Evaluation) -> Violation | None:
    return _count(asked, is_open, asked.limits.positions_max)


def longs_max(asked: Evaluation) -> Violation | None:
    exempt = asked.limits.exposure_exempt
    return _count(
        asked,
        lambda stake: stake.instrument not in exempt and may_be_long(stake),
        asked.limits.longs_max,
    )


def shorts_max(asked: Evaluation) -> Violation | None:
    exempt = asked.limits.exposure_exempt
    return _count(
        asked,
        lambda stake: stake.instrument not in exempt and may_be_short(stake),
        asked.limits.shorts_max,
    )


def orders_in_flight_max(asked: Evaluation) -> Violation | None:
    limit, orders = asked.limits.orders_in_flight_max, asked.after.entry_orders
    if limit is None or orders <= limit:
        return None
    reason = "entries of the strategy in the instrument are still in flight"
    return Violation(Decimal(limit), Decimal(orders), reason)


def _share(part: Decimal, equity: Decimal) -> Decimal | None:
    return ratio(part, equity) if equity > 0 else None


def leverage_max(asked: Evaluation) -> Violation | None:
    limit = asked.limits.leverage_max
    if limit is None:
        return None
    gross, equity = asked.book.gross, asked.worth.equity
    if gross <= ROUNDING.multiply(limit, equity):
        return None
    return Violation(limit, _share(gross, equity), "worst-case gross exposure over equity")


def liability(asked: Evaluation) -> Decimal:
    """Short spot and negative cash, once everything in flight has filled."""
    cash, spent = ledger.cash_by_currency(asked.state.ledger), asked.book.spent
    found = asked.book.borrowed
    for currency in dict.fromkeys([*cash, *spent]):
        left = ROUNDING.subtract(cash.get(currency, ZERO), spent.get(currency, ZERO))
        unit = ledger.rate(asked.state.ledger, currency)
        if left < 0 and unit is not None:
            found = ROUNDING.subtract(found, ROUNDING.multiply(left, unit))
    return found


liability_max = ceiling("liability_max", liability, "short spot and negative cash")


def margin_level_min(asked: Evaluation) -> Violation | None:
    limit = asked.limits.margin_level_min
    if limit is None:
        return None
    equity = asked.worth.equity
    needed = ROUNDING.multiply(asked.book.gross, asked.limits.maintenance_margin_rate)
    if equity >= ROUNDING.multiply(limit, needed):
        return None
    level = ratio(equity, needed) if needed > 0 else None
    return Violation(limit, level, "equity over the maintenance margin of the worst case")
