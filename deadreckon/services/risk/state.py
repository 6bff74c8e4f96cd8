"""What risk remembers: limits, halts, orders in flight, windows and breakers. Plain data."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.fields import HaltScope, Purpose, Side
from deadreckon.contracts.limits import LimitsSet


class Halt(Struct, frozen=True):
    """A halt in force; `rule` is empty for an operator's, `until` (ns UTC) null until a resume."""

    scope: HaltScope
    rule: str
    reason: str
    until: int | None = None
    limit: Decimal | None = None
    measured: Decimal | None = None


class PendingReplace(Struct):
    """A replace on its way: the total `quantity` it asks for, and the worst price it can trade at.

    `reference` is the mark it was weighed with. `waiting` are the routed orders from which no
    outcome has come.
    """

    quantity: Decimal
    reference: Decimal
    price: Decimal
    waiting: list[str] = []


class OrderShare(Struct, frozen=True):
    """What an order in flight counts for.

    `quantity` can still trade; `value` is quantity x worst price. `stopped` is quantity x distance
    from its expected price to its own stop-loss, `bare` quantity x expected price where it has
    none. All but the quantity in quote currency per unit of contract.
    """

    quantity: Decimal = ZERO
    value: Decimal = ZERO
    stopped: Decimal = ZERO
    bare: Decimal = ZERO


class ApprovedOrder(Struct):
    """An approved order that has not ended.

    Quantities in base units or contracts, prices in quote currency. `reference` is the mark it was
    weighed with, `price` the worst of mark, limit and stop (what its headroom is valued at).
    `unrouted` is what no routed child stands for yet, `leaves` what is open of each child. `cap` is
    the position an exit had to close. `share` is what its stake counts for it at present.
    """

    signal_id: str
    producer: str
    strategy: str
    instrument: str
    side: Side
    reduces: bool
    purpose: Purpose
    reference: Decimal
    price: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    stop_loss: Decimal | None
    unrouted: Decimal
    cap: Decimal | None = None
    leaves: dict[str, Decimal] = {}
    filled: Decimal = ZERO
    routed: int = 0
    children: int = 0
    changes: dict[str, PendingReplace] = {}
    share: OrderShare = OrderShare()
    take_profit: Decimal | None = None

    @property
    def entry_price(self) -> Decimal:
        """Where it is expected to trade."""
        return self.limit_price or self.stop_price or self.reference


class InFlight(Struct):
    """What is promised on one side of a stake.

    `entries` and `exits` are open quantities; `value`, `stopped` and `bare` the sums of the shares
    of entries. `protection` is what stop-losses and take-profits can close.
    """

    entries: Decimal = ZERO
    value: Decimal = ZERO
    stopped: Decimal = ZERO
    bare: Decimal = ZERO
    exits: Decimal = ZERO
    protection: Decimal = ZERO


class Exposure(Struct):
    """What one strategy holds of one instrument (signed), and what is in flight around it."""

    strategy: str
    instrument: str
    venue: str
    held: Decimal = ZERO
    buys: InFlight = field(default_factory=InFlight)
    sells: InFlight = field(default_factory=InFlight)
    entry_orders: int = 0
    flatten_orders: int = 0


class Leg(Struct):
    """A protective order of a bracket; `struck` once it has traded."""

    bracket: str
    venue: str
    purpose: Purpose
    leaves: Decimal
    stop_price: Decimal | None
    struck: bool = False


class Bracket(Struct):
    """The legs that protect one entry; `counted` is what they can close together."""

    strategy: str
    instrument: str
    venue: str
    side: Side
    legs: list[str] = []
    counted: Decimal = ZERO


class Lock(Struct, frozen=True):
    """An instrument belongs to a strategy since a moment (nanoseconds UTC)."""

    strategy: str
    since: int


class Notionals(Struct):
    """Entry notionals (reporting currency) in a sliding window, with their running total."""

    moments: list[int] = []
    amounts: list[Decimal] = []
    total: Decimal = ZERO


class Rates(Struct):
    """When approved orders and cancels happened: nanoseconds UTC, ascending, pruned by time."""

    last_entry: int | None = None
    entries: list[int] = []
    entries_of: dict[str, list[int]] = {}  # by instrument
    exits: list[int] = []
    cancels: list[int] = []
    notionals: Notionals = field(default_factory=Notionals)
    locks: dict[str, Lock] = {}  # by instrument


class VenueResults(Struct):
    """When a venue answered and when it failed: nanoseconds UTC, ascending, a minute of them."""

    answers: list[int] = []
    faults: list[int] = []


class Breakers(Struct):
    """What the breakers watch; amounts in the reporting currency.

    `equity` is null while it is not watched or something is unpriced. `moving` are the instruments
    whose price moves it. `day_anchors` is realised - fees + funding of each currency when the day
    began, in that currency. `imposed` says until when a rule does not halt again. `slippages` are
    basis points of the latest entry fills.
    """

    equity: Decimal | None = None
    peak: Decimal | None = None
    unpriced: list[str] = []
    moving: dict[str, bool] = {}
    day_ends: int = 0
    day_anchors: dict[str, Decimal] = {}
    day_result: Decimal = ZERO
    imposed: dict[str, int] = {}
    slippages: list[Decimal] = []
    stops: dict[str, list[int]] = {}  # instrument -> when stop-losses were struck
    quarantined: dict[str, int] = {}  # instrument -> until when
    venues: dict[str, VenueResults] = {}


class State(Struct):
    """Everything risk decides on. `evolve` moves it in place, `decide` never does.

    `orders` holds the open ones. `children` leads from a routed order to its approval, `signals`
    from a signal to its open order, and `ended` (by day since 1970) to those that ended lately.
    """

    ledger: Ledger
    limits: LimitsSet | None = None
    limits_id: str | None = None
    delisted: dict[str, bool] = {}
    halts: dict[str, Halt] = {}
    orders: dict[str, ApprovedOrder] = {}
    children: dict[str, str] = {}
    signals: dict[str, str] = {}
    ended: dict[str, dict[str, str]] = {}
    legs: dict[str, Leg] = {}
    brackets: dict[str, Bracket] = {}
    stakes: dict[str, Exposure] = {}
    rates: Rates = field(default_factory=Rates)
    breakers: Breakers = field(default_factory=Breakers)


def key_of(first: str, second: str) -> str:
    """One text of two: names at the doors are printable, so no two pairs share it."""
    return f"{first}\n{second}"


def side_of(stake: Exposure, side: Side) -> InFlight:
    """What is in flight on one side of a stake."""
    return stake.buys if side == "buy" else stake.sells
