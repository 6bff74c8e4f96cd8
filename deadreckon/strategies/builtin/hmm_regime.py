"""Hidden-Markov regimes: hold what the likelier regime favours, leave when it fades."""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, from_units
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.models.hmm import features, forward_filter
from deadreckon.models.hmm.features import FeatureWindow
from deadreckon.models.hmm.training import HmmTraining
from deadreckon.strategies.parameters import EntryParameters, check_bounds, parameter
from deadreckon.strategies.strategy import NO_DECISION, Decision, Explanation, Strategy

LABELS = ("bull", "bear", "chop")
ONE = Decimal(1)
CERTAIN = 1_000_000_000  # probability 1, in 1e-9


class RegimeParameters(EntryParameters, frozen=True):
    """Thresholds of probability, and how the model is fitted."""

    enter: Annotated[
        Decimal, parameter("probability", "of a side from which it is entered", gt=ZERO, le=ONE)
    ] = Decimal("0.6")
    # Its bounds stand in one check, whose words a refusal of 0.1.0 has: none is declared.
    leave: Annotated[
        Decimal, parameter("probability", "below which a side is left; from 0 up to `enter`")
    ] = Decimal("0.4")
    window: Annotated[int, parameter("bars", "a fit learns from", ge=100, le=20_000)] = 1_440
    refit_every: Annotated[int, parameter("bars", "from one fit to the next", ge=1)] = 7_200
    states: Annotated[int, parameter("states", "of the model", ge=2, le=8)] = 3
    seeds: Annotated[int, parameter("starts", "per fit; the likeliest is kept", ge=1, le=100)] = 5
    iterations: Annotated[int, parameter("steps", "of each start", ge=1, le=1_000)] = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds("leave", self.leave, {"ge": ZERO, "le": self.enter})


class RegimeState(Struct):
    """The model in force and what it believes now.

    `belief` is a probability per state in 1e-9: that of the model's window end when it was adopted,
    then moved bar by bar. `fresh` says that the last bar moved it.
    """

    window: FeatureWindow
    model: RegimeModelFitted | None = None
    norms: list[int] = []
    belief: list[int] = []
    fresh: bool = False


class HmmRegime(Strategy[RegimeParameters, RegimeState]):
    """Enter a side that is likely enough; leave one that no longer is."""

    name = "hmm_regime"
    version = "1"
    parameters = RegimeParameters
    state = RegimeState

    def initial(self, parameters: RegimeParameters) -> RegimeState:
        """Return the state before the first bar."""
        return RegimeState(FeatureWindow())

    def adapt(self, state: RegimeState, parameters: RegimeParameters) -> RegimeState:
        """Keep the model and what it believes."""
        return state

    def training(self, parameters: RegimeParameters) -> HmmTraining:
        """Return how the trainer fits the model."""
        return HmmTraining(
            parameters.window,
            parameters.refit_every,
            parameters.states,
            parameters.seeds,
            parameters.iterations,
        )

    def model_fault(self, model: RegimeModelFitted) -> str:
        """Return which features a model was fitted on, where this program computes others."""
        if model.features == features.NAMES:
            return ""
        return f"model {model.model_id} was fitted on other features: {', '.join(model.features)}"

    def evolve(
        self, state: RegimeState, parameters: RegimeParameters, record: Recorded[Any]
    ) -> RegimeState:
        """Add a bar, or filter with a new model from the next bar on."""
        match record.event:
            case BarClosed(close=close):
                _advance(state, close)
            case RegimeModelFitted() as model if not self.model_fault(model):
                state.model = model
                state.norms = forward_filter.norms(model)
                state.belief = model.start
                state.fresh = False
        return state

    def decide(self, state: RegimeState, parameters: RegimeParameters, held: Decimal) -> Decision:
        """Enter what is likely enough, leave what no longer is; nothing without a fresh belief."""
        if state.model is None or not state.fresh:
            return NO_DECISION
        bull, bear = probability(state, "bull"), probability(state, "bear")
        enter = parameters.enter.scaleb(9, EXACT)
        leave = parameters.leave.scaleb(9, EXACT)
        side: Side | None = "buy" if bull >= enter else "sell" if bear >= enter else None
        if side is None and not held:
            return NO_DECISION
        shares = _shares(state)
        return Decision(
            enter=side,
            leave_long=bull < leave,
            leave_short=bear < leave,
            confidence=None if side is None else shares["bull" if side == "buy" else "bear"],
            features=shares,
            model_id=state.model.model_id,
        )

    def explain(self, state: RegimeState, parameters: RegimeParameters) -> Explanation:
        """Return the probabilities of the three labels, or what is missing for them."""
        if state.fresh:
            thresholds = {"enter": parameters.enter, "leave": parameters.leave}
            return Explanation("", "too_unsure", {**_shares(state), **thresholds})
        bars = len(state.window.returns)
        needed = features.DRIFT_BARS
        figures = {"bars": Decimal(bars), "bars_needed": Decimal(needed)}
        if state.model is None:
            return Explanation("no_model", "no_model", figures)
        no_view = "warming_up" if bars < needed else "new_model"
        return Explanation(no_view, no_view, figures)


def _advance(state: RegimeState, close: Decimal) -> None:
    """Add a bar: its features, and the belief they lead to."""
    vector = features.advance(state.window, close)
    state.fresh = vector is not None and state.model is not None
    if vector is not None and state.model is not None:
        state.belief = forward_filter.step(state.model, state.norms, state.belief, vector)


def _shares(state: RegimeState) -> dict[str, Decimal]:
    """Return the probabilities of the three labels, as shares of 1."""
    return {name: from_units(probability(state, name), 9) for name in LABELS}


def probability(state: RegimeState, label: str) -> int:
    """Return how likely the states of a label are together, in 1e-9, at most 1."""
    if state.model is None:
        return 0
    shares = zip(state.belief, state.model.labels, strict=True)
    together = sum(share for share, name in shares if name == label)
    return min(together, CERTAIN)  # each share was rounded by itself
