"""Sliding windows of approved orders and cancels, in the log's own time."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, ZERO
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.orders import OrderApproved, ReplaceApproved
from deadreckon.services.risk.replaces import changed, grows
from deadreckon.services.risk.sizes import notional, size, unit_value
from deadreckon.services.risk.state import Lock, Notionals, Rates, State

MINUTE = 60 * NANOSECONDS


def approve(state: State, record: Recorded[OrderApproved]) -> None:
    """Count an approved order; flattening is never counted, as nothing may hold it up."""
    event = record.event
    if event.purpose == "flatten":
        return
    if event.reduce_only:
        remember(state.rates.exits, record.at, MINUTE)
        return
    listing = state.ledger.listings[event.instrument]
    sized = size(event, event.reference_price, listing)
    worth = notional(state.ledger, event, sized) or ZERO
    _enter(state, record.at, event.instrument, worth)
    state.rates.locks[event.instrument] = Lock(event.strategy, record.at)


def change(state: State, record: Recorded[ReplaceApproved]) -> None:
    """Count a replace as a cancel, and what it adds as an entry. Runs before `headroom`."""
    remember(state.rates.cancels, record.at, MINUTE)
    order = state.orders.get(record.event.order_id)
    if order is None or order.reduces or not grows(order, record.event):
        return
    after = changed(state, order, record.event)
    left = ROUNDING.subtract(after.quantity, order.filled)
    added = ROUNDING.subtract(ROUNDING.multiply(left, after.price), order.share.value)
    unit = unit_value(state.ledger, order.instrument) or ZERO
    _enter(state, record.at, order.instrument, max(ROUNDING.multiply(added, unit), ZERO))


def cancel(state: State, record: Recorded[Event]) -> None:
    """Count an approved cancel."""
    remember(state.rates.cancels, record.at, MINUTE)


def _enter(state: State, at: int, instrument: str, worth: Decimal) -> None:
    rates = state.rates
    rates.last_entry = at
    remember(rates.entries, at, MINUTE)
    remember(rates.entries_of.setdefault(instrument, []), at, MINUTE)
    span = state.limits.notional_window if state.limits else MINUTE
    _remember_amount(rates.notionals, at, span, worth)


def remember(moments: list[int], at: int, span: int) -> None:
    """Append a time and drop those that a window of `span` does not reach any more."""
    del moments[: bisect_right(moments, at - span)]
    moments.append(at)


def within(moments: Sequence[int], at: int, span: int) -> int:
    """Count the times in (at - span, at]."""
    return len(moments) - bisect_right(moments, at - span)


def notional_within(window: Notionals, at: int, span: int) -> Decimal:
    """Sum the amounts in (at - span, at]."""
    found = window.total
    for amount in window.amounts[: bisect_right(window.moments, at - span)]:
        found = ROUNDING.subtract(found, amount)
    return found


def _remember_amount(window: Notionals, at: int, span: int, amount: Decimal) -> None:
    window.total = ROUNDING.add(notional_within(window, at, span), amount)
    gone = bisect_right(window.moments, at - span)
    del window.moments[:gone], window.amounts[:gone]
    window.moments.append(at)
    window.amounts.append(amount)


def reset_time(state: State, at: int) -> None:
    """Let no order be of a time that was taken back: it counts as of the reset."""
    rates = state.rates
    rates.last_entry = None if rates.last_entry is None else min(rates.last_entry, at)
    rates.entries = not_after(rates.entries, at)
    rates.entries_of = {name: not_after(times, at) for name, times in rates.entries_of.items()}
    rates.exits = not_after(rates.exits, at)
    rates.cancels = not_after(rates.cancels, at)
    rates.notionals.moments = not_after(rates.notionals.moments, at)
    for name, lock in rates.locks.items():
        rates.locks[name] = Lock(lock.strategy, min(lock.since, at))


def not_after(moments: Sequence[int], at: int) -> list[int]:
    """Return times, none of them later than `at`.

    >>> not_after([1, 5, 9], 5)
    [1, 5, 5]
    """
    return [min(moment, at) for moment in moments]


def reset(state: State) -> None:
    """Empty every window."""
    state.rates = Rates()
