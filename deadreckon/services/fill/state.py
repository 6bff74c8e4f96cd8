"""State of fill: open orders, their brackets, positions, the market, halts in force."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from deadreckon.accounting.halts import Halts
from deadreckon.accounting.sellable import whole_lots
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.fields import OrderType, Purpose, Side, TimeInForce
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.venues import VenueOutcome
from deadreckon.services.fill.order_table import Status

PROTECTIVE: tuple[Purpose, ...] = ("stop_loss", "take_profit")


class Ending(Struct, frozen=True):
    """End of an order at a real venue, reported at `at` (nanoseconds UTC).

    `filled` (base units or contracts) is all that traded of it, by the venue's count.
    """

    outcome: VenueOutcome
    filled: Decimal
    reason: str
    at: int


class Order(Struct):
    """An order between its intent and its end; quantities in base units or contracts.

    From its trigger on, `order_type` is what the stop has become: market or limit. `arrives_at`
    is when the venue has it (nanoseconds UTC). `resting` limit orders wait in the book: the market
    has been away from their limit since they arrived. `own_strategy` marks orders of signals that a
    strategy of this stack raised; `met_at` is when their market first gave a price since they
    arrived. `sibling` is the other leg of its bracket, `guarded` says that a bracket grows with it.
    `doomed_by` is the trade that has taken away what it was for.

    The rest is of orders that a real venue works, through the service `edge`: `cancelling` is the
    rule by which the venue is asked to cancel, since `cancelling_at`, unless it `refused`;
    `ending` is the end that the venue reported before all of its trades; `trades` are the trades
    counted, and `alarmed` is the time since which an answer has been owed, once an alarm was
    raised over it.
    """

    order_id: str
    parent_id: str
    strategy: str
    instrument: str
    venue: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    purpose: Purpose
    expires_at: int | None
    submitted_at: int
    arrives_at: int
    status: Status = "submitting"
    filled: Decimal = ZERO
    fills: int = 0
    resting: bool = False
    sibling: str = ""
    guarded: bool = False
    doomed_by: str = ""
    client_order_id: str = ""
    own_strategy: bool = False
    met_at: int | None = None
    edge: str = ""
    cancelling: str = ""
    cancelling_reason: str = ""
    cancelling_at: int = 0
    refused: bool = False
    ending: Ending | None = None
    trades: dict[str, Literal[True]] = {}
    alarmed: int | None = None


class TakerPrices(Struct, frozen=True):
    """Prices that a taker would pay and get, in quote currency; equal without quotes."""

    bid: Decimal
    ask: Decimal


class MarketState(Struct):
    """The last price seen, the one before it, and when the last came.

    `bar` is the last one that closed. `opened_at` is when the last one opened (nanoseconds UTC), as
    far as `BarOpened` came, `taken` what our orders have traded since (base units or contracts).
    `stated` says that people have stated all of its prices.
    """

    last: TakerPrices
    at: int
    before: TakerPrices | None = None
    bar: BarClosed | None = None
    opened_at: int | None = None
    taken: Decimal = ZERO
    stated: bool = False


class Protection(Struct):
    """The bracket that an entry order asked for: what its legs will look like.

    `bracket_id` is the newest one armed, `generation` counts them: an entry that goes on filling
    after its bracket has closed gets another.
    """

    entry_order_id: str
    strategy: str
    instrument: str
    venue: str
    symbol: str
    side: Side
    signal_id: str
    producer: str
    stop_loss: Decimal | None
    take_profit: Decimal | None
    bracket_id: str = ""
    generation: int = 0


class Bracket(Struct):
    """Two legs that cancel each other, and the quantity that each of them still protects.

    `resized_by` is the last trade that changed the quantity, `ended_by` the leg whose end has
    closed the bracket.
    """

    entry_order_id: str
    stop_order_id: str | None
    take_profit_order_id: str | None
    quantity: Decimal
    resized_by: str = ""
    ended_by: str = ""


class State(Struct):
    """State of fill: bounded by what is open, and by seven days of log time of what has ended."""

    listings: dict[str, InstrumentListed] = {}
    venues: dict[str, VenueConfigured] = {}
    markets: dict[str, MarketState] = {}
    orders: dict[str, dict[str, Order]] = {}  # by instrument, in order of arrival
    instruments: dict[str, str] = {}  # open order -> its instrument
    waiting: dict[str, Literal[True]] = {}
    expiring: dict[str, Literal[True]] = {}
    approved: dict[str, bool] = {}
    withdrawn: dict[str, Literal[True]] = {}
    positions: dict[str, dict[str, Decimal]] = {}  # instrument -> strategy -> signed, with dust
    protections: dict[str, Protection] = {}  # by entry order
    brackets: dict[str, Bracket] = {}
    legs: dict[str, str] = {}  # leg -> its bracket
    halts: Halts = {}
    ended: RecentKeys[Status] = field(default_factory=RecentKeys)
    trades: RecentKeys[str] = field(default_factory=RecentKeys)  # "venue|trade" -> first fill's id
    finished: dict[str, Order] = {}
    awaited: dict[str, int] = {}  # order -> since when an answer is owed (nanoseconds UTC)
    day: int = 0


def trade_of(fill: OrderFilled) -> str:
    """Return the key under which a trade is counted once."""
    return f"{fill.venue}|{fill.trade_id}"


def is_new(state: State, record: Recorded[OrderFilled]) -> bool:
    """Tell whether the fill just folded was reported for the first time."""
    return dedup.find(state.trades, trade_of(record.event)) == record.id


def find(state: State, order_id: str) -> Order | None:
    """Return an open order; None when it has ended or never was."""
    instrument = state.instruments.get(order_id)
    return None if instrument is None else state.orders[instrument][order_id]


def find_remembered(state: State, order_id: str) -> Order | None:
    """Return an open order, or one that a real venue worked and that is still remembered."""
    return find(state, order_id) or state.finished.get(order_id)


def status_of(state: State, order_id: str) -> Status:
    """Return the status of an order; "routed" for one that is not remembered."""
    order = find(state, order_id)
    if order is not None:
        return order.status
    return dedup.find(state.ended, order_id) or "routed"


def position_of(state: State, strategy: str, instrument: str) -> Decimal:
    """Return the signed quantity that a strategy holds (base units or contracts), without dust."""
    held = state.positions.get(instrument, {}).get(strategy, ZERO)
    return whole_lots(held, state.listings.get(instrument))


def waits(order: Order) -> bool:
    """Tell whether an order only reduces, once a price comes: a target or a stop, not an exit that
    trades now. On paper it follows its position down."""
    has_price = order.resting or order.stop_price is not None or order.purpose in PROTECTIVE
    return order.reduce_only and has_price and not order.edge


def shrinks(order: Order, filled: Order, leaves: Decimal, held: Decimal) -> bool:
    """Tell whether a fill of `filled` left less of a position than an order waits to reduce. The
    sibling of a leg follows that leg."""
    is_other = filled.order_id not in (order.order_id, order.sibling)
    is_same = order.strategy == filled.strategy and order.side == filled.side
    has_arrived = order.status not in ("submitting", "unknown")
    is_there = has_arrived and not order.doomed_by
    return is_other and is_same and is_there and waits(order) and leaves > held


def is_cancel_pending(order: Order) -> bool:
    """Tell whether a cancel of an order is pending at a real venue."""
    return bool(order.cancelling) and not order.refused


def leaves_of(order: Order) -> Decimal:
    """Compute what is still open of an order (base units or contracts)."""
    return EXACT.subtract(order.quantity, order.filled)
