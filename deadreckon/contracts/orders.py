"""The life of an order, from an approved wish to every end it can have."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event
from deadreckon.contracts.signals import OrderType, Side, TimeInForce

Liquidity = Literal["maker", "taker"]
Purpose = Literal["entry", "stop_loss", "take_profit", "flatten"]


class OrderApproved(Event, frozen=True):
    """Risk allows this order; headroom for it is reserved until it ends.

    `order_id` equals the id of the order for all its life (children of a split have their own).
    Exactly one of `quantity` (base units or contracts) and `notional` (quote currency) is set.
    `reference_price` is the mark that risk weighed with; `limit_price`, `stop_price`, `stop_loss`
    and `take_profit` are as wished: all in quote currency per base unit. `expires_at`
    (nanoseconds UTC) is when the order is void, null when it never is. `purpose` tells entries
    from exits that the stack itself wants.
    """

    order_id: str
    signal_id: str
    producer: str
    strategy: str
    instrument: str
    side: Side
    quantity: Decimal | None
    notional: Decimal | None
    reference_price: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    stop_loss: Decimal | None
    take_profit: Decimal | None
    expires_at: int | None = None
    purpose: Purpose = "entry"


class OrderUnroutable(Event, frozen=True):
    """The router found no way to send an approved order; its headroom is free again.

    `limit` and `measured` are in the unit of the rule: quantity (base units or contracts) or
    notional (quote currency) of the instrument; null where a rule has no number.
    """

    order_id: str
    signal_id: str
    strategy: str
    instrument: str
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    limit_set_by: str | None
    reason: str


class OrderRouted(Event, frozen=True):
    """The order in the venue's own terms: rounded to lot and tick, never above the wish.

    `parent_id` is the approved order; `order_id` equals it unless the order was split.
    `children` is how many routed orders the parent has, `child` the number of this one from 0.
    `client_order_id` is what the venue will know it by, `symbol` the venue's name of the
    instrument. `quantity` is in base units or contracts; `limit_price`, `stop_price`, `stop_loss`
    and `take_profit` in quote currency per base unit. `expires_at` (nanoseconds UTC) and
    `purpose` are those of the approved order.
    """

    order_id: str
    parent_id: str
    child: int
    children: int
    client_order_id: str
    signal_id: str
    producer: str
    strategy: str
    instrument: str
    venue: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    stop_loss: Decimal | None
    take_profit: Decimal | None
    expires_at: int | None = None
    purpose: Purpose = "entry"


class OrderSubmitting(Event, frozen=True):
    """The intent: durable before the first byte goes to a venue; all that a venue edge needs.

    `parent_id` is the approved order, or the filled entry order of a bracket's leg.
    `client_order_id` is what the venue will know it by, `symbol` the venue's name of the
    instrument. `quantity` is in base units or contracts; `limit_price` and `stop_price` in quote
    currency per base unit. `expires_at` (nanoseconds UTC) is when the order is void, null when it
    never is; `purpose` tells an entry from a protective leg and a flattening order.
    """

    order_id: str
    parent_id: str
    client_order_id: str
    signal_id: str
    producer: str
    strategy: str
    instrument: str
    venue: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    purpose: Purpose
    expires_at: int | None = None


class OrderAccepted(Event, frozen=True):
    """The venue works the order; `venue_order_id` is its name there."""

    order_id: str
    venue_order_id: str


class OrderRejected(Event, frozen=True):
    """The order was not taken: by the venue, or not sent at all; the end of it.

    `rule` names why: halted, post_only_would_take, reduce_only_without_position, no_market,
    expired_before_send and so on.
    """

    order_id: str
    rule: str
    reason: str


class OrderTriggered(Event, frozen=True):
    """A stop was reached: the order is a market or limit order from here on.

    `trigger_price` is the market's price that reached it, in quote currency per base unit.
    """

    order_id: str
    trigger_price: Decimal


class OrderFilled(Event, frozen=True):
    """Part or all of an order traded; folded at most once per (venue, trade_id).

    `trade_id` is the venue's own name of the trade. `quantity` is in base units or contracts,
    `price` in quote currency per base unit, `fee` in `fee_currency` (negative is a rebate).
    `leaves` is what is still open of the order, in the unit of `quantity`. `liquidity`: a maker
    waited in the book, a taker did not. `reference_price` is the undisturbed market price the
    fill is compared with for slippage (quote currency per base unit).
    """

    order_id: str
    trade_id: str
    strategy: str
    instrument: str
    venue: str
    side: Side
    quantity: Decimal
    price: Decimal
    leaves: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    reference_price: Decimal


class OrderCancelled(Event, frozen=True):
    """The order ended with `leaves` untraded because someone (or a rule) cancelled it.

    `leaves` is in base units or contracts. `rule`: requested, halted, sibling_filled,
    immediate_or_cancel, fill_or_kill, position_closed, reduce_only_exceeded, delisted, resurfaced,
    or venue for an end that only a real venue knows the reason of.
    """

    order_id: str
    leaves: Decimal
    rule: str
    reason: str


class OrderExpired(Event, frozen=True):
    """The order's time to live ran out with `leaves` (base units or contracts) untraded."""

    order_id: str
    leaves: Decimal


