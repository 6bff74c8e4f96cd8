"""State of risk: limits, halts, orders in flight, windows and breakers. Plain data."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting.halts import Halts
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.clock import ClockStepRefused
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.fields import Purpose, Side
from deadreckon.contracts.limits import LimitsSet


class PendingReplace(Struct):
    """A replace on its way: its total `quantity`, and the worst price it can trade at.

    `reference` is the mark at its check. `waiting` are the routed orders that have not answered.
    """

    quantity: Decimal
    reference: Decimal
    price: Decimal
    waiting: list[str] = []


class OrderShare(Struct, frozen=True):
    """Exposure that an order in flight counts for.

    `quantity` can still trade; `value` is quantity x worst price. `stopped` is quantity x distance
    from its expected price to its own stop-loss, `bare` quantity x expected price without one. All
    but the quantity in quote currency per unit of contract.
    """

    quantity: Decimal = ZERO
    value: Decimal = ZERO
    stopped: Decimal = ZERO
    bare: Decimal = ZERO


class ApprovedOrder(Struct):
    """An approved order that has not ended.

    Quantities in base units or contracts, prices in quote currency. `reference` is the mark at its
    check, `price` the worst of mark, limit and stop (at which its headroom is valued). `unrouted`
    is the part without a routed child, `leaves` the open quantity of each child. `cap` is the
    position an exit had to close. `waits` marks an exit whose price the market has yet to reach.
    `share` is what the exposure counts for it at present.
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
    waits: bool = False
    leaves: dict[str, Decimal] = {}
    filled: Decimal = ZERO
    routed: int = 0
    children: int = 0
    changes: dict[str, PendingReplace] = {}
    share: OrderShare = OrderShare()
    take_profit: Decimal | None = None

    @property
    def entry_price(self) -> Decimal:
        """The price at which it is expected to trade."""
        return self.limit_price or self.stop_price or self.reference


class InFlight(Struct):
    """Orders in flight on one side of an exposure.

    `entries` and `exits` are open quantities; `value`, `stopped` and `bare` the sums of the shares
    of entries. `protection` is what stop-losses, take-profits and other exits that wait for a price
    can close.
    """

    entries: Decimal = ZERO
    value: Decimal = ZERO
    stopped: Decimal = ZERO
    bare: Decimal = ZERO
    exits: Decimal = ZERO
    protection: Decimal = ZERO


class Exposure(Struct):
    """Quantity that one strategy holds of one instrument (signed), and its orders in flight."""

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
    """A strategy that has an instrument to itself since a time (nanoseconds UTC)."""

    strategy: str
    since: int


class Notionals(Struct):
    """Entry notionals (reporting currency) in a sliding window, with their running total."""

    moments: list[int] = []
    amounts: list[Decimal] = []
    total: Decimal = ZERO


class Rates(Struct):
    """Times of approved orders and cancels: nanoseconds UTC, ascending, pruned by time."""

    last_entry: int | None = None
    entries: list[int] = []
    entries_of: dict[str, list[int]] = {}  # by instrument
    exits: list[int] = []
    cancels: list[int] = []
    notionals: Notionals = field(default_factory=Notionals)
    locks: dict[str, Lock] = {}  # by instrument


class VenueResults(Struct):
    """Times of the answers and faults of a venue in the last minute: nanoseconds UTC, ascending."""

    answers: list[int] = []
    faults: list[int] = []


class DayBegin(Struct, frozen=True):
    """Figures with which a day began: realised - fees + funding by currency, and the peak that it
    had when the next one began."""

    anchors: dict[str, Decimal]
    peak: Decimal | None


class Breakers(Struct):
    """Figures that the breakers watch; amounts in the reporting currency.

    `equity` is null while it is not watched or something is unpriced. `moving` are the instruments
    whose price moves it. `day_anchors` is realised - fees + funding of each currency when the day
    began, in that currency; `days` those of the days before, with their peak, in case time is taken
    back. `imposed` says until when a rule does not halt again. `slippages` are
    basis points of the latest entry fills.
    """

    equity: Decimal | None = None
    peak: Decimal | None = None
    unpriced: list[str] = []
    moving: dict[str, bool] = {}
    day_ends: int = 0
    day_anchors: dict[str, Decimal] = {}
    days: dict[str, DayBegin] = {}  # by the day, counted from 1970
    day_result: Decimal = ZERO
    imposed: dict[str, int] = {}
    slippages: list[Decimal] = []
    stops: dict[str, list[int]] = {}  # instrument -> when stop-losses were struck
    quarantined: dict[str, int] = {}  # instrument -> until when
    venues: dict[str, VenueResults] = {}


class State(Struct):
    """Everything risk decides on. `evolve` changes it in place, `decide` never does.

    `orders` holds the open ones. `children` leads from a routed order to its approval, `signals`
    from a signal to its open order, `ended` from a signal to an order that ended lately.
    `stop_refused` is the latest time after a start that an edge did not write. `stated` are the
    instruments whose last price a person stated.
    """

    ledger: Ledger
    limits: LimitsSet | None = None
    limits_id: str | None = None
    delisted: dict[str, bool] = {}
    halts: Halts = {}
    orders: dict[str, ApprovedOrder] = {}
    children: dict[str, str] = {}
    signals: dict[str, str] = {}
    ended: RecentKeys[str] = field(default_factory=RecentKeys)
    legs: dict[str, Leg] = {}
    brackets: dict[str, Bracket] = {}
    exposures: dict[str, Exposure] = {}
    rates: Rates = field(default_factory=Rates)
    breakers: Breakers = field(default_factory=Breakers)
    stop_refused: ClockStepRefused | None = None
    stated: dict[str, bool] = {}


def key_of(first: str, second: str) -> str:
    """Join two names to one key; inbound names are printable, so no two pairs share it."""
    return f"{first}\n{second}"


def side_of(exposure: Exposure, side: Side) -> InFlight:
    """Return the orders in flight on one side of an exposure."""
    return exposure.buys if side == "buy" else exposure.sells
