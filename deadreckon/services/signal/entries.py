"""From a strategy's stance to its wishes: first leave what it holds, then enter anew."""

from collections.abc import Iterator
from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, ratio
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.signals import SignalRaised
from deadreckon.strategies.builtin import hmm_regime, moving_average_cross
from deadreckon.strategies.builtin.hmm_regime import RegimeState
from deadreckon.strategies.builtin.moving_average_cross import MovingAverageState
from deadreckon.strategies.state import StrategyInstance
from deadreckon.strategies.view import Decision, Rationale

BASIS_POINTS = Decimal(10_000)


def signals_at(
    name: str, strategy: StrategyInstance, record: Recorded[BarClosed]
) -> Iterator[SignalRaised]:
    """What an enabled strategy wishes at this bar, an exit before an entry."""
    mind = strategy.mind
    if mind is None or not strategy.enabled:
        return
    stance = decision_of(mind)
    held = strategy.held.get(strategy.instrument, ZERO)
    leaves = stance.leave_long if held > 0 else held < 0 and stance.leave_short
    exits = leaves and not too_soon(strategy.left_at, mind.settings.exit_retry_seconds, record.at)
    if exits:
        yield _exit(name, strategy, mind, record, held)
    side = stance.enter
    if side is None or (side == "sell" and mind.settings.long_only):
        return
    if held and not (exits and mind.settings.reverse):
        return
    if not too_soon(strategy.entered_at, mind.settings.cooldown_seconds, record.at):
        yield _entry(name, strategy, mind, record, side)


def decision_of(mind: MovingAverageState | RegimeState) -> Decision:
    """What its view of the market alone would have it do."""
    if isinstance(mind, MovingAverageState):
        return moving_average_cross.stance(mind)
    return hmm_regime.stance(mind)


def rationale_of(mind: MovingAverageState | RegimeState, side: Side) -> Rationale:
    """What such a wish would rest on."""
    if isinstance(mind, MovingAverageState):
        return moving_average_cross.grounds(mind)
    return hmm_regime.grounds(mind, side)


def too_soon(since: int | None, seconds: int, at: int) -> bool:
    """Whether fewer than so many seconds have passed since a moment, both in nanoseconds UTC."""
    return since is not None and at - since < seconds * NANOSECONDS


def _exit(
    name: str,
    strategy: StrategyInstance,
    mind: MovingAverageState | RegimeState,
    record: Recorded[BarClosed],
    held: Decimal,
) -> SignalRaised:
    """All of what is held, at market; without a confidence, which could keep it from leaving."""
    side: Side = "sell" if held > 0 else "buy"
    grounds = rationale_of(mind, side)
    return SignalRaised(
        signal_id=_signal_id(name, record, "exit"),
        producer="",
        strategy=name,
        instrument=strategy.instrument,
        side=side,
        quantity=held.copy_abs(),
        notional=None,
        reduce_only=True,
        claimed_at=record.at,
        model_id=grounds.model_id,
        features=grounds.features,
    )


def _entry(
    name: str,
    strategy: StrategyInstance,
    mind: MovingAverageState | RegimeState,
    record: Recorded[BarClosed],
    side: Side,
) -> SignalRaised:
    grounds, settings = rationale_of(mind, side), mind.settings
    close, ahead = record.event.close, 1 if side == "buy" else -1
    ttl = settings.ttl_seconds
    return SignalRaised(
        signal_id=_signal_id(name, record, "entry"),
        producer="",
        strategy=name,
        instrument=strategy.instrument,
        side=side,
        quantity=None,
        notional=strategy.notional,
        confidence=grounds.confidence,
        stop_loss=_beside(close, settings.stop_loss_bps, -ahead),
        take_profit=_beside(close, settings.take_profit_bps, ahead),
        claimed_at=record.at,
        expires_at=None if ttl is None else record.at + ttl * NANOSECONDS,
        model_id=grounds.model_id,
        features=grounds.features,
    )


def _signal_id(name: str, record: Recorded[BarClosed], what: str) -> str:
    """Unique for a strategy and bar, whatever the ids of bars look like."""
    return f"{name}-{derive_id(record.id, name, 0)[:16]}-{what}"


def _beside(close: Decimal, basis_points: Decimal | None, ahead: int) -> Decimal | None:
    """The price so many basis points above (ahead 1) or below (-1) the close, to 18 decimals."""
    if basis_points is None:
        return None
    share = EXACT.fma(basis_points, Decimal(ahead), BASIS_POINTS)
    return ratio(EXACT.multiply(close, share), BASIS_POINTS, SCALE_MAX)