class OrderUnknown(Event, frozen=True):
    """Nobody saw the outcome of a request; the venue must be asked with the same client id.

    `since` (nanoseconds UTC) is when the intent was recorded, `client_order_id` the name to ask
    the venue by.
    """

    order_id: str
    client_order_id: str
    since: int
    reason: str


class OrderOverdue(Event, frozen=True):
    """An alarm: a venue has owed the outcome of a request for longer than it is configured for.

    `client_order_id` is the name to ask the venue by. `since` (nanoseconds UTC) is when the intent
    to submit or to cancel was recorded, or the end of an order whose trades are still missing;
    `age` (nanoseconds) is how long ago that is, `limit` (nanoseconds) how long is borne. Said once
    for each of these.
    """

    order_id: str
    client_order_id: str
    since: int
    age: int
    limit: int


class OrderCancelling(Event, frozen=True):
    """The intent to cancel an order that a real venue works; it is open until the venue says so.

    `client_order_id` is what the venue knows it by. `rule` and `reason` are those of the
    OrderCancelled to come.
    """

    order_id: str
    client_order_id: str
    venue: str
    rule: str
    reason: str


class CancelApproved(Event, frozen=True):
    """Risk lets a cancel pass; `order_id` is the approved order (all its children go).

    `signal_id` is the cancel's own id.
    """

    order_id: str
    signal_id: str
    strategy: str
    reason: str


class CancelMissed(Event, frozen=True):
    """A cancel or replace found no open order: it had ended, or never was.

    `signal_id` is the own id of the cancel or replace; `order_id` is empty when there never was
    an order.
    """

    order_id: str
    signal_id: str
    reason: str


class ReplaceApproved(Event, frozen=True):
    """Risk lets a change pass; null leaves a field.

    `signal_id` is the change's own id. `quantity` is the new total (base units or contracts);
    `limit_price` and `stop_price` are in quote currency per base unit.
    """

    order_id: str
    signal_id: str
    strategy: str
    instrument: str
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class ReplaceRouted(Event, frozen=True):
    """The change, rounded to lot and tick, for the venue's order `order_id`; null leaves a field.

    `signal_id` is the change's own id. `quantity` is the new total (base units or contracts);
    `limit_price` and `stop_price` are in quote currency per base unit.
    """

    order_id: str
    signal_id: str
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class OrderReplaced(Event, frozen=True):
    """The order stands with this total `quantity` and these prices; `leaves` is still open.

    `quantity` and `leaves` are in base units or contracts; `limit_price` and `stop_price` in
    quote currency per base unit, null where the order has none.
    """

    order_id: str
    quantity: Decimal
    leaves: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None


class BracketArmed(Event, frozen=True):
    """A filled entry is protected by reduce-only orders that cancel each other.

    `bracket_id` names the pair, `entry_order_id` the entry. `stop_order_id` and
    `take_profit_order_id` are its legs; a missing one is null. `quantity` is what both legs
    protect (base units or contracts); it grows while the entry fills.
    """

    bracket_id: str
    entry_order_id: str
    strategy: str
    instrument: str
    stop_order_id: str | None
    take_profit_order_id: str | None
    quantity: Decimal


class BracketClosed(Event, frozen=True):
    """The bracket `bracket_id` of the entry `entry_order_id` protects nothing any more.

    `outcome`: stop_loss, take_profit, position_closed, halted, or unprotected (a leg was
    rejected: an alarm).
    """

    bracket_id: str
    entry_order_id: str
    outcome: str
