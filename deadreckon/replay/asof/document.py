"""JSON document of `dr replay asof`: the book at a point of the log, as known then and now."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from deadreckon.contracts.limits import LimitsSet

Amount = Annotated[str, Meta(description="exact decimal")]
Time = Annotated[str, Meta(description="RFC 3339, UTC")]
Age = Annotated[float, Meta(description="seconds of decision time; null: unknown")]


class SetByDocument(Struct, frozen=True):
    """The event that put something in force."""

    id: str
    sequence: int
    index: int
    actor: Annotated[str, Meta(description="a person, or the publishing service")]
    reason: str
    at: Annotated[Time | None, Meta(description="decision time; null before any clock")]
    age_seconds: Age | None


class EquityDocument(Struct, frozen=True):
    """Equity and its parts at the marks of the point, in the reporting currency."""

    currency: str
    equity: Amount
    cash: Amount
    holdings: Amount
    unrealised_perpetual: Amount
    realised: Amount
    unrealised: Amount
    fees: Amount
    funding: Amount
    net: Annotated[Amount, Meta(description="realised - fees + unrealised + funding")]
    exposure_gross: Amount
    exposure_net: Amount
    deposited: Annotated[Amount, Meta(description="deposits less withdrawals")]
    peak: Annotated[Amount | None, Meta(description="of the last equity mark; null before one")]
    unpriced: Annotated[list[str], Meta(description="instruments held without a price")]


class PositionDocument(Struct, frozen=True):
    """A position; amounts in `currency`, the instrument's quote currency."""

    strategy: str
    venue: str
    instrument: str
    quantity: Annotated[Amount, Meta(description="signed; base units or contracts")]
    average_price: Amount
    cost: Amount
    mark: Annotated[Amount | None, Meta(description="null before the first price")]
    realised: Amount
    unrealised: Amount | None
    fees: Annotated[dict[str, Amount], Meta(description="paid, by currency")]
    funding: Annotated[Amount, Meta(description="positive: received")]
    currency: str


class OrderDocument(Struct, frozen=True):
    """An open order, with the columns of the table `orders` that concern open orders."""

    order_id: str
    parent_id: str | None
    client_order_id: str | None
    status: str
    strategy: str
    instrument: str
    venue: str
    side: str
    purpose: str
    order_type: str
    time_in_force: str
    reduce_only: bool
    quantity: Amount | None
    notional: Amount | None
    leaves: Amount | None
    filled_quantity: Amount
    average_price: Amount | None
    limit_price: Amount | None
    stop_price: Amount | None
    cancelling: bool
    age_seconds: Annotated[Age | None, Meta(description="since approval or submission")]


class HaltDocument(Struct, frozen=True):
    """A halt in force; `limit` and `measured` are in the unit of the rule that imposed it."""

    id: str
    scope: Annotated[str, Meta(description="close_only or all")]
    rule: Annotated[str, Meta(description="empty for an operator's halt")]
    until: Annotated[Time | None, Meta(description="when it expires; null: on a resume")]
    limit: Amount | None
    measured: Amount | None
    limit_set_by: str | None
    acknowledged: Annotated[list[str], Meta(description="services that obey it")]
    set_by: SetByDocument


if TYPE_CHECKING:
    LimitValues = Struct
else:
    LimitValues = msgspec.defstruct(
        "LimitValues",
        [
            (field.name, field.type)
            for field in msgspec.structs.fields(LimitsSet)
            if field.name not in ("actor", "reason")
        ],
        frozen=True,
        module=__name__,
    )


class LimitsDocument(Struct, frozen=True):
    """The limits in force, as `LimitsSet` has them."""

    set_by: SetByDocument
    values: LimitValues


class AllocationDocument(Struct, frozen=True):
    """A strategy's cap and what it uses, in the reporting currency."""

    strategy: str
    cap: Annotated[Amount | None, Meta(description="null: no cap")]
    exposure: Annotated[Amount, Meta(description="gross exposure at marks")]
    weight: Annotated[
        Amount | None, Meta(description="exposure / equity; null unless equity is positive")
    ]


class StrategyDocument(Struct, frozen=True, omit_defaults=True):
    """A strategy's latest settings. Configurations of 0.1.0 name no code."""

    strategy: str
    kind: str
    instrument: str
    enabled: bool
    notional: Annotated[Amount, Meta(description="size of one entry, quote currency")]
    parameters: dict[str, str]
    set_by: SetByDocument
    implementation: str = ""
    version: str = ""
    code: Annotated[str, Meta(description="SHA-256 (hex) of the implementation's source")] = ""


class ModelDocument(Struct, frozen=True):
    """A strategy's latest fitted model, and its training window."""

    model_id: str
    strategy: str
    instrument: str
    states: int
    labels: list[str]
    samples: int
    window_from: Time
    window_to: Time
    set_by: SetByDocument


class MarkDocument(Struct, frozen=True):
    """An instrument's mark."""

    instrument: str
    price: Amount
    at: Time
    age_seconds: Age | None


class BookDocument(Struct, frozen=True):
    """Everything known of a book at a point; equal logs give equal digests."""

    equity: EquityDocument
    cash: Annotated[dict[str, Amount], Meta(description="by currency")]
    positions: list[PositionDocument]
    orders: Annotated[list[OrderDocument], Meta(description="open orders")]
    halts: Annotated[list[HaltDocument], Meta(description="halts in force")]
    limits: Annotated[LimitsDocument | None, Meta(description="null: nothing trades")]
    allocations: list[AllocationDocument]
    strategies: list[StrategyDocument]
    models: list[ModelDocument]
    marks: list[MarkDocument]
    digest: Annotated[str, Meta(description="SHA-256 of everything above")] = ""


class DifferenceDocument(Struct, frozen=True):
    """A value that is known differently now than then."""

    path: Annotated[str, Meta(description="keys joined with dots; list entries by name")]
    then: Annotated[Any, Meta(description="null: missing then")]
    now: Annotated[Any, Meta(description="null: missing now")]
    difference: Annotated[Amount | None, Meta(description="now - then; null unless amounts")]


class LateEventDocument(Struct, frozen=True):
    """An event due by the point and recorded after it."""

    id: str
    type: str
    sequence: int
    index: int
    effective_at: Time
    recorded_at: Time
    late_by_seconds: float
    says: Annotated[str, Meta(description="description for people")]


class AsofDocument(Struct, frozen=True):
    """The book at a point of the log; the view that was not requested is null."""

    asked: Annotated[str, Meta(description="the point as requested")]
    book: str
    sequence: Annotated[int, Meta(description="of the last message folded")]
    index: Annotated[int, Meta(description="of its last event folded")]
    at: Annotated[Time, Meta(description="decision time")]
    last_sequence: Annotated[int, Meta(description="end of the log")]
    then: Annotated[BookDocument | None, Meta(description="as known at the point")]
    now: Annotated[BookDocument | None, Meta(description="with late events that were due")]
    differences: list[DifferenceDocument]
    late: list[LateEventDocument]
