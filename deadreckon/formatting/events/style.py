"""Styles of descriptions: how ids and figures are written, and how much detail is given."""

import re
from decimal import Decimal

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.fields import Purpose
from deadreckon.formatting import exact, rounded
from deadreckon.formatting.times import clock, moment, rounded_moment, rounded_span, span

HASH = re.compile(r"[0-9a-f]{16,}")
HASH_SHOWN = 8  # characters shown of an id without a name

LEGS: dict[Purpose, str] = {"stop_loss": "stop", "take_profit": "target"}


class ShortNames:
    """Names by id, given by first appearance: equal logs give equal names."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def of(self, kind: str, key: str) -> str:
        """Return the name of an id; a new id is named after `kind`."""
        return self._names.get(key) or self._keep(key, f"{kind}-{self._count(kind)}")

    def signal(self, producer: str, signal_id: str) -> str:
        """Return the name of a producer's signal; an operator's request has the name of its
        event."""
        return self._names.get(signal_id) or self.of("signal", f"{producer} {signal_id}")

    def order(self, order_id: str) -> str:
        """Return the name of an order."""
        return self.of("order", order_id) if order_id else "no order"

    def child(self, order_id: str, parent_id: str, child: int) -> str:
        """Return the name of one part of a split order: order-1.1, order-1.2."""
        if order_id == parent_id:
            return self.order(order_id)
        return self._names.get(order_id) or self._keep(
            order_id, f"{self.order(parent_id)}.{child + 1}"
        )

    def leg(self, order_id: str, entry_id: str, purpose: Purpose) -> str:
        """Return the name of an order that protects another: order-1-stop, later order-1-stop-2."""
        if order_id in self._names or purpose not in LEGS:
            return self.order(order_id)
        leg = f"{self.order(entry_id)}-{LEGS[purpose]}"
        count = self._count(leg)
        return self._keep(order_id, leg if count == 1 else f"{leg}-{count}")

    def shorten(self, text: str) -> str:
        """Replace every id in a text by its name, or by its first characters."""
        return HASH.sub(lambda found: self._names.get(found[0], found[0][:HASH_SHOWN]), text)

    def _keep(self, key: str, name: str) -> str:
        self._names[key] = name
        return name

    def _count(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]


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
