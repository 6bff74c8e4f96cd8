"""The life of an order, from an approved signal to every end it can have."""

from decimal import Decimal
from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import (
    ClientOrderId,
    ExpiresAt,
    Fee,
    FeeCurrency,
    InstrumentName,
    Leaves,
    LimitPrice,
    LimitSetBy,
    Liquidity,
    NewLimitPrice,
    NewQuantity,
    NewStopPrice,
    OrderId,
    OrderType,
    ParentId,
    PostOnly,
    Price,
    ProducerName,
    Purpose,
    Quantity,
    Reason,
    ReduceOnly,
    Rule,
    RuleMeasured,
    Side,
    SignalId,
    SizeNotional,
    SizeQuantity,
    StopLoss,
    StopPrice,
    StrategyName,
    TakeProfit,
    TimeInForce,
    TradeId,
    VenueName,
    VenueSymbol,
)
from deadreckon.contracts.units import described

ChangeId = Annotated[str, described("id of the cancel or replace itself")]


class OrderApproved(Event, frozen=True):
    """Risk allows this order; headroom for it is reserved until it ends.

    Exactly one of `quantity` and `notional` is set.
    """

    declared = Declaration(
        "orders.order_approved",
        ("risk",),
        archive=("orders",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    signal_id: SignalId
    producer: ProducerName
    strategy: StrategyName
    instrument: InstrumentName
    side: Side
    quantity: SizeQuantity
    notional: SizeNotional
    reference_price: Annotated[
        Decimal, described("mark at which risk checked the order, in quote currency", "price")
    ]
    order_type: OrderType
    limit_price: LimitPrice
    stop_price: StopPrice
    time_in_force: TimeInForce
    post_only: PostOnly
    reduce_only: ReduceOnly
    stop_loss: StopLoss
    take_profit: TakeProfit
    expires_at: ExpiresAt = None
    purpose: Purpose = "entry"


class OrderUnroutable(Event, frozen=True):
    """The router found no way to send an approved order; its headroom is free again."""

    declared = Declaration(
        "orders.order_unroutable",
        ("router",),
        archive=("orders", "refusals"),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    signal_id: SignalId
    strategy: StrategyName
    instrument: InstrumentName
    rule: Rule
    limit: Annotated[
        Decimal | None,
        described("limit: a quantity or a notional (quote currency); null without a number"),
    ]
    measured: RuleMeasured
    limit_set_by: LimitSetBy
    reason: Reason


class OrderRouted(Event, frozen=True):
    """The order as the venue takes it: rounded to lot and tick, never above what was approved."""

    declared = Declaration("orders.order_routed", ("router",), archive=("orders",), of_order=True)

    order_id: Annotated[str, described("id of this order; that of its parent unless it was split")]
    parent_id: ParentId
    child: Annotated[int, described("number of this order among its parent's, from 0", "count")]
    children: Annotated[int, described("number of orders into which the parent was split", "count")]
    client_order_id: ClientOrderId
    signal_id: SignalId
    producer: ProducerName
    strategy: StrategyName
    instrument: InstrumentName
    venue: VenueName
    symbol: VenueSymbol
    side: Side
    quantity: Quantity
    order_type: OrderType
    limit_price: LimitPrice
    stop_price: StopPrice
    time_in_force: TimeInForce
    post_only: PostOnly
    reduce_only: ReduceOnly
    stop_loss: StopLoss
    take_profit: TakeProfit
    expires_at: ExpiresAt = None
    purpose: Purpose = "entry"


class OrderSubmitting(Event, frozen=True):
    """The intent to send an order: durable before the first byte goes to a venue.

    It holds all that a venue edge needs.
    """

    declared = Declaration("orders.order_submitting", ("fill",), archive=("orders",), of_order=True)

    order_id: OrderId
    parent_id: Annotated[
        str, described("id of the approved order, or of the filled entry that a leg protects")
    ]
    client_order_id: ClientOrderId
    signal_id: SignalId
    producer: ProducerName
    strategy: StrategyName
    instrument: InstrumentName
    venue: VenueName
    symbol: VenueSymbol
    side: Side
    quantity: Quantity
    order_type: OrderType
    limit_price: LimitPrice
    stop_price: StopPrice
    time_in_force: TimeInForce
    post_only: PostOnly
    reduce_only: ReduceOnly
    purpose: Purpose
    expires_at: ExpiresAt = None


class OrderAccepted(Event, frozen=True):
    """The venue works the order."""

    declared = Declaration("orders.order_accepted", ("fill",), archive=("orders",), of_order=True)

    order_id: OrderId
    venue_order_id: Annotated[str, described("the venue's own id of the order")]


class OrderRejected(Event, frozen=True):
    """The order ended unaccepted: the venue refused it, or it was never sent."""

    declared = Declaration(
        "orders.order_rejected",
        ("fill",),
        archive=("orders", "refusals"),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    rule: Annotated[
        str,
        described(
            "why: halted, post_only_would_take, reduce_only_without_position, no_market, "
            "expired_before_send, or the venue's own code"
        ),
    ]
    reason: Reason


class OrderTriggered(Event, frozen=True):
    """The market reached a stop: the order is a market or limit order from here on."""

    declared = Declaration(
        "orders.order_triggered",
        ("fill",),
        archive=("orders",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    trigger_price: Annotated[
        Decimal, described("market price that reached the stop, in quote currency", "price")
    ]


class OrderFilled(Event, frozen=True):
    """Part or all of an order traded; counted at most once per (venue, trade_id)."""

    declared = Declaration(
        "orders.order_filled",
        ("fill",),
        archive=("fills",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    trade_id: TradeId
    strategy: StrategyName
    instrument: InstrumentName
    venue: VenueName
    side: Side
    quantity: Quantity
    price: Price
    leaves: Leaves
    liquidity: Liquidity
    fee: Fee
    fee_currency: FeeCurrency
    reference_price: Annotated[
        Decimal,
        described(
            "undisturbed market price that slippage is measured against, in quote currency",
            "price",
        ),
    ]


class OrderCancelled(Event, frozen=True):
    """The order ended with part of it untraded, because a person or a rule cancelled it."""

    declared = Declaration(
        "orders.order_cancelled",
        ("fill",),
        archive=("orders",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    leaves: Leaves
    rule: Annotated[
        str,
        described(
            "why: requested, halted, sibling_filled, bracket_closed, strategy_exit, "
            "strategy_reversal, immediate_or_cancel, fill_or_kill, position_closed, "
            "reduce_only_exceeded, delisted, resurfaced, or venue when only the "
            "venue knows"
        ),
    ]
    reason: Reason


class OrderExpired(Event, frozen=True):
    """The order's time to live ran out with part of it untraded."""

    declared = Declaration(
        "orders.order_expired",
        ("fill",),
        archive=("orders",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    leaves: Leaves


class OrderUnknown(Event, frozen=True):
    """The outcome of a request is unknown; the venue is queried by the same client order id."""

    declared = Declaration(
        "orders.order_unknown",
        ("fill",),
        archive=("orders",),
        of_order=True,
        timeline="instrument",
    )

    order_id: OrderId
    client_order_id: ClientOrderId
    since: Annotated[int, described("when the intent was recorded, nanoseconds UTC", "timestamp")]
    reason: Reason


class OrderOverdue(Event, frozen=True):
    """An alarm: a venue has not answered a request for longer than is allowed for it.

    It is raised once for each request.
    """

    declared = Declaration("orders.order_overdue", ("fill",), archive=("orders",), of_order=True)

    order_id: OrderId
    client_order_id: ClientOrderId
    since: Annotated[
        int,
        described(
            "when the intent to submit or cancel was recorded, or the order ended with trades "
            "missing; nanoseconds UTC",
            "timestamp",
        ),
    ]
    age: Annotated[int, described("nanoseconds since then", "nanoseconds")]
    limit: Annotated[int, described("nanoseconds that are allowed", "nanoseconds")]


class OrderCancelling(Event, frozen=True):
    """The intent to cancel an order at a real venue; it stays open until the venue confirms."""

    declared = Declaration("orders.order_cancelling", ("fill",), archive=("orders",), of_order=True)

    order_id: OrderId
    client_order_id: ClientOrderId
    venue: VenueName
    rule: Annotated[str, described("rule of the OrderCancelled to come")]
    reason: Annotated[str, described("reason of the OrderCancelled to come")]


class CancelApproved(Event, frozen=True):
    """Risk lets a cancel pass; it applies to every child of the order."""

    declared = Declaration("orders.cancel_approved", ("risk",), archive=("orders",), of_order=True)

    order_id: Annotated[str, described("id of the approved order")]
    signal_id: ChangeId
    strategy: StrategyName
    reason: Reason


class CancelMissed(Event, frozen=True):
    """A cancel or replace found no open order: it had ended, or never existed."""

    declared = Declaration(
        "orders.cancel_missed",
        ("risk", "router", "fill"),
        archive=("orders", "refusals"),
        timeline="instrument",
    )

    order_id: Annotated[str, described("id of the order; empty when there never was one")]
    signal_id: ChangeId
    reason: Reason


class ReplaceApproved(Event, frozen=True):
    """Risk lets a change of an open order pass."""

    declared = Declaration("orders.replace_approved", ("risk",), archive=("orders",), of_order=True)

    order_id: OrderId
    signal_id: ChangeId
    strategy: StrategyName
    instrument: InstrumentName
    quantity: NewQuantity
    limit_price: NewLimitPrice
    stop_price: NewStopPrice


class ReplaceRouted(Event, frozen=True):
    """The change, rounded to lot and tick, for one order at the venue."""

    declared = Declaration("orders.replace_routed", ("router",), archive=("orders",), of_order=True)

    order_id: OrderId
    signal_id: ChangeId
    quantity: NewQuantity
    limit_price: NewLimitPrice
    stop_price: NewStopPrice


class OrderReplaced(Event, frozen=True):
    """The order was changed and is open with these terms."""

    declared = Declaration("orders.order_replaced", ("fill",), archive=("orders",), of_order=True)

    order_id: OrderId
    quantity: Annotated[Decimal, described("total quantity, in base units or contracts", "base")]
    leaves: Leaves
    limit_price: LimitPrice
    stop_price: StopPrice


class BarSettled(Event, frozen=True):
    """Every fill that a bar caused on paper is recorded; what waited for them can be decided."""

    declared = Declaration("orders.bar_settled", ("fill",))

    bar: Annotated[str, described("id of the bar that closed")]
    instrument: InstrumentName
    strategies: Annotated[list[str], described("strategies that waited, in order")]


class BracketArmed(Event, frozen=True):
    """A filled entry is protected by two reduce-only orders that cancel each other."""

    declared = Declaration("orders.bracket_armed", ("fill",), archive=("orders",))

    bracket_id: Annotated[str, described("id of the bracket")]
    entry_order_id: Annotated[str, described("id of the entry order that is protected")]
    strategy: StrategyName
    instrument: InstrumentName
    stop_order_id: Annotated[str | None, described("id of the stop-loss; null without one")]
    take_profit_order_id: Annotated[
        str | None, described("id of the take-profit; null without one")
    ]
    quantity: Annotated[
        Decimal,
        described(
            "quantity that each leg protects, in base units or contracts; grows with the entry",
            "base",
        ),
    ]


class BracketClosed(Event, frozen=True):
    """A bracket protects nothing any more."""

    declared = Declaration(
        "orders.bracket_closed", ("fill",), archive=("orders",), timeline="instrument"
    )

    bracket_id: Annotated[str, described("id of the bracket")]
    entry_order_id: Annotated[str, described("id of the entry order that was protected")]
    outcome: Annotated[
        str,
        described(
            "stop_loss, take_profit, position_closed, halted, or unprotected (a leg was rejected: "
            "an alarm)"
        ),
    ]
