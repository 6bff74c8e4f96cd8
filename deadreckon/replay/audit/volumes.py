"""Traded volumes of a log in few figures, to compare with what other programs make of the log."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.contracts.timestamps import DAY

TRADE_IDS_KEPT = 7 * DAY  # of trade ids, in log time: as long as every service remembers them


class FillTotals(Struct):
    """Fills, the exact sum of quantity x price over them, and the fees by their currency."""

    fills: int = 0
    value: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)

    def add(self, quantity: Decimal, price: Decimal, fee: Decimal, currency: str) -> None:
        """Count one fill."""
        self.fills += 1
        self.value = EXACT.add(self.value, EXACT.multiply(quantity, price))
        self.fees[currency] = EXACT.add(self.fees.get(currency, ZERO), fee)

    def differences(self, other: "FillTotals") -> list[tuple[str, Decimal, Decimal]]:
        """List the differences: its name, the amount here, the amount there."""
        named = [("value of fills", self.value, other.value)]
        for currency in sorted(self.fees | other.fees):
            fees = (self.fees.get(currency, ZERO), other.fees.get(currency, ZERO))
            named.append((f"fees in {currency}", *fees))
        return [(name, canonical(a), canonical(b)) for name, a, b in named if a != b]


class TradedVolumes(Struct):
    """Fold of fills, each once, with the last published figures of each position.

    `positions` holds (signed quantity, realised PnL in quote currency).
    """

    totals: FillTotals = field(default_factory=FillTotals)
    positions: dict[PositionKey, tuple[Decimal, Decimal]] = field(default_factory=dict)
    seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def fold(self, facts: Iterable[Recorded[Any]]) -> None:
        """Take facts in log order."""
        for record in facts:
            match record.event:
                case OrderFilled() as fill:
                    if not self._again(fill, record.at):
                        self.totals.add(fill.quantity, fill.price, fill.fee, fill.fee_currency)
                case PositionChanged() as held:
                    key = (held.strategy, held.venue, held.instrument)
                    self.positions[key] = (held.quantity, held.realised)

    def _again(self, fill: OrderFilled, at: int) -> bool:
        trade = (fill.venue, fill.trade_id)
        if trade in self.seen:
            return True
        self.seen[trade] = at
        while self.seen[oldest := next(iter(self.seen))] < at - TRADE_IDS_KEPT:
            del self.seen[oldest]
        return False
