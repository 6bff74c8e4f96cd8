"""Every raised signal: trades, cancels and replaces. Its outcome is in `orders` and `refusals`,
under the same book, producer and signal_id."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRaised
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import document

READS = (SignalRaised, CancelRaised, ReplaceRaised)


class SignalRow(TableRow, frozen=True, array_like=True, gc=False):
    """One raised signal. Prices in quote currency."""

    kind: Annotated[str, "trade, cancel or replace"] = ""
    signal_id: Annotated[str, "the producer's own id; unique per book and producer"] = ""
    producer: Annotated[str, "who sent it; empty for built-in strategies"] = ""
    strategy: Annotated[str, "the strategy it belongs to"] = ""
    instrument: Annotated[str | None, "SYMBOL.VENUE; null for cancel and replace"] = None
    side: Annotated[str | None, "buy or sell"] = None
    quantity: Annotated[Decimal | None, "base units or contracts; new total of a replace"] = None
    notional: Annotated[Decimal | None, "quote currency, in place of quantity"] = None
    order_type: Annotated[str | None, "market, limit, stop or stop_limit"] = None
    limit_price: Annotated[Decimal | None, "quote currency"] = None
    stop_price: Annotated[Decimal | None, "quote currency"] = None
    time_in_force: Annotated[str | None, "gtc, ioc or fok"] = None
    post_only: Annotated[bool | None, "only as a maker"] = None
    reduce_only: Annotated[bool | None, "only to make a position smaller"] = None
    confidence: Annotated[Decimal | None, "0 to 1, as the strategy sees it"] = None
    stop_loss: Annotated[Decimal | None, "price that protects the filled order"] = None
    take_profit: Annotated[Decimal | None, "price at which the profit is taken"] = None
    claimed_at: Annotated[int | None, "the producer's own time, nanoseconds UTC"] = None
    expires_at: Annotated[int | None, "when the signal expires, nanoseconds UTC"] = None
    target: Annotated[str | None, "signal_id that a cancel or replace is about"] = None
    model_id: Annotated[str, "hash of the model it was decided on; empty: none"] = ""
    features: Annotated[str, "JSON object: what it was decided on"] = "{}"
    meta: Annotated[str, "JSON object: the producer's own remarks"] = "{}"


def initial() -> SignalRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: SignalRow, record: Recorded[Any]) -> SignalRow:
    """Return the row of a raised signal."""
    match record.event:
        case SignalRaised() as signal:
            return _trade(record, signal)
        case CancelRaised() as signal:
            return SignalRow(
                *origin(record),
                kind="cancel",
                signal_id=signal.signal_id,
                producer=signal.producer,
                strategy=signal.strategy,
                target=signal.target,
            )
        case ReplaceRaised() as signal:
            return _replace(record, signal)
        case _:
            return row


def _trade(record: Recorded[Any], signal: SignalRaised) -> SignalRow:
    return SignalRow(
        *origin(record),
        kind="trade",
        signal_id=signal.signal_id,
        producer=signal.producer,
        strategy=signal.strategy,
        instrument=signal.instrument,
        side=signal.side,
        quantity=signal.quantity,
        notional=signal.notional,
        order_type=signal.order_type,
        limit_price=signal.limit_price,
        stop_price=signal.stop_price,
        time_in_force=signal.time_in_force,
        post_only=signal.post_only,
        reduce_only=signal.reduce_only,
        confidence=signal.confidence,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        claimed_at=signal.claimed_at,
        expires_at=signal.expires_at,
        model_id=signal.model_id,
        features=document(signal.features) if signal.features else "{}",
        meta=document(signal.meta) if signal.meta else "{}",
    )


def _replace(record: Recorded[Any], signal: ReplaceRaised) -> SignalRow:
    return SignalRow(
        *origin(record),
        kind="replace",
        signal_id=signal.signal_id,
        producer=signal.producer,
        strategy=signal.strategy,
        quantity=signal.quantity,
        limit_price=signal.limit_price,
        stop_price=signal.stop_price,
        target=signal.target,
    )


_BLANK = SignalRow()
