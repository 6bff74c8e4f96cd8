"""What was learnt: fitted regime models with everything a decider needs to filter with them."""

from deadreckon.contracts.event import Event


class RegimeModelFitted(Event, frozen=True):
    """A Gaussian HMM over bar features; what is fractional is an integer in units of 1e-9.

    There are `states` of them, ordered by their volatility (calm first), never by raw index;
    `labels` names each by its statistics: bull, bear or chop. `features` names the input columns.
    `start` (the belief after the window's last bar), `transition` (rows sum to 1e9), `means` and
    `variances` (state x feature) are the model; `feature_mean` and `feature_scale` standardise the
    input; all in units of 1e-9. `model_id` is the hash of all of it. `seed` won among `seeds`, by
    `log_likelihood` per sample (units of 1e-9). The window of `samples` bars covers those closing
    in (`window_from`, `window_to`], nanoseconds UTC.
    """

    model_id: str
    strategy: str
    instrument: str
    states: int
    labels: list[str]
    features: list[str]
    feature_mean: list[int]
    feature_scale: list[int]
    start: list[int]
    transition: list[list[int]]
    means: list[list[int]]
    variances: list[list[int]]
    log_likelihood: int
    seed: int
    seeds: int
    samples: int
    window_from: int
    window_to: int


class RegimeModelRefused(Event, frozen=True):
    """A fit was tried and gave nothing usable; the model in force stays. `rule` names why."""

    strategy: str
    instrument: str
    rule: str
    reason: str
