"""Hidden-Markov regimes: hold what the likelier regime favours, leave when it fades."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, from_units
from deadreckon.contracts.fields import Side
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.models.hmm import features, forward_filter
from deadreckon.models.hmm.features import FeatureWindow
from deadreckon.strategies.parameters import RegimeParameters
from deadreckon.strategies.view import SILENT, Decision, Rationale

LABELS = ("bull", "bear", "chop")


class RegimeState(Struct, tag=True):
    """The model in force and what it believes now.

    `belief` is a probability per state in 1e-9: that of the model's window end when it was
    adopted, then moved bar by bar. `fresh` tells whether the last bar moved it.
    """

    settings: RegimeParameters
    tail: FeatureWindow
    model: RegimeModelFitted | None = None
    norms: list[int] = []
    belief: list[int] = []
    fresh: bool = False


def usable(model: RegimeModelFitted) -> bool:
    """Whether the model was fitted on the features this program computes."""
    return model.features == features.NAMES


def adopt(regime: RegimeState, model: RegimeModelFitted) -> None:
    """Filter with this model from the next bar on; one on other features takes nothing over."""
    if not usable(model):
        return
    regime.model = model
    regime.norms = forward_filter.norms(model)
    regime.belief = model.start
    regime.fresh = False


def advance(regime: RegimeState, close: Decimal) -> None:
    """Add a bar: its features, and the belief they lead to."""
    vector = features.advance(regime.tail, close)
    regime.fresh = vector is not None and regime.model is not None
    if vector is not None and regime.model is not None:
        regime.belief = forward_filter.step(regime.model, regime.norms, regime.belief, vector)


def stance(regime: RegimeState) -> Decision:
    """Enter what is likely enough, leave what is no longer; silent without a fresh belief."""
    if not regime.fresh:
        return SILENT
    bull, bear = probability(regime, "bull"), probability(regime, "bear")
    enter = regime.settings.enter.scaleb(9, EXACT)
    leave = regime.settings.leave.scaleb(9, EXACT)
    side: Side | None = "buy" if bull >= enter else "sell" if bear >= enter else None
    return Decision(enter=side, leave_long=bull < leave, leave_short=bear < leave)


def grounds(regime: RegimeState, side: Side) -> Rationale:
    """The probabilities of the three labels; the confidence is that of the side."""
    if regime.model is None:
        raise AssertionError("a stance without a model")  # stance() is silent without one
    shares = {name: from_units(probability(regime, name), 9) for name in LABELS}
    return Rationale(
        confidence=shares["bull" if side == "buy" else "bear"],
        model_id=regime.model.model_id,
        features={name: format(share, "f") for name, share in shares.items()},
    )


def probability(regime: RegimeState, label: str) -> int:
    """How likely the states of a label are together, in 1e-9."""
    if regime.model is None:
        return 0
    shares = zip(regime.belief, regime.model.labels, strict=True)
    return sum(share for share, name in shares if name == label)
