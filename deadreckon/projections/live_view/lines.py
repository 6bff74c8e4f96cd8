"""Rows of the live view: orders, fills, refusals and halts."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting import ledger
from deadreckon.accounting.halts import Halts
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.projections.live_view.downsample import Curve

RECENT_LINES = 32  # fills, refusals and ended orders kept: more than a screen shows


class LiveOrder(Struct):
    """An order with its current status; `number` counts submitted orders from 1.

    `quantity` and `leaves` are in base units or contracts. `price`, in the quote currency, is the
    limit or stop price, then the last fill's; None for a market order without a fill.
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
    """A refusal with limit and measured value, in the unit of its rule."""

    at: int
    strategy: str
    instrument: str
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    reason: str


class LiveView(Struct):
    """The book at one sequence of the log. Bounded: open orders, and the latest of everything
    else."""

    sequence: int = 0
    at: int = 0
    events: int = 0
    signals: int = 0
    refusals: int = 0
    orders: int = 0
    fills: int = 0
    instrument: str = ""  # the first with a market event; the curve shows its price
    curve: Curve = field(default_factory=Curve)
    marked: EquityMarked | None = None
    book: Ledger = field(default_factory=ledger.initial)
    open_orders: dict[str, LiveOrder] = {}
    ended_orders: list[LiveOrder] = []
    recent_fills: list[LiveFill] = []
    recent_refusals: list[LiveRefusal] = []
    refusals_by_rule: dict[str, int] = {}
    halts: Halts = {}
    unreachable: dict[str, str] = {}  # venue -> why it cannot be reached
