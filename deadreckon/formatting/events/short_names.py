"""Short names for long ids: order-1, signal-3, halt-2, numbered by first appearance."""

import re

from deadreckon.contracts.fields import Purpose

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
