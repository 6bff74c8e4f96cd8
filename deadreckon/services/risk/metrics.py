"""Figures that each rule measures of a signal it lets pass, in the unit of the rule.

Nothing here decides: a guard refuses with its own figures, and a test holds both to each other.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from deadreckon.contracts.amounts import ROUNDING, ZERO, from_units, ratio, text
from deadreckon.services.risk import heat, size_limits, windows
from deadreckon.services.risk.breakers import drawdown, median
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.headroom import against
from deadreckon.services.risk.state import Exposure, side_of
from deadreckon.services.risk.windows import MINUTE, within
from deadreckon.services.risk.worst_case import is_open, may_be_long, may_be_short


class Measurement(NamedTuple):
    """A limit and the value measured against it, in the unit of the rule; `note` for people."""

    limit: Decimal | None = None
    measured: Decimal | None = None
    note: str = ""


Metric = Callable[[Evaluation], Measurement | None]  # None: the rule has no say in this signal


def _whole(amount: int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _ceiling(field: str, figure: Callable[[Evaluation], Decimal | None]) -> Metric:
    """Measure a rule by the limit of its own name; it does not apply while that is not set."""

    def measure(check: Evaluation) -> Measurement | None:
        limit = getattr(check.limits, field)
        return None if limit is None else Measurement(Decimal(limit), figure(check))

    return measure


def _always(note: str) -> Metric:
    """Pass a rule that has no number, with the reason."""
    return lambda _: Measurement(note=note)


def _halted(check: Evaluation) -> Measurement:
    halts = check.state.halts.values()
    if not halts:
        return Measurement(note="no halt is in force")
    return Measurement(note=f"{len(halts)} in force, close_only: exits pass")


def _known_instrument(check: Evaluation) -> Measurement:
    listing = check.listing
    return Measurement(note=f"listed as {listing.market} at {listing.venue}" if listing else "")


def _reduce_only(check: Evaluation) -> Measurement | None:
    if not check.signal.reduce_only:
        return None
    return Measurement(None, check.exposure.held, "is held, which this side reduces")


def _exits_in_flight(check: Evaluation) -> Measurement | None:
    if not check.signal.reduce_only:
        return None
    side = check.signal.side
    closing = side_of(check.exposure, side).exits
    return Measurement(against(check.exposure, side), closing, "is being closed by exits")


def _instruments_allowed(check: Evaluation) -> Measurement | None:
    allowed = check.limits.instruments_allowed
    return Measurement(note=f"among {len(allowed)} allowed") if allowed else None


def _markets_allowed(check: Evaluation) -> Measurement:
    return Measurement(note=f"{check.listing.market} is allowed" if check.listing else "")


def _quarantine(check: Evaluation) -> Measurement | None:
    limits, stops = (
        check.limits,
        check.state.breakers.stops.get(check.signal.instrument, ()),
    )
    if limits.quarantine_stops is None:
        return None
    struck = within(stops, check.at, limits.quarantine_window)
    return Measurement(
        Decimal(limits.quarantine_stops), Decimal(struck), "stop-losses in the window"
    )


def _expired(check: Evaluation) -> Measurement | None:
    expires_at = check.signal.expires_at
    return None if expires_at is None else Measurement(Decimal(expires_at), Decimal(check.at))


def _signal_age(check: Evaluation) -> Decimal | None:
    claimed_at = check.signal.claimed_at
    return None if claimed_at is None else Decimal(check.at - claimed_at)


def _known_price(check: Evaluation) -> Measurement:
    mark = check.mark
    if mark is None:
        return Measurement()
    return Measurement(
        None, mark.price, f"the mark, {text(from_units(check.at - mark.at, 9))} s old"
    )


def _price_age(check: Evaluation) -> Decimal:
    return Decimal(check.price_age)


def _bracket_side(check: Evaluation) -> Measurement | None:
    signal = check.signal
    if signal.stop_loss is None and signal.take_profit is None:
        return None
    protective = signal.stop_loss if signal.stop_loss is not None else signal.take_profit
    return Measurement(check.known_size.entry_price, protective, "the entry's price lies between")


def _instrument_lock(check: Evaluation) -> Measurement | None:
    limit = check.limits.instrument_lock
    if limit is None:
        return None
    lock = check.state.rates.locks.get(check.signal.instrument)
    if lock is None or lock.strategy == check.signal.strategy:
        return Measurement(Decimal(limit), None, "no other strategy has entered it")
    return Measurement(Decimal(limit), Decimal(check.at - lock.since), f"since {lock.strategy} did")


def _book_priced(check: Evaluation) -> Measurement:
    return Measurement(note="everything held has a price")


def _share_of_equity(amount: Decimal, check: Evaluation) -> Decimal | None:
    equity = check.worth.equity
    return ratio(amount, equity) if equity > 0 else None


def _allocation(check: Evaluation) -> Measurement | None:
    allocations, strategy = check.limits.strategy_allocations, check.signal.strategy
    if not allocations:
        return None
    return Measurement(allocations.get(strategy, ZERO), check.book.strategies[strategy])


def _count(counts: Callable[[Exposure], bool]) -> Callable[[Evaluation], Decimal]:
    """Count instruments, this order included."""

    def figure(check: Evaluation) -> Decimal:
        exposures = check.state.exposures.values()
        found = dict.fromkeys(exposure.instrument for exposure in exposures if counts(exposure))
        if counts(check.after):
            found[check.signal.instrument] = None
        return Decimal(len(found))

    return figure


def _unexempt(side: Callable[[Exposure], bool]) -> Callable[[Evaluation], Decimal]:
    def figure(check: Evaluation) -> Decimal:
        exempt = check.limits.exposure_exempt
        return _count(lambda exposure: exposure.instrument not in exempt and side(exposure))(check)

    return figure


def _margin_level(check: Evaluation) -> Decimal | None:
    needed = ROUNDING.multiply(check.book.gross, check.limits.maintenance_margin_rate)
    return ratio(check.worth.equity, needed) if needed > 0 else None


def _slippage(check: Evaluation) -> Measurement | None:
    limits, samples = check.limits, check.state.breakers.slippages
    if limits.slippage_bps_max is None:
        return None
    if len(samples) < max(limits.slippage_samples, 1):
        note = f"{len(samples)} of {limits.slippage_samples} samples yet"
        return Measurement(limits.slippage_bps_max, None, note)
    return Measurement(limits.slippage_bps_max, median(samples), "the median")


def _venue_errors(check: Evaluation) -> Measurement | None:
    limits, listing = check.limits, check.listing
    if limits.venue_errors_max is None or listing is None:
        return None
    results = check.state.breakers.venues.get(listing.venue)
    answers = within(results.answers, check.at, MINUTE) if results else 0
    faults = within(results.faults, check.at, MINUTE) if results else 0
    share = ratio(Decimal(faults), Decimal(answers)) if answers else None
    return Measurement(limits.venue_errors_max, share, f"{faults} of {answers} results failed")


def _order_gap(check: Evaluation) -> Measurement | None:
    limit, last = check.limits.order_gap_min, check.state.rates.last_entry
    if not limit:
        return None
    return Measurement(Decimal(limit), None if last is None else Decimal(check.at - last))


def _entries_of(check: Evaluation) -> list[int]:
    return check.state.rates.entries_of.get(check.signal.instrument, [])


def _another(moments: list[int], at: int) -> Decimal:
    return Decimal(within(moments, at, MINUTE) + 1)


def _window(check: Evaluation) -> Decimal:
    before = windows.notional_within(
        check.state.rates.notionals, check.at, check.limits.notional_window
    )
    return ROUNDING.add(before, check.added_notional)


def _exits(check: Evaluation) -> Measurement | None:
    limit = check.limits.exits_per_minute
    if limit is None or not check.is_exit or check.replaces is not None:
        return None
    return Measurement(Decimal(limit), _another(check.state.rates.exits, check.at))


METRICS: dict[str, Metric] = {
    "halted": _halted,
    "limits_set": _always("limits are set"),
    "trading_enabled": _always("trading is switched on"),
    "order_shape": _always("size and prices make an order"),
    "known_instrument": _known_instrument,
    "reduce_only_without_position": _reduce_only,
    "exits_in_flight": _exits_in_flight,
    "instruments_allowed": _instruments_allowed,
    "markets_allowed": _markets_allowed,
    "quarantine": _quarantine,
    "expired": _expired,
    "signal_age_max": _ceiling("signal_age_max", _signal_age),
    "confidence_min": _ceiling("confidence_min", lambda check: check.signal.confidence),
    "known_price": _known_price,
    "price_age_max": _ceiling("price_age_max", _price_age),
    "bracket_side": _bracket_side,
    "order_notional_min": _ceiling("order_notional_min", lambda check: check.notional),
    "order_notional_max": _ceiling("order_notional_max", lambda check: check.notional),
    "instrument_lock": _instrument_lock,
    "order_equity_share_max": _ceiling(
        "order_equity_share_max",
        lambda check: _share_of_equity(check.notional, check),
    ),
    "strategy_allocation": _allocation,
    "exposure_instrument_max": _ceiling(
        "exposure_instrument_max",
        lambda check: check.book.instruments[check.signal.instrument],
    ),
    "exposure_strategy_max": _ceiling(
        "exposure_strategy_max",
        lambda check: check.book.strategies[check.signal.strategy],
    ),
    "exposure_venue_max": _ceiling(
        "exposure_venue_max", lambda check: check.book.venues[check.after.venue]
    ),
    "exposure_gross_max": _ceiling("exposure_gross_max", lambda check: check.book.gross),
    "exposure_net_max": _ceiling("exposure_net_max", lambda check: check.book.net),
    "positions_max": _ceiling("positions_max", _count(is_open)),
    "longs_max": _ceiling("longs_max", _unexempt(may_be_long)),
    "shorts_max": _ceiling("shorts_max", _unexempt(may_be_short)),
    "orders_in_flight_max": _ceiling(
        "orders_in_flight_max", lambda check: _whole(check.after.entry_orders)
    ),
    "leverage_max": _ceiling(
        "leverage_max", lambda check: _share_of_equity(check.book.gross, check)
    ),
    "liability_max": _ceiling("liability_max", size_limits.liability),
    "margin_level_min": _ceiling("margin_level_min", _margin_level),
    "equity_floor": _ceiling("equity_floor", lambda check: check.state.breakers.equity),
    "drawdown_max": _ceiling("drawdown_max", lambda check: drawdown(check.state.breakers)),
    "daily_loss_max": _ceiling(
        "daily_loss_max", lambda check: check.state.breakers.day_result.copy_negate()
    ),
    "heat_max": _ceiling("heat_max", lambda check: _share_of_equity(heat.heat(check), check)),
    "slippage_bps_max": _slippage,
    "venue_errors_max": _venue_errors,
    "order_gap_min": _order_gap,
    "entries_per_minute": _ceiling(
        "entries_per_minute",
        lambda check: _another(check.state.rates.entries, check.at),
    ),
    "entries_per_minute_instrument": _ceiling(
        "entries_per_minute_instrument",
        lambda check: _another(_entries_of(check), check.at),
    ),
    "notional_window_max": _ceiling("notional_window_max", _window),
    "exits_per_minute": _exits,
}

# Two rules bear the name known_price; this is the measure of the one about the whole book.
BY_GUARD: dict[object, Metric] = {size_limits.book_priced: _book_priced}
