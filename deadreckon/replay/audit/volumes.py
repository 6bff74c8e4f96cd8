"""Traded volumes of a log in few figures, to compare with what other programs make of the log."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import PositionChanged


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
    seen: RecentKeys[str] = field(default_factory=RecentKeys)

    def fold(self, facts: Iterable[Recorded[Any]]) -> None:
        """Take facts in log order."""
        for record in facts:
            match record.event:
                case OrderFilled() as fill:
                    trade = f"{fill.venue}\x1f{fill.trade_id}"
                    if not dedup.is_repeat(self.seen, trade, record.at):
                        self.totals.add(fill.quantity, fill.price, fill.fee, fill.fee_currency)
                case PositionChanged() as held:
                    key = (held.strategy, held.venue, held.instrument)
                    self.positions[key] = (held.quantity, held.realised)
