"""What somebody wishes: signals from producers and strategies, and their refusals."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop", "stop_limit"]
TimeInForce = Literal["gtc", "ioc", "fok"]


class SignalReceived(Event, frozen=True):
    """A wish as it came through a producer's door, already well formed.

    Exactly one of `quantity` (base units or contracts) and `notional` (quote currency) is set.
    `limit_price`, `stop_price`, `stop_loss` and `take_profit` are prices in quote currency per
    base unit; the first two belong to the order, the last two to the bracket that protects it.
    `claimed_at` is the producer's own time (nanoseconds UTC): it serves staleness and
    time-to-live only; `ttl_seconds` after it the wish is void. `confidence` is 0 to 1. `meta` is
    the producer's own, kept and never read. `body` is the SHA-256 of the canonical wish: the
    same `signal_id` with the same body is the same wish.
    """

    signal_id: str
    producer: str
    body: str
    claimed_at: int
    strategy: str
    instrument: str
    side: Side
    quantity: Decimal | None
    notional: Decimal | None
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    confidence: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    ttl_seconds: int | None
    meta: dict[str, str]


class CancelReceived(Event, frozen=True):
    """A producer wants the order of its earlier signal `target` cancelled.

    `signal_id` is the cancel's own id; `body` and `claimed_at` as in `SignalReceived`.
    """

    signal_id: str
    producer: str
    body: str
    claimed_at: int
    strategy: str
    target: str


class ReplaceReceived(Event, frozen=True):
    """A producer wants the order of its earlier signal `target` changed; null leaves a field.

    `quantity` is the new total quantity (base units or contracts); `limit_price` and
    `stop_price` are in quote currency per base unit. `signal_id` is the change's own id; `body`
    and `claimed_at` as in `SignalReceived`.
    """

    signal_id: str
    producer: str
    body: str
    claimed_at: int
    strategy: str
    target: str
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class SignalMalformed(Event, frozen=True):
    """What came through a producer's door is no signal; never written, answered by a refusal.

    `evidence` is at most 512 characters of what was sent, `position` its place in a batch, from
    0. `signal_id`, `strategy` and `instrument` are empty where they could not be read.
    """

    signal_id: str
    producer: str
    strategy: str
    instrument: str
    rule: str
    reason: str
    evidence: str
    position: int


class SignalRaised(Event, frozen=True):
    """A strategy or a producer wishes a trade.

    Exactly one of `quantity` (base units or contracts) and `notional` (quote currency) is set.
    `limit_price`, `stop_price`, `stop_loss` and `take_profit` are prices in quote currency per
    base unit. `confidence` is 0 to 1. `signal_id` is the producer's own id, or derived for
    in-house strategies; it is unique for a (producer, id). `producer` is empty for in-house
    strategies. `claimed_at` is the producer's own time and `expires_at` when the wish is void
    (both nanoseconds UTC, null when it has none). `model_id` and `features` say what it was
    decided on. `meta` is the producer's own, kept and never read.
    """

    signal_id: str
    producer: str
    strategy: str
    instrument: str
    side: Side
    quantity: Decimal | None
    notional: Decimal | None
    order_type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "gtc"
    post_only: bool = False
    reduce_only: bool = False
    confidence: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    claimed_at: int | None = None
    expires_at: int | None = None
    model_id: str = ""
    features: dict[str, str] = {}
    meta: dict[str, str] = {}


class CancelRaised(Event, frozen=True):
    """Someone wishes the open order of signal `target` (of the same producer) cancelled.

    `signal_id` is the cancel's own id.
    """

    signal_id: str
    producer: str
    strategy: str
    target: str


class ReplaceRaised(Event, frozen=True):
    """Someone wishes the open order of signal `target` changed; null leaves a field.

    `quantity` is the new total quantity (base units or contracts); `limit_price` and
    `stop_price` are in quote currency per base unit. `signal_id` is the change's own id.
    """

    signal_id: str
    producer: str
    strategy: str
    target: str
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class SignalRefused(Event, frozen=True):
    """A wish will not be acted on; `rule` is for machines, `reason` for people.

    `limit` and `measured` are in the unit of the rule (docs/risk.md lists them), null where a
    rule has no number. `limit_set_by` is the id of the event that set the limit in force.
    `evidence` holds at most 512 characters of what could not be read.
    """

    signal_id: str
    producer: str
    strategy: str
    instrument: str
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    limit_set_by: str | None
    reason: str
    evidence: str = ""
