"""Signals from producers and strategies: what they ask for, and their refusals."""

from decimal import Decimal
from typing import Annotated, Literal

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import (
    BodyDigest,
    ClaimedAt,
    Confidence,
    Evidence,
    ExpiresAt,
    InstrumentName,
    LimitPrice,
    LimitSetBy,
    NewLimitPrice,
    NewQuantity,
    NewStopPrice,
    OrderType,
    PostOnly,
    ProducerName,
    Reason,
    ReduceOnly,
    Rule,
    RuleLimit,
    RuleMeasured,
    Side,
    SizeNotional,
    SizeQuantity,
    StopLoss,
    StopPrice,
    StrategyName,
    TakeProfit,
    TimeInForce,
)
from deadreckon.contracts.units import described

OwnId = Annotated[
    str, described("id of this signal: the producer's own, or derived for built-in strategies")
]
Target = Annotated[str, described("id of the earlier signal whose order it is about")]
Notes = Annotated[dict[str, str], described("the producer's own notes; stored, never read")]


class SignalReceived(Event, frozen=True):
    """A well-formed signal as a producer sent it; read from its message, never written.

    Exactly one of `quantity` and `notional` is set.
    """

    declared = Declaration(timeline="instrument")

    signal_id: OwnId
    producer: ProducerName
    body: BodyDigest
    claimed_at: ClaimedAt
    strategy: StrategyName
    instrument: InstrumentName
    side: Side
    quantity: SizeQuantity
    notional: SizeNotional
    order_type: OrderType
    limit_price: LimitPrice
    stop_price: StopPrice
    time_in_force: TimeInForce
    post_only: PostOnly
    reduce_only: ReduceOnly
    confidence: Confidence
    stop_loss: StopLoss
    take_profit: TakeProfit
    ttl_seconds: Annotated[
        int | None,
        described("seconds after `claimed_at` when it becomes void; null for never", "seconds"),
    ]
    meta: Notes


class CancelReceived(Event, frozen=True):
    """A producer asks to cancel the order of an earlier signal; never written."""

    declared = Declaration(timeline="instrument")

    signal_id: OwnId
    producer: ProducerName
    body: BodyDigest
    claimed_at: ClaimedAt
    strategy: StrategyName
    target: Target


class ReplaceReceived(Event, frozen=True):
    """A producer asks to change the order of an earlier signal; never written."""

    declared = Declaration(timeline="instrument")

    signal_id: OwnId
    producer: ProducerName
    body: BodyDigest
    claimed_at: ClaimedAt
    strategy: StrategyName
    target: Target
    quantity: NewQuantity
    limit_price: NewLimitPrice
    stop_price: NewStopPrice


class SignalMalformed(Event, frozen=True):
    """A producer's message is not a valid signal; never written, answered by a refusal."""

    signal_id: Annotated[str, described("id of the signal; empty when it could not be read")]
    producer: ProducerName
    strategy: Annotated[str, described("name of the strategy; empty when it could not be read")]
    instrument: Annotated[str, described("instrument; empty when it could not be read")]
    rule: Rule
    reason: Reason
    evidence: Evidence
    position: Annotated[int, described("index of the signal in its batch, from 0", "count")]


class MessageOverQuota(Event, frozen=True):
    """A producer's message beyond its quota: not read; never written, answered with others."""

    producer: ProducerName
    message: Annotated[int, described("sequence of the message in the log")]
    bytes: Annotated[int, described("bytes of the message", "count")]
    unit: Annotated[Literal["signals", "bytes"], described("what was used up")]
    limit: Annotated[int, described("how many a second the quota allows", "count")]
    used: Annotated[int, described("how many were used before", "count")]
    limit_set_by: Annotated[str, described("id of the event that set the quota")]
    refilled_from: Annotated[
        int, described("decision time from which on there may be more", "timestamp")
    ]


class SignalRaised(Event, frozen=True):
    """A strategy or a producer asks for a trade.

    Exactly one of `quantity` and `notional` is set.
    """

    declared = Declaration(
        "signals.signal_raised", ("signal",), archive=("signals",), timeline="instrument"
    )

    signal_id: OwnId
    producer: ProducerName
    strategy: StrategyName
    instrument: InstrumentName
    side: Side
    quantity: SizeQuantity
    notional: SizeNotional
    order_type: OrderType = "market"
    limit_price: LimitPrice = None
    stop_price: StopPrice = None
    time_in_force: TimeInForce = "gtc"
    post_only: PostOnly = False
    reduce_only: ReduceOnly = False
    confidence: Confidence = None
    stop_loss: StopLoss = None
    take_profit: TakeProfit = None
    claimed_at: Annotated[
        int | None,
        described(
            "the producer's own time, or the log's where it gave none, nanoseconds UTC", "timestamp"
        ),
    ] = None
    expires_at: ExpiresAt = None
    model_id: Annotated[str, described("id of the model that decided; empty without one")] = ""
    features: Annotated[
        dict[str, str], described("values that the decision was made on, by name")
    ] = {}
    meta: Notes = {}


class CancelRaised(Event, frozen=True):
    """A request to cancel the open order of a signal of the same producer."""

    declared = Declaration("signals.cancel_raised", ("signal",), archive=("signals",))

    signal_id: OwnId
    producer: ProducerName
    strategy: StrategyName
    target: Target


class ReplaceRaised(Event, frozen=True):
    """A request to change the open order of a signal of the same producer."""

    declared = Declaration("signals.replace_raised", ("signal",), archive=("signals",))

    signal_id: OwnId
    producer: ProducerName
    strategy: StrategyName
    target: Target
    quantity: NewQuantity
    limit_price: NewLimitPrice
    stop_price: NewStopPrice


class DecisionDeferred(Event, frozen=True):
    """Strategies with orders at work decide on a bar only once its fills are recorded."""

    declared = Declaration("signals.decision_deferred", ("signal",))

    bar: Annotated[str, described("id of the bar that closed")]
    instrument: InstrumentName
    strategies: Annotated[list[str], described("strategies that wait, in order")]


class SignalRefused(Event, frozen=True):
    """A signal will not be acted on; `rule` is for programs, `reason` for people.

    docs/risk.md lists the rules and their units.
    """

    declared = Declaration(
        "signals.signal_refused",
        ("signal", "risk"),
        archive=("refusals",),
        timeline="instrument",
    )

    signal_id: OwnId
    producer: ProducerName
    strategy: StrategyName
    instrument: InstrumentName
    rule: Rule
    limit: RuleLimit
    measured: RuleMeasured
    limit_set_by: LimitSetBy
    reason: Reason
    evidence: Annotated[
        str, described("at most 512 characters of a message that could not be read")
    ] = ""


class MessagesRefused(Event, frozen=True):
    """Messages of a producer beyond its quota, which were not read.

    They are all of that producer's messages from `first_sequence` to `last_sequence`.
    """

    declared = Declaration("signals.messages_refused", ("signal",))

    producer: ProducerName
    rule: Rule
    limit: Annotated[Decimal, described("signals or bytes a second that the quota allows", "count")]
    measured: Annotated[
        Decimal,
        described("signals or bytes that were used up, with those of this refusal", "count"),
    ]
    limit_set_by: LimitSetBy
    reason: Reason
    count: Annotated[int, described("number of messages", "count")]
    bytes: Annotated[int, described("bytes of all of them", "count")]
    first_sequence: Annotated[int, described("sequence of the first in the log")]
    last_sequence: Annotated[int, described("sequence of the last in the log")]
