"""Rounded text for people: amounts, times and foreign text. Programs get exact values instead."""

import unicodedata
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, decimals
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import format_timestamp

NOTHING = "-"

AGES = frozenset({"order_gap_min", "price_age_max", "signal_age_max", "instrument_lock"})
MOMENTS = frozenset({"expired"})

_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def money(amount: Decimal | None) -> str:
    """Format money with two decimals, or six below one.

    >>> money(Decimal("-8039.7468")), money(Decimal("0.00012")), money(None)
    ('-8,039.75', '0.000120', '-')
    """
    if amount is None:
        return NOTHING
    return f"{amount:,.2f}" if abs(amount) >= 1 or not amount else f"{amount:.6f}"


def gain(amount: Decimal | None) -> str:
    """Format money with its sign.

    >>> gain(Decimal("12.5")), gain(Decimal("-3")), gain(Decimal(0))
    ('+12.50', '-3.00', '0.00')
    """
    return f"+{money(amount)}" if amount is not None and amount > 0 else money(amount)


def figure(amount: Decimal | None) -> str:
    """Format an amount of any size with at most eight decimals, without trailing zeros.

    >>> figure(Decimal("47211.0000")), figure(Decimal("0.00100")), figure(Decimal("1e-12"))
    ('47,211', '0.001', '0')
    """
    if amount is None:
        return NOTHING
    text = f"{amount:,.8f}"
    return text.rstrip("0").rstrip(".")


def stepped(amount: Decimal | None, step: Decimal | None) -> str:
    """Format a price or quantity with as many decimals as its step, so that columns line up.

    >>> stepped(Decimal("61273.6"), Decimal("0.01")), stepped(Decimal(5), Decimal(10))
    ('61,273.60', '5')
    """
    if amount is None:
        return NOTHING
    return figure(amount) if step is None else f"{amount:,.{decimals(step)}f}"


def share(fraction: Decimal, digits: int = 2) -> str:
    """Format a fraction of one as a percentage.

    >>> share(Decimal("-0.080397"))
    '-8.04 %'
    """
    return f"{ROUNDING.multiply(fraction, Decimal(100)):.{digits}f} %"


def measured(rule: str, amount: Decimal | None) -> str:
    """Format a limit or measured value, rounded, in the unit of its rule.

    >>> measured("order_gap_min", Decimal(60_000_000_000)), measured("leverage_max", Decimal(2))
    ('1 min', '2')
    >>> measured("daily_loss_max", Decimal("251.09931")), measured("x", Decimal("0.00540592"))
    ('251.10', '0.005406')
    >>> measured("confidence_min", Decimal("0.25")), measured("liability_max", Decimal(0))
    ('0.25', '0')
    """
    if amount is None:
        return NOTHING
    if rule in AGES:
        return span(float(amount) / NANOSECONDS)
    if rule in MOMENTS:
        return moment(int(amount))
    text = figure(amount) if amount == amount.to_integral_value() else money(amount)
    return text.rstrip("0") if 0 < abs(amount) < 1 else text


def span(seconds: float) -> str:
    """Format a duration (seconds), rounded.

    >>> [span(s) for s in (0.25, 59, 90, 7200, 200_000)]
    ['0.2 s', '59 s', '1.5 min', '2 h', '2.3 d']
    """
    for length, name in _SPANS:
        if abs(seconds) >= length:
            return f"{seconds / length:.1f}".removesuffix(".0") + f" {name}"
    return f"{seconds:.1f} s" if abs(seconds) < 10 and seconds % 1 else f"{seconds:.0f} s"


def countdown(seconds: float) -> str:
    """Format a duration (seconds) like a clock.

    >>> countdown(83), countdown(3723)
    ('1:23', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(at: int) -> str:
    """Format date and time (UTC) to the second.

    >>> moment(1_500_000_000)
    '1970-01-01 00:00:01'
    """
    return format_timestamp(at)[:19].replace("T", " ")


def clean(text: str) -> str:
    """Make a text from outside safe for a terminal: nothing moves its cursor or its columns."""
    return "".join(letter if _is_plain(letter) else "·" for letter in text)


def _is_plain(letter: str) -> bool:
    return (letter.isascii() and letter.isprintable()) or (
        letter.isprintable()
        and not unicodedata.combining(letter)
        and unicodedata.east_asian_width(letter) not in "WF"
    )
