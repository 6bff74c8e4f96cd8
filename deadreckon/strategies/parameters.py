"""A strategy's parameters: texts of `StrategyConfigured`, read strictly into what they mean."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from deadreckon.contracts.amounts import is_sane
from deadreckon.contracts.governance import StrategyConfigured

Seconds = Annotated[int, Meta(ge=0, le=31_536_000)]
Bars = Annotated[int, Meta(ge=1, le=20_000)]  # what a window may hold in memory


class EntryParameters(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all strategies share: how they enter and leave. docs/strategies.md explains each."""

    bar_seconds: Annotated[int, Meta(ge=1)] | None = None  # null: bars of any length
    cooldown_seconds: Seconds = 900
    exit_retry_seconds: Seconds = 300
    long_only: bool = False
    reverse: bool = True
    stop_loss_bps: Decimal | None = None
    take_profit_bps: Decimal | None = None
    ttl_seconds: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None

    def __post_init__(self) -> None:
        for name in ("stop_loss_bps", "take_profit_bps"):
            _within(name, getattr(self, name), above=Decimal(0), below=Decimal(10_000))


class MovingAverageParameters(EntryParameters, frozen=True, tag="moving_average_cross"):
    """Follows the sign of the fast average less the slow one."""

    fast: Bars = 9
    slow: Bars = 21
    confidence_scale: Decimal = Decimal(1_000)
    confidence_min: Decimal = Decimal(0)
    exit: Literal["cross", "bracket"] = "cross"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fast >= self.slow:
            raise ValueError(f"fast: expected less than slow ({self.slow}), found {self.fast}")
        _within("confidence_scale", self.confidence_scale, above=Decimal(0))
        _within("confidence_min", self.confidence_min, least=Decimal(0), most=Decimal(1))
        if self.exit == "bracket" and self.stop_loss_bps is None:
            raise ValueError("exit: bracket needs stop_loss_bps, or nothing would ever close")


class RegimeParameters(EntryParameters, frozen=True, tag="hmm_regime"):
    """Holds what the likelier regime favours, by a model that the trainer fits."""

    enter: Decimal = Decimal("0.6")
    leave: Decimal = Decimal("0.4")
    window: Annotated[int, Meta(ge=100, le=20_000)] = 1_440
    refit_every: Annotated[int, Meta(ge=1)] = 7_200
    states: Annotated[int, Meta(ge=2, le=8)] = 3
    seeds: Annotated[int, Meta(ge=1, le=100)] = 5
    iterations: Annotated[int, Meta(ge=1, le=1_000)] = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("enter", self.enter, above=Decimal(0), most=Decimal(1))
        _within("leave", self.leave, least=Decimal(0), most=self.enter)


StrategyParameters = MovingAverageParameters | RegimeParameters
KINDS = ("moving_average_cross", "hmm_regime")


class ParameterFault(Struct, frozen=True):
    """Why a configuration cannot run: `rule` for machines, `reason` naming the parameter."""

    rule: str
    reason: str


def read_parameters(configured: StrategyConfigured) -> StrategyParameters | ParameterFault:
    """What the parameters mean, or what is wrong with them; unknown names are wrong too."""
    if configured.kind not in KINDS:
        known = ", ".join(KINDS)
        return ParameterFault("unknown_strategy_kind", f"{configured.kind!r} is none of {known}")
    if configured.notional <= 0:
        return ParameterFault("bad_parameter", f"notional: {configured.notional} is not positive")
    if "kind" in configured.parameters:
        return ParameterFault("bad_parameter", "kind: is a field of its own, not a parameter")
    texts = configured.parameters | {"kind": configured.kind}
    try:
        settings: StrategyParameters = msgspec.convert(texts, StrategyParameters, strict=False)
    except (msgspec.ValidationError, ArithmeticError) as error:
        return ParameterFault("bad_parameter", str(error))
    return settings


def _within(
    name: str,
    amount: Decimal | None,
    *,
    above: Decimal | None = None,
    least: Decimal | None = None,
    below: Decimal | None = None,
    most: Decimal | None = None,
) -> None:
    """Raise ValueError naming the parameter unless the amount is sane and within its bounds."""
    if amount is None:
        return
    ok = is_sane(amount)
    ok = ok and (above is None or amount > above) and (least is None or amount >= least)
    ok = ok and (below is None or amount < below) and (most is None or amount <= most)
    if not ok:
        bounds = {"above": above, "at least": least, "below": below, "at most": most}
        wanted = ", ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
        raise ValueError(f"{name}: expected {wanted}, found {amount}")
