"""What each rule measures of a wish that it lets pass, in the units in which it would refuse.

Nothing here decides: a guard says no with its own figures, and these stand beside what it passed. A
test holds both to each other.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from deadreckon.contracts.amounts import ROUNDING, ZERO, from_units, ratio, text
from deadreckon.services.risk import heat, size_limits, windows
from deadreckon.services.risk.breakers import drawdown, median
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.exposure import is_open, may_be_long, may_be_short
from deadreckon.services.risk.state import Exposure
from deadreckon.services.risk.windows import MINUTE, within


class Measurement(NamedTuple):
    """A limit and what was measured against it, in the unit of the rule; `note` for people."""

    limit: Decimal | None = None
    measured: Decimal | None = None
    note: str = ""


Metric = Callable[[Evaluation], Measurement | None]  # None: the rule has no say in this wish


def _whole(amount: int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _ceiling(field: str, figure: Callable[[Evaluation], Decimal | None]) -> Metric:
    """A rule with a limit of its own name; it has no say while that is not set."""

    def measure(asked: Evaluation) -> Measurement | None:
        limit = getattr(asked.limits, field)
        return None if limit is None else Measurement(Decimal(limit), figure(asked))

    return measure


def _always(note: str) -> Metric:
    """A rule that has no number: it passes, and this is why."""
    return lambda _: Measurement(note=note)


def _halted(asked: Evaluation) -> Measurement:
    halts = asked.state.halts.values()
    if not halts:
        return Measurement(note="no halt is in force")
    return Measurement(note=f"{len(halts)} in force, close_only: exits pass")


def _known_instrument(asked: Evaluation) -> Measurement:
    listing = asked.listing
    return Measurement(note=f"listed as {listing.market} at {listing.venue}" if listing else "")


def _reduce_only(asked: Evaluation) -> Measurement | None:
    if not asked.wish.reduce_only:
        return None
    return Measurement(None, asked.closable, "is left to close on that side")


def _instruments_allowed(asked: Evaluation) -> Measurement | None:
    allowed = asked.limits.instruments_allowed
    return Measurement(note=f"among {len(allowed)} allowed") if allowed else None


def _markets_allowed(asked: Evaluation) -> Measurement:
    return Measurement(note=f"{asked.listing.market} is allowed" if asked.listing else "")


def _quarantine(asked: Evaluation) -> Measurement | None:
    limits, stops = asked.limits, asked.state.breakers.stops.get(asked.wish.instrument, ())
    if limits.quarantine_stops is None:
        return None
    struck = within(stops, asked.at, limits.quarantine_window)
    return Measurement(
        Decimal(limits.quarantine_stops), Decimal(struck), "stop-losses in the window"
    )


def _expired(asked: Evaluation) -> Measurement | None:
    expires_at = asked.wish.expires_at
    return None if expires_at is None else Measurement(Decimal(expires_at), Decimal(asked.at))


def _signal_age(asked: Evaluation) -> Decimal | None:
    claimed_at = asked.wish.claimed_at
    return None if claimed_at is None else Decimal(asked.at - claimed_at)


def _known_price(asked: Evaluation) -> Measurement:
    mark = asked.mark
    if mark is None:
        return Measurement()
    return Measurement(
        None, mark.price, f"the mark, {text(from_units(asked.at - mark.at, 9))} s old"
    )


def _price_age(asked: Evaluation) -> Decimal:
    return Decimal(asked.at - asked.mark.at if asked.mark else 0)


def _bracket_side(asked: Evaluation) -> Measurement | None:
    wish = asked.wish
    if wish.stop_loss is None and wish.take_profit is None:
        return None
    protective = wish.stop_loss if wish.stop_loss is not None else wish.take_profit
    return Measurement(asked.known_size.entry_price, protective, "the entry's price lies between")


def _instrument_lock(asked: Evaluation) -> Measurement | None:
    limit = asked.limits.instrument_lock
    if limit is None:
        return None
    lock = asked.state.rates.locks.get(asked.wish.instrument)
    if lock is None or lock.strategy == asked.wish.strategy:
        return Measurement(Decimal(limit), None, "no other strategy has entered it")
    return Measurement(Decimal(limit), Decimal(asked.at - lock.since), f"since {lock.strategy} did")


def _book_priced(asked: Evaluation) -> Measurement:
    return Measurement(note="everything held has a price")


def _share_of_equity(amount: Decimal, asked: Evaluation) -> Decimal | None:
    equity = asked.worth.equity
    return ratio(amount, equity) if equity > 0 else None


def _allocation(asked: Evaluation) -> Measurement | None:
    allocations, strategy = asked.limits.strategy_allocations, asked.wish.strategy
    if not allocations:
        return None
    return Measurement(allocations.get(strategy, ZERO), asked.book.strategies[strategy])


def _count(counts: Callable[[Exposure], bool]) -> Callable[[Evaluation], Decimal]:
    """How many instruments count, this order included."""

    def figure(asked: Evaluation) -> Decimal:
        stakes = asked.state.stakes.values()
        found = dict.fromkeys(stake.instrument for stake in stakes if counts(stake))
        if counts(asked.after):
            found[asked.wish.instrument] = None
        return Decimal(len(found))

    return figure


def _unexempt(side: Callable[[Exposure], bool]) -> Callable[[Evaluation], Decimal]:
    def figure(asked: Evaluation) -> Decimal:
        exempt = asked.limits.exposure_exempt
        return _count(lambda stake: stake.instrument not in exempt and side(stake))(asked)

    return figure


def _margin_level(asked: Evaluation) -> Decimal | None:
    needed = ROUNDING.multiply(asked.book.gross, asked.limits.maintenance_margin_rate)
    return ratio(asked.worth.equity, needed) if needed > 0 else None


def _slippage(asked: Evaluation) -> Measurement | None:
    limits, samples = asked.limits, asked.state.breakers.slippages
    if limits.slippage_bps_max is None:
        return None
    if len(samples) < max(limits.slippage_samples, 1):
        told = f"{len(samples)} of {limits.slippage_samples} samples yet"
        return Measurement(limits.slippage_bps_max, None, told)
    return Measurement(limits.slippage_bps_max, median(samples), "the median")


def _venue_errors(asked: Evaluation) -> Measurement | None:
    limits, listing = asked.limits, asked.listing
    if limits.venue_errors_max is None or listing is None:
        return None
    results = asked.state.breakers.venues.get(listing.venue)
    answers = within(results.answers, asked.at, MINUTE) if results else 0
    faults = within(results.faults, asked.at, MINUTE) if results else 0
    share = ratio(Decimal(faults), Decimal(answers)) if answers else None
    return Measurement(limits.venue_errors_max, share, f"{faults} of {answers} results failed")


def _order_gap(asked: Evaluation) -> Measurement | None:
    limit, last = asked.limits.order_gap_min, asked.state.rates.last_entry
    if not limit:
        return None
    return Measurement(Decimal(limit), None if last is None else Decimal(asked.at - last))


def _entries_of(asked: Evaluation) -> list[int]:
    return asked.state.rates.entries_of.get(asked.wish.instrument, [])


def _another(moments: list[int], at: int) -> Decimal:
    return Decimal(within(moments, at, MINUTE) + 1)


def _window(asked: Evaluation) -> Decimal:
    before = windows.notional_within(
        asked.state.rates.notionals, asked.at, asked.limits.notional_window
    )
    return ROUNDING.add(before, asked.added_notional)


def _exits(asked: Evaluation) -> Measurement | None:
    limit = asked.limits.exits_per_minute
    if limit is None or not asked.is_exit or asked.replaces is not None:
        return None
    return Measurement(Decimal(limit), _another(asked.state.rates.exits, asked.at))


METRICS: dict[str, Metric] = {
    "halted": _halted,
    "limits_set": _always("limits are set"),
    "trading_enabled": _always("trading is switched on"),
    "order_shape": _always("size and prices make an order"),
    "known_instrument": _known_instrument,
    "reduce_only_without_position": _reduce_only,
    "instruments_allowed": _instruments_allowed,
    "markets_allowed": _markets_allowed,
    "quarantine": _quarantine,
    "expired": _expired,
    "signal_age_max": _ceiling("signal_age_max", _signal_age),
    "confidence_min": _ceiling("confidence_min", lambda asked: asked.wish.confidence),
    "known_price": _known_price,
    "price_age_max": _ceiling("price_age_max", _price_age),
    "bracket_side": _bracket_side,
    "order_notional_min": _ceiling("order_notional_min", lambda asked: asked.notional),
    "order_notional_max": _ceiling("order_notional_max", lambda asked: asked.notional),
    "instrument_lock": _instrument_lock,
    "order_equity_share_max": _ceiling(
        "order_equity_share_max", lambda asked: _share_of_equity(asked.notional, asked)
    ),
    "strategy_allocation": _allocation,
    "exposure_instrument_max": _ceiling(
        "exposure_instrument_max", lambda asked: asked.book.instruments[asked.wish.instrument]
    ),
    "exposure_strategy_max": _ceiling(
        "exposure_strategy_max", lambda asked: asked.book.strategies[asked.wish.strategy]
    ),
    "exposure_venue_max": _ceiling(
        "exposure_venue_max", lambda asked: asked.book.venues[asked.after.venue]
    ),
    "exposure_gross_max": _ceiling("exposure_gross_max", lambda asked: asked.book.gross),
    "exposure_net_max": _ceiling("exposure_net_max", lambda asked: asked.book.net),
    "positions_max": _ceiling("positions_max", _count(is_open)),
    "longs_max": _ceiling("longs_max", _unexempt(may_be_long)),
    "shorts_max": _ceiling("shorts_max", _unexempt(may_be_short)),
    "orders_in_flight_max": _ceiling(
        "orders_in_flight_max", lambda asked: _whole(asked.after.entry_orders)
    ),
    "leverage_max": _ceiling(
        "leverage_max", lambda asked: _share_of_equity(asked.book.gross, asked)
    ),
    "liability_max": _ceiling("liability_max", size_limits.liability),
    "margin_level_min": _ceiling("margin_level_min", _margin_level),
    "equity_floor": _ceiling("equity_floor", lambda asked: asked.state.breakers.equity),
    "drawdown_max": _ceiling("drawdown_max", lambda asked: drawdown(asked.state.breakers)),
    "daily_loss_max": _ceiling(
        "daily_loss_max", lambda asked: asked.state.breakers.day_result.copy_negate()
    ),
    "heat_max": _ceiling("heat_max", lambda asked: _share_of_equity(heat.heat(asked), asked)),
    "slippage_bps_max": _slippage,
    "venue_errors_max": _venue_errors,
    "order_gap_min": _order_gap,
    "entries_per_minute": _ceiling(
        "entries_per_minute", lambda asked: _another(asked.state.rates.entries, asked.at)
    ),
    "entries_per_minute_instrument": _ceiling(
        "entries_per_minute_instrument", lambda asked: _another(_entries_of(asked), asked.at)
    ),
    "notional_window_max": _ceiling("notional_window_max", _window),
    "exits_per_minute": _exits,
}

# Two rules bear the name known_price; this is the measure of the one about the whole book.
BY_GUARD: dict[object, Metric] = {size_limits.book_priced: _book_priced}
