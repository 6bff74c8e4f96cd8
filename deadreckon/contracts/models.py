"""Fitted regime models, with every number that a decider needs to filter with them."""

from typing import Annotated, TypeGuard

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import InstrumentName, Reason, Rule, StrategyName
from deadreckon.contracts.units import described


class RegimeModelFitted(Event, frozen=True):
    """A Gaussian hidden Markov model was fitted to features of closed bars.

    States are ordered by their volatility, the calmest first. Fractions are integers of 1e-9.
    """

    declared = Declaration("models.regime_model_fitted", ("trainer",), timeline="instrument")

    model_id: Annotated[str, described("hash of the whole model")]
    strategy: StrategyName
    instrument: InstrumentName
    states: Annotated[int, described("number of states", "count")]
    labels: Annotated[
        list[str], described("name of each state by its statistics: `bull`, `bear` or `chop`")
    ]
    features: Annotated[list[str], described("names of the input columns")]
    feature_mean: Annotated[
        list[int], described("mean of each feature, taken off the input; units of 1e-9", "nano")
    ]
    feature_scale: Annotated[
        list[int], described("scale of each feature, divides the input; units of 1e-9", "nano")
    ]
    start: Annotated[
        list[int],
        described("probability of each state after the last bar of the window, 1e-9", "nano"),
    ]
    transition: Annotated[
        list[list[int]],
        described("probability of each state after each state; rows sum to 1e9", "nano"),
    ]
    means: Annotated[
        list[list[int]], described("mean of each feature in each state, units of 1e-9", "nano")
    ]
    variances: Annotated[
        list[list[int]], described("variance of each feature in each state, units of 1e-9", "nano")
    ]
    log_likelihood: Annotated[int, described("log likelihood per sample, units of 1e-9", "nano")]
    seed: Annotated[int, described("random seed of the fit that was best")]
    seeds: Annotated[int, described("number of seeds that were tried", "count")]
    samples: Annotated[int, described("number of bars in the window", "count")]
    window_from: Annotated[
        int, described("bars of the window close after this, nanoseconds UTC", "timestamp")
    ]
    window_to: Annotated[
        int, described("close of the window's last bar, nanoseconds UTC", "timestamp")
    ]


class RegimeModelRefused(Event, frozen=True):
    """A fit gave nothing usable; the model in force stays."""

    declared = Declaration("models.regime_model_refused", ("trainer",), timeline="instrument")

    strategy: StrategyName
    instrument: InstrumentName
    rule: Rule
    reason: Reason


FITTED: tuple[type[Event], ...] = (RegimeModelFitted,)


def is_fitted(event: Event) -> TypeGuard[RegimeModelFitted]:
    """Return True for the event of a fitted model, whatever its kind; each names its strategy and
    instrument."""
    return isinstance(event, FITTED)
