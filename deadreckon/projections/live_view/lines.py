"""What stands on the board that a person watches: lines of orders, fills, refusals and halts."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.projections.live_view.downsample import Curve

RECENT_LINES = 32  # fills, refusals and ended orders remembered: more than a screen shows


class LiveOrder(Struct):
    """An order as it stands, the `number`th that was submitted.

    `quantity` and `leaves` in base units or contracts, `price` in quote currency: what it waits
    for, then what it last traded at; null for a market order.
    """

    number: int
    at: int
    order_id: str
    strategy: str
    instrument: str
    side: str
    purpose: str
    order_type: str
    quantity: Decimal
    leaves: Decimal
    price: Decimal | None
    status: str = "submitting"
    rule: str = ""  # why it was cancelled or rejected


class LiveFill(Struct, frozen=True):
    """A fill; `fee` is in `fee_currency`."""

    at: int
    strategy: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: str


class LiveRefusal(Struct, frozen=True):
    """A refusal with both its numbers, in the unit of the rule."""

    at: int
    strategy: str
    instrument: str
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    reason: str


class Halt(Struct):
    """A halt; it lifts by itself at `until` (nanoseconds UTC), or never if that is null."""

    at: int
    scope: str
    who: str
    reason: str
    until: int | None = None
    acknowledged: list[str] = []

    def is_over(self, at: int) -> bool:
        """Whether it has lifted by itself."""
        return self.until is not None and at >= self.until


class LiveView(Struct):
    """The book at one place of the log. Bounded: open orders, and the last few of all else."""

    sequence: int = 0
    at: int = 0
    events: int = 0
    signals: int = 0
    refusals: int = 0
    orders: int = 0
    fills: int = 0
    instrument: str = ""  # the first that the market spoke of; the curve shows its price
    curve: Curve = field(default_factory=Curve)
    marked: EquityMarked | None = None
    book: Ledger = field(default_factory=ledger.initial)
    open_orders: dict[str, LiveOrder] = {}
    ended_orders: list[LiveOrder] = []
    recent_fills: list[LiveFill] = []
    recent_refusals: list[LiveRefusal] = []
    refusals_by_rule: dict[str, int] = {}
    halts: dict[str, Halt] = {}
    unreachable: dict[str, str] = {}  # venue -> why it cannot be reached
