"""Figures that the breakers watch: equity, its peak, the day's result, slippage.

Equity is computed only when an event moved it and a rule needs it. A violation halts the book, and
halts it again at most once per cooldown, for as long as it lasts.
"""

from collections.abc import Sequence
from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import CurrencyAccount
from deadreckon.accounting.money import worth
from deadreckon.accounting.valuation import converted
from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO, ratio
from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import HaltImposed
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, ReportingConfigured
from deadreckon.contracts.timestamps import DAY
from deadreckon.services.risk.state import Breakers, DayBegin, State
from deadreckon.services.risk.windows import not_after, remember

HALF = Decimal("0.5")
DAYS_KEPT = 8  # days that began lately: a clock that is further ahead is refused at a start

Priced = BarClosed | QuoteUpdated | TradePrinted | MarkUpdated


def limit(state: State, record: Recorded[LimitsSet]) -> None:
    """Replace the whole set of limits; without a drawdown limit the peak is dropped."""
    state.limits = record.event
    state.limits_id = record.id
    breakers = state.breakers
    if record.event.drawdown_max is None:
        breakers.peak = None
    del breakers.slippages[: -record.event.slippage_samples or None]
    measure(state)


def roll_day(state: State, at: int) -> None:
    """Start a UTC day: reset its result, and the peak too where the limits say so."""
    breakers = state.breakers
    if breakers.day_ends:
        ended = str(breakers.day_ends // DAY - 1)
        breakers.days[ended] = DayBegin(breakers.day_anchors, breakers.peak)
        for day in sorted(breakers.days, key=int)[:-DAYS_KEPT]:
            del breakers.days[day]
    breakers.day_ends = (at // DAY + 1) * DAY
    if state.limits is not None and state.limits.drawdown_resets_daily:
        breakers.peak = breakers.equity
    _anchor(state)


def reset_time(state: State, record: Recorded[ClockReset]) -> None:
    """Go back to the day of a time that was taken back: its result counts from where it began, and
    all that came under later times belongs to it."""
    breakers, at = state.breakers, record.at
    today = at // DAY
    later = sorted((day for day in breakers.days if int(day) >= today), key=int)
    if later and breakers.day_ends > (today + 1) * DAY:
        begun = breakers.days[later[0]]
        breakers.day_anchors = begun.anchors
        daily = state.limits is not None and state.limits.drawdown_resets_daily
        if daily and breakers.peak is not None and begun.peak is not None:
            breakers.peak = max(breakers.peak, begun.peak)
    breakers.days = {day: it for day, it in breakers.days.items() if int(day) < today}
    breakers.day_ends = (today + 1) * DAY
    _shorten(state, at)
    measure(state)


def _shorten(state: State, at: int) -> None:
    """Let no time of a breaker lie further ahead than a reset that was made now would put it."""
    breakers, limits = state.breakers, state.limits or LimitsSet("", "")
    # A halt that the later time lifted is imposed again at once if its rule is still broken.
    breakers.imposed = {it.rule: it.until for it in state.halts.values() if it.until is not None}
    for name, until in breakers.quarantined.items():
        breakers.quarantined[name] = min(until, at + limits.quarantine_for)
    breakers.stops = {name: not_after(times, at) for name, times in breakers.stops.items()}
    for results in breakers.venues.values():
        results.answers = not_after(results.answers, at)
        results.faults = not_after(results.faults, at)


def _anchor(state: State) -> None:
    accounts = state.ledger.accounts
    state.breakers.day_anchors = {name: _result(account) for name, account in accounts.items()}
    state.breakers.day_result = ZERO


def _result(account: CurrencyAccount) -> Decimal:
    """Return cumulative realised - fees + funding, in the account's currency."""
    earned = EXACT.subtract(worth(account.realised), worth(account.fees))
    return EXACT.add(earned, worth(account.funding))


def price(state: State, record: Recorded[Priced]) -> None:
    """Revalue the book when the price of an instrument that moves it has changed."""
    if record.event.instrument in state.breakers.moving:
        _value(state)


def measure(state: State) -> None:
    """Find anew which instruments move the book, and revalue it."""
    state.breakers.moving = _moving(state) if _watched(state.limits) else {}
    _value(state)


def book_cash(state: State, record: Recorded[CashDeposited | CashWithdrawn]) -> None:
    """Shift the peak by a deposit or withdrawal, so that cash is not counted as profit or loss."""
    event, breakers = record.event, state.breakers
    unit = ledger.rate(state.ledger, event.currency)
    if breakers.peak is not None and unit is not None:
        amount = converted(event.amount, unit)
        gone = isinstance(event, CashWithdrawn)
        moved = EXACT.subtract if gone else EXACT.add
        breakers.peak = moved(breakers.peak, amount)
    measure(state)


def report(state: State, record: Recorded[ReportingConfigured]) -> None:
    """Convert the peak to a new reporting currency; the drawdown stays the same."""
    breakers = state.breakers
    before, peak = breakers.equity, breakers.peak
    breakers.peak = None
    measure(state)
    after = breakers.equity
    if before is not None and peak is not None and after is not None and before > 0:
        breakers.peak = max(after, ratio(ROUNDING.multiply(peak, after), before))


def reset(state: State) -> None:
    """Set the peak to today's equity, the day's result to zero, and empty every window."""
    state.breakers = Breakers(day_ends=state.breakers.day_ends)
    _anchor(state)
    measure(state)


def impose(state: State, record: Recorded[HaltImposed]) -> None:
    """Remember until when a rule does not halt again; slippage starts with new samples."""
    if record.event.rule == "slippage_bps_max":
        state.breakers.slippages.clear()
    elif record.event.until is not None:
        state.breakers.imposed[record.event.rule] = record.event.until


def fill(state: State, record: Recorded[OrderFilled]) -> None:
    """Take the fill of an entry as a sample of slippage. Runs before `headroom` drops the order."""
    event = record.event
    order = state.orders.get(state.children.get(event.order_id, ""))
    sampled = order is not None and not order.reduces and event.reference_price > 0
    if state.limits is None or not sampled or not ledger.is_new_fill(state.ledger, record):
        return
    state.breakers.slippages.append(slippage(event))
    del state.breakers.slippages[: -state.limits.slippage_samples or None]


def slippage(event: OrderFilled) -> Decimal:
    """Return the basis points by which a fill was worse than the undisturbed price."""
    worse = EXACT.subtract(event.price, event.reference_price)
    worse = worse if event.side == "buy" else worse.copy_negate()
    return ratio(worse.scaleb(4), event.reference_price)


def _watched(limits: LimitsSet | None) -> bool:
    return limits is not None and not (
        limits.equity_floor is None
        and limits.drawdown_max is None
        and limits.daily_loss_max is None
    )


def _moving(state: State) -> dict[str, bool]:
    """Return the instruments that are held, or whose price converts a currency of the book."""
    book = state.ledger
    found = {
        instrument: True
        for instrument, held_by in book.holdings.items()
        if any(holding.position.quantity for holding in held_by.values())
    }
    for currency in book.accounts:
        if currency != book.reporting:
            found |= dict.fromkeys(book.bases.get(currency, ()), True)
    return found


def _value(state: State) -> None:
    breakers, limits = state.breakers, state.limits
    breakers.unpriced = []
    breakers.equity = None
    if limits is None or not _watched(limits):
        return
    if limits.daily_loss_max is not None:
        _value_day(state)
    if limits.equity_floor is not None or limits.drawdown_max is not None:
        found = ledger.net_worth(state.ledger)
        breakers.unpriced += found.unpriced
        if not found.unpriced:
            breakers.equity = found.equity
    if limits.drawdown_max is not None and breakers.equity is not None:
        peak = breakers.equity if breakers.peak is None else breakers.peak
        breakers.peak = max(peak, breakers.equity)


def _value_day(state: State) -> None:
    """Compute the day's realised - fees + funding, each currency at its present rate."""
    breakers = state.breakers
    found = ZERO
    for currency, account in state.ledger.accounts.items():
        earned = EXACT.subtract(_result(account), breakers.day_anchors.get(currency, ZERO))
        unit = ledger.rate(state.ledger, currency)
        if unit is not None:
            found = EXACT.add(found, converted(earned, unit))
        elif earned:
            breakers.unpriced.append(currency)
    breakers.day_result = found


def drawdown(breakers: Breakers) -> Decimal | None:
    """Return the share of the peak that is lost, at most 1; None while equity is unknown."""
    equity, peak = breakers.equity, breakers.peak
    if equity is None or peak is None or equity >= peak:
        return None if equity is None else ZERO
    return ratio(EXACT.subtract(peak, equity), peak) if peak > 0 else Decimal(1)


def median(samples: Sequence[Decimal]) -> Decimal:
    """Return the middle sample, or the mean of the two in the middle."""
    ordered = sorted(samples)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return EXACT.multiply(EXACT.add(ordered[half - 1], ordered[half]), HALF)


def quarantine(state: State, record: Recorded[OrderFilled]) -> None:
    """Count a stop-loss at its first trade. Runs before `protection` marks it as struck."""
    limits = state.limits
    leg = state.legs.get(record.event.order_id)
    if limits is None or limits.quarantine_stops is None:
        return
    if leg is None or leg.purpose != "stop_loss" or leg.struck:
        return
    if not ledger.is_new_fill(state.ledger, record):
        return
    instrument = record.event.instrument
    struck = state.breakers.stops.setdefault(instrument, [])
    remember(struck, record.at, limits.quarantine_window)
    if len(struck) >= limits.quarantine_stops:
        state.breakers.quarantined[instrument] = record.at + limits.quarantine_for
