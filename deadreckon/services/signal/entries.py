"""Signals from a strategy's decision: first leave what it holds, then enter anew."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ratio
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.signal.instance import StrategyInstance
from deadreckon.strategies.registry import Setup
from deadreckon.strategies.strategy import Decision

BASIS_POINTS = Decimal(10_000)
# The life of an entry: the view that it works for is three bars old then.
ENTRY_BARS = 3


def signals_at(
    name: str, instance: StrategyInstance, record: Recorded[BarClosed]
) -> Iterator[SignalRaised]:
    """Yield what an enabled strategy raises at this bar, an exit before an entry."""
    setup = instance.running
    if setup is None or not instance.configured.enabled:
        return
    parameters, held = setup.parameters, instance.position
    decision = setup.strategy.decide(instance.memory, parameters, held)
    exits = decision.leaves(held) and not too_soon(
        instance.left_at, parameters.exit_retry_seconds, record.at
    )
    if exits:
        yield _exit(name, setup, decision, record, held)
    side = decision.enter
    if side is None or (side == "sell" and parameters.long_only):
        return
    if held and not (exits and parameters.reverse):
        return
    if not too_soon(instance.entered_at, parameters.cooldown_seconds, record.at):
        yield _entry(name, instance, setup, decision, record, side)


def too_soon(since: int | None, seconds: int, at: int) -> bool:
    """Return True when fewer than so many seconds have passed; both times in nanoseconds UTC."""
    return since is not None and at - since < seconds * NANOSECONDS


def _exit(
    name: str, setup: Setup, decision: Decision, record: Recorded[BarClosed], held: Decimal
) -> SignalRaised:
    """Return an exit of all that is held, at market; without confidence, which could hinder it."""
    return SignalRaised(
        signal_id=_signal_id(name, record, "exit"),
        producer="",
        strategy=name,
        instrument=record.event.instrument,
        side="sell" if held > 0 else "buy",
        quantity=held.copy_abs(),
        notional=None,
        reduce_only=True,
        claimed_at=record.at,
        model_id=_model_id(setup, decision),
        features=_texts(decision.features),
    )


def _entry(
    name: str,
    instance: StrategyInstance,
    setup: Setup,
    decision: Decision,
    record: Recorded[BarClosed],
    side: Side,
) -> SignalRaised:
    parameters, close = setup.parameters, record.event.close
    quantity = instance.configured.quantity
    ahead = 1 if side == "buy" else -1
    ttl = parameters.ttl_seconds
    lifetime = ENTRY_BARS * record.event.interval if ttl is None else ttl * NANOSECONDS
    return SignalRaised(
        signal_id=_signal_id(name, record, "entry"),
        producer="",
        strategy=name,
        instrument=record.event.instrument,
        side=side,
        quantity=quantity,
        notional=instance.configured.notional if quantity is None else None,
        confidence=decision.confidence,
        stop_loss=_price_away(close, parameters.stop_loss_bps, -ahead),
        take_profit=_price_away(close, parameters.take_profit_bps, ahead),
        claimed_at=record.at,
        expires_at=record.at + lifetime,
        model_id=_model_id(setup, decision),
        features=_texts(decision.features),
    )


def _model_id(setup: Setup, decision: Decision) -> str:
    return decision.model_id or f"{setup.strategy.name}/{setup.strategy.version}"


def _texts(features: Mapping[str, Decimal | str]) -> dict[str, str]:
    return {
        name: format(value, "f") if isinstance(value, Decimal) else value
        for name, value in features.items()
    }


def _signal_id(name: str, record: Recorded[BarClosed], what: str) -> str:
    """Return an id that is unique for a strategy and bar, whatever the ids of bars look like."""
    return f"{name}-{derive_id(record.id, name, 0)[:16]}-{what}"


def _price_away(close: Decimal, basis_points: Decimal | None, ahead: int) -> Decimal | None:
    """Return the price so many basis points above (ahead 1) or below (-1) the close, to 18
    decimals."""
    if basis_points is None:
        return None
    share = EXACT.fma(basis_points, Decimal(ahead), BASIS_POINTS)
    return ratio(EXACT.multiply(close, share), BASIS_POINTS, SCALE_MAX)
