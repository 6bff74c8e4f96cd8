"""Styles of descriptions: how ids and figures are written, and how much is said."""

from decimal import Decimal

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.formatting import exact, rounded
from deadreckon.formatting.events.short_names import HASH, HASH_SHOWN, ShortNames
from deadreckon.formatting.times import clock, moment, rounded_moment, rounded_span, span


class Style(ShortNames):
    """Full descriptions: every part, exact figures, ids by short names in order of appearance."""

    is_short = False

    def number(self, amount: Decimal) -> str:
        """Format an amount."""
        return exact.number(amount)

    def money(self, amount: Decimal) -> str:
        """Format an amount of money."""
        return exact.number(amount)

    def percent(self, fraction: Decimal) -> str:
        """Format a fraction of one as a percentage."""
        return exact.percent(fraction)

    def span(self, nanoseconds: int) -> str:
        """Format a duration."""
        return span(nanoseconds)

    def clock(self, at: int) -> str:
        """Format the time of day."""
        return clock(at)

    def moment(self, at: int, now: int | None = None) -> str:
        """Format day and time; only the time on the day of `now`."""
        return moment(at, now)

    def rule_amount(self, rule: str, amount: Decimal) -> str:
        """Format a limit or measured value in the unit of its rule."""
        return exact.rule_amount(rule, amount)

    def named_price(self, name: str, price: Decimal | None) -> str:
        """Format a named price or amount; empty when there is none."""
        return "" if price is None else f"{name} {self.number(price)}"

    def detail(self, text: str) -> str:
        """Return a part that short descriptions omit."""
        return text


class ShortStyle(Style):
    """Short descriptions of single events: fewer parts, ids by their first characters."""

    is_short = True

    def detail(self, text: str) -> str:
        """Omit the part."""
        return ""

    def of(self, kind: str, key: str) -> str:
        """Return the kind with the first characters of the id."""
        return f"{kind} {self.shorten(key)}"

    def signal(self, producer: str, signal_id: str) -> str:
        """Return a signal's own id, shortened."""
        return f"signal {self.shorten(signal_id)}"

    def child(self, order_id: str, parent_id: str, child: int) -> str:
        """Return the order's shortened id."""
        return self.order(order_id)

    def leg(self, order_id: str, entry_id: str, purpose: str) -> str:
        """Return the order's shortened id."""
        return self.order(order_id)

    def shorten(self, text: str) -> str:
        """Cut every id in a text to its first characters."""
        return HASH.sub(lambda found: found[0][:HASH_SHOWN], text)


class RoundedStyle(ShortStyle):
    """Short descriptions with rounded figures, for terminals."""

    def number(self, amount: Decimal) -> str:
        """Format an amount with at most eight decimals."""
        return rounded.figure(amount)

    def money(self, amount: Decimal) -> str:
        """Format money with two decimals, or six below one."""
        return rounded.money(amount)

    def percent(self, fraction: Decimal) -> str:
        """Format a percentage with two decimals."""
        return rounded.share(fraction)

    def span(self, nanoseconds: int) -> str:
        """Format a duration in its largest unit."""
        return rounded_span(nanoseconds / NANOSECONDS)

    def moment(self, at: int, now: int | None = None) -> str:
        """Format day and time to the second."""
        return rounded_moment(at)

    def rule_amount(self, rule: str, amount: Decimal) -> str:
        """Format a limit or measured value, rounded, in the unit of its rule."""
        return rounded.rule_amount(rule, amount)
