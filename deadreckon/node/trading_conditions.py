"""Every condition that keeps something from being traded: its name, why it holds, what to do."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

from deadreckon.accounting.halts import Halt, in_force
from deadreckon.accounting.valuation import mark, rate
from deadreckon.contracts.clock import CLOCK_STOP
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.formatting.exact import rule_amount
from deadreckon.formatting.times import moment, rounded_span, span
from deadreckon.node.readiness import Readiness
from deadreckon.projections.trading_state import TradingState
from deadreckon.services.risk.size_limits import OF_EQUITY

DAMAGE = "log_damaged"  # the rule of the halt that damage imposes
CLOCK_REFUSED = "clock_refused"
EQUITY_LIMITS = (*OF_EQUITY, "equity_floor", "drawdown_max")

Stops = Literal["everything", "entries", "nothing"]  # nothing: all the same, see to it


class Finding(Struct, frozen=True):
    """A condition that holds: what it stops, of which instrument (null: of all), why, and what to
    do about it."""

    condition: str
    stops: Stops
    instrument: str | None
    reason: str
    remedy: str


class StackCondition(NamedTuple):
    """A condition of the running stack."""

    name: str
    why: Callable[[Readiness], str]
    remedy: str


class BookCondition(NamedTuple):
    """A condition of the whole book; each of its reasons is a finding."""

    name: str
    stops: Stops
    reasons: Callable[[TradingState], Iterable[str]]
    remedy: str


class InstrumentCondition(NamedTuple):
    """A condition of a listed instrument; `{}` in the remedy is the instrument."""

    name: str
    stops: Stops
    why: Callable[[TradingState, InstrumentListed], str]
    remedy: str


def _halts(state: TradingState, scope: HaltScope, *, damage: bool = False) -> list[Halt]:
    found = in_force(state.halts, state.now).values()
    return [halt for halt in found if halt.scope == scope and (halt.rule == DAMAGE) == damage]


def _halted(scope: HaltScope) -> Callable[[TradingState], Iterator[str]]:
    return lambda state: map(_halt_text, _halts(state, scope))


def _halt_text(halt: Halt) -> str:
    until = f" until {moment(halt.until, halt.at)}" if halt.until is not None else ""
    figures = [
        f"{name} {rule_amount(halt.rule, amount)}"
        for name, amount in (("limit", halt.limit), ("measured", halt.measured))
        if amount is not None
    ]
    why = ", ".join([halt.reason, *figures])
    by = halt.imposed_by or "an operator"
    return f"the book is halted ({halt.scope}) by {by} since {moment(halt.at)}{until}: {why}"


def _damaged(state: TradingState) -> list[str]:
    halts = _halts(state, "all", damage=True)
    return [f"the log is damaged since {moment(halt.at)}: {halt.reason}" for halt in halts]


def _clock_refused(state: TradingState) -> list[str]:
    return [f"the {edge} writes no time: {it.reason}" for edge, it in state.clock.items()]


def _no_limits(state: TradingState) -> list[str]:
    return [] if state.limits else ["nobody has set limits: nothing trades"]


def _switched_off(state: TradingState) -> list[str]:
    limits = state.limits
    if limits is None or limits.trading_enabled:
        return []
    return [f"trading is switched off by {limits.actor}: {limits.reason}"]


def _no_instrument(state: TradingState) -> list[str]:
    if listed(state):
        return []
    delisted = f", {len(state.delisted)} are no longer" if state.delisted else ""
    return [f"no instrument is listed{delisted}"]


def _unrated_cash(state: TradingState) -> list[str]:
    """Currencies of which there is cash and no rate: risk refuses entries, as it does not know the
    equity that a limit speaks of."""
    limits, prices = state.limits, state.prices
    if limits is None or all(getattr(limits, name) is None for name in EQUITY_LIMITS):
        return []
    to = prices.reporting or "a reporting currency"
    return [
        f"{currency} is held and has no rate to {to}, so equity is not known"
        for currency, amount in sorted(state.cash.items())
        if amount and rate(prices, currency) is None
    ]


def listed(state: TradingState) -> list[InstrumentListed]:
    return [
        listing for name, listing in state.prices.listings.items() if name not in state.delisted
    ]


def _venue_unknown(state: TradingState, listing: InstrumentListed) -> str:
    return "" if listing.venue in state.venues else f"nobody configured the venue {listing.venue}"


def _venue_away(state: TradingState, listing: InstrumentListed) -> str:
    reason = state.away.get(listing.venue)
    return "" if reason is None else f"the venue {listing.venue} cannot be reached: {reason}"


def _no_price(state: TradingState, listing: InstrumentListed) -> str:
    return "" if mark(state.prices, listing.instrument) else "no price has been seen"


def _stale_price(state: TradingState, listing: InstrumentListed) -> str:
    price = mark(state.prices, listing.instrument)
    if price is None or state.limits is None:
        return ""
    # As in risk: a price of before a stop is not fresh because time stands still.
    stops = [it for it in state.clock.values() if it.rule == CLOCK_STOP and state.now <= it.log_at]
    now = max([state.now, *(it.refused_at for it in stops)])
    age, limit = now - price.at, state.limits.price_age_max
    if age <= limit:
        return ""
    return f"the price is {rounded_span(age / NANOSECONDS)} old, price_age_max is {span(limit)}"


def _no_rate(state: TradingState, listing: InstrumentListed) -> str:
    if rate(state.prices, listing.quote_currency) is not None:
        return ""
    if not state.prices.reporting:
        return f"no reporting currency is set, so {listing.quote_currency} has no rate"
    return f"{listing.quote_currency} has no rate to {state.prices.reporting}"


def _not_allowed(state: TradingState, listing: InstrumentListed) -> str:
    limits = state.limits
    if limits is None:
        return ""
    if listing.market not in limits.markets_allowed:
        return f"the {listing.market} market is not among markets_allowed"
    allowed = limits.instruments_allowed
    if allowed and listing.instrument not in allowed:
        return f"it is not among the {len(allowed)} of instruments_allowed"
    return ""


# docs/runbook.md explains them in this order; a test holds that table to this one.
STACK = (
    StackCondition("log_unread", Readiness.fault, "restart the stack; the log brings it back"),
    StackCondition(
        "log_away",
        lambda vitals: vitals.log_health.fault(),
        "see to the log's server; the stack goes on by itself when it is back",
    ),
    StackCondition(
        "behind", Readiness.late, "wait; if it does not shrink, see the logs of that service"
    ),
    StackCondition(
        "recovering", Readiness.recalling, "wait; if it lasts, see the logs of that service"
    ),
    StackCondition(
        "views_behind",
        Readiness.views_late,
        "wait: what may be traded is not known until they have caught up",
    ),
)

BOOK = (
    BookCondition(
        DAMAGE,
        "everything",
        _damaged,
        "stop the stack, keep the folder, find the damage with `dr doctor`; restore a backup",
    ),
    BookCondition("halted", "everything", _halted("all"), "`dr resume` when the reason is gone"),
    BookCondition(
        "halted", "entries", _halted("close_only"), "`dr resume` when the reason is gone"
    ),
    BookCondition("no_limits", "everything", _no_limits, "`dr limits set NAME=VALUE`"),
    BookCondition(
        "trading_disabled", "everything", _switched_off, "`dr limits set trading_enabled=true`"
    ),
    BookCondition("no_instrument", "everything", _no_instrument, "`dr instruments add`"),
    BookCondition(
        "cash_unrated",
        "entries",
        _unrated_cash,
        "publish the rate; or `dr cash withdraw` what was deposited under a wrong name",
    ),
    BookCondition(
        CLOCK_REFUSED,
        "nothing",
        _clock_refused,
        "set the machine's clock right; or, if it is, `dr clock accept` or `dr clock reset`",
    ),
)

INSTRUMENT = (
    InstrumentCondition("venue_unknown", "everything", _venue_unknown, "`dr venue set {venue}`"),
    InstrumentCondition(
        "venue_away", "everything", _venue_away, "see to the connection; its edge tries again"
    ),
    InstrumentCondition(
        "no_price",
        "everything",
        _no_price,
        "play a tape, start what publishes its prices, or `dr mark {instrument} PRICE`",
    ),
    InstrumentCondition(
        "price_stale",
        "entries",
        _stale_price,
        "see to what publishes its prices, or `dr mark {instrument} PRICE`",
    ),
    InstrumentCondition(
        "no_rate", "entries", _no_rate, "`dr cash report {quote}`, or publish the rate"
    ),
    InstrumentCondition(
        "not_allowed",
        "entries",
        _not_allowed,
        "`dr limits set` instruments_allowed, markets_allowed",
    ),
)
