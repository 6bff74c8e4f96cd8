"""Exact text for people: amounts, shares, times and foreign text, without rounding."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.contracts.timestamps import day_of, format_timestamp

HUNDRED = Decimal(100)
TEXT_MAX = 240  # characters shown of a text from outside

# Limits and rules whose numbers are durations in nanoseconds.
SPANS = frozenset(rule for rule, unit in RULE_UNITS.items() if unit == "nanoseconds")

_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def number(amount: Decimal) -> str:
    """Format an amount with thousands separators, every digit.

    >>> number(Decimal("-8039.7468000")), number(Decimal("1E-7"))
    ('-8,039.7468', '0.0000001')
    """
    return f"{canonical(amount):,f}"


def percent(fraction: Decimal) -> str:
    """Format a fraction of one as a percentage, every digit.

    >>> percent(Decimal("0.0005"))
    '0.05 %'
    """
    return f"{number(EXACT.multiply(fraction, HUNDRED))} %"


def span(nanoseconds: int) -> str:
    """Format a duration exactly.

    >>> span(90_000_000_000), span(250_000_000), span(0)
    ('1 min 30 s', '0.25 s', '0 s')
    """
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    parts = []
    for length, name in _LENGTHS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {name}")
    left = Decimal(seconds * NANOSECONDS + rest).scaleb(-9)
    return " ".join(parts + ([f"{number(left)} s"] if left or not parts else []))


def clock(at: int) -> str:
    """Format the time of day (UTC), without trailing zeros.

    >>> clock(60_000_000_000), clock(61_500_000_000)
    ('00:01', '00:01:01.5')
    """
    return format_timestamp(at)[11:-1].removesuffix(":00")


def moment(at: int, now: int | None = None) -> str:
    """Format day and time (UTC); only the time on the day of `now`.

    >>> moment(60_000_000_000), moment(60_000_000_000, 0)
    ('1970-01-01 00:01', '00:01')
    """
    if now is not None and day_of(now) == day_of(at):
        return clock(at)
    return f"{day_of(at)} {clock(at)}"


def rule_amount(rule: str, amount: Decimal) -> str:
    """Format a limit or measured value in the unit of its rule.

    >>> of_rule("order_gap_min", Decimal(60_000_000_000)), of_rule("leverage_max", Decimal(2))
    ('1 min', '2')
    """
    match RULE_UNITS.get(rule):
        case "nanoseconds":
            return span(int(amount))
        case "timestamp":
            return moment(int(amount))
        case "seconds":
            return f"{number(amount)} s"
        case _:
            return number(amount)


def safe_text(text: str) -> str:
    """Make a text from outside printable: bounded length, no control characters.

    >>> plain("fire\\x1b[2J drill")
    'fire·[2J drill'
    """
    shown = "".join(letter if letter.isprintable() else "·" for letter in text)
    return shown if len(shown) <= TEXT_MAX else shown[: TEXT_MAX - 1] + "…"


def join_parts(*parts: str) -> str:
    """Join parts with commas, omitting empty ones."""
    return ", ".join(part for part in parts if part)


def named_price(name: str, price: Decimal | None) -> str:
    """Format a named price or amount; empty when there is none."""
    return "" if price is None else f"{name} {number(price)}"
