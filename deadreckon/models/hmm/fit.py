"""Fit of a Gaussian HMM: several seeds, the best kept, states labelled by their statistics."""

import logging
import warnings
from typing import Any

import numpy
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from deadreckon.contracts.codec import encode_event
from deadreckon.contracts.envelope import digest
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.models.hmm import features, forward_filter
from deadreckon.models.hmm.features import SCALE
from deadreckon.models.hmm.training import TrainingSet

Floats = NDArray[numpy.float64]

# A state in which the market spent less than this share of the window is not learnt from.
OCCUPANCY_MIN = 0.01
# A state is bull or bear when its mean return is this many standard errors from zero.
LABEL_ERRORS_MIN = 2.0


class SeedFit(Struct, frozen=True):
    """Result of one seed, in standardised features.

    States are in the order of their return's variance. `score` is the log-likelihood of the whole
    window, `bars` how many each state had.
    """

    seed: int
    score: float
    start: Floats
    transition: Floats
    means: Floats
    variances: Floats
    bars: Floats


class DegenerateFitError(ValueError):
    """A seed led to parameters no filter can use; the message starts with the rule's name."""


def fit(training: TrainingSet) -> RegimeModelFitted | RegimeModelRefused:
    """Return the best model of all seeds, or a refusal. Numeric trouble is never raised."""
    mean, scale = _moments(training.rows)
    if min(scale) <= 0:
        return _refuse(training, "flat_market: a feature never changed within the window")
    standard = numpy.array(
        [forward_filter.standardised(row, mean, scale) for row in training.rows], dtype=float
    )
    fits, troubles = _learn(standard / SCALE, training)
    if not fits:
        return _refuse(training, troubles[0])
    best = max(fits, key=lambda fit: (fit.score, -fit.seed))
    return _recorded(training, best, mean, scale)


def _refuse(training: TrainingSet, trouble: str) -> RegimeModelRefused:
    rule, _, reason = trouble.partition(": ")
    return RegimeModelRefused(training.strategy, training.instrument, rule, reason)


def _moments(rows: list[list[int]]) -> tuple[list[int], list[int]]:
    """Return mean and standard deviation of each feature, as integers of 1e-9."""
    table = numpy.array(rows, dtype=float)
    return _integers(table.mean(axis=0) / SCALE), _integers(table.std(axis=0) / SCALE)


def _learn(standard: Floats, training: TrainingSet) -> tuple[list[SeedFit], list[str]]:
    """Return the fits of the seeds, and the faults of those that gave none."""
    # Imported first, or its libraries are not there yet to be limited: the first fit of a process
    # would run with all their threads, 40 times as long, and perhaps to other last bits.
    import hmmlearn.hmm  # noqa: F401
    from threadpoolctl import threadpool_limits

    fits: list[SeedFit] = []
    troubles: list[str] = []
    # One thread: the order of a parallel sum would change the last bits, and it is faster too.
    with threadpool_limits(limits=1), warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in range(training.seeds):
            try:
                fits.append(_checked(_fit_seed(standard, training, seed)))
            except DegenerateFitError as error:
                troubles.append(str(error))
            except ValueError as error:  # numpy's LinAlgError is one too
                troubles.append(f"fit_failed: {error}")
    return fits, troubles


def _fit_seed(standard: Floats, training: TrainingSet, seed: int) -> SeedFit:
    from hmmlearn.hmm import GaussianHMM

    # It warns of what is judged here, and of few iterations, which are wanted.
    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    model = GaussianHMM(training.states, "diag", n_iter=training.iterations, random_state=seed)
    model.fit(standard)
    variances = numpy.array([numpy.diag(matrix) for matrix in model.covars_])
    order = numpy.argsort(variances[:, 0], kind="stable")
    return SeedFit(
        seed=seed,
        score=float(model.score(standard)),
        start=model.startprob_[order],
        transition=model.transmat_[order][:, order],
        means=model.means_[order],
        variances=variances[order],
        bars=model.predict_proba(standard).sum(axis=0)[order],
    )


def _checked(fit: SeedFit) -> SeedFit:
    parts = (fit.start, fit.transition, fit.means, fit.variances, fit.bars)
    if not all(numpy.isfinite(part).all() for part in parts) or not numpy.isfinite(fit.score):
        raise DegenerateFitError("not_finite: a parameter is not a number")
    share = float(fit.bars.min() / fit.bars.sum())
    if share < OCCUPANCY_MIN:
        raise DegenerateFitError(f"state_unvisited: a state held {share:.4f} of the window only")
    if fit.variances.min() * SCALE < 1:
        raise DegenerateFitError("no_variance: a state has a feature that never varies")
    return fit


def _recorded(
    training: TrainingSet, best: SeedFit, mean: list[int], scale: list[int]
) -> RegimeModelFitted:
    model = RegimeModelFitted(
        model_id="",
        strategy=training.strategy,
        instrument=training.instrument,
        states=training.states,
        labels=_labels(best, mean[0] / scale[0]),
        features=features.NAMES,
        feature_mean=mean,
        feature_scale=scale,
        start=_shares(best.start),
        transition=[_shares(row) for row in best.transition],
        means=[_integers(row) for row in best.means],
        variances=[_integers(row) for row in best.variances],
        log_likelihood=_integers(best.score / len(training.rows)),
        seed=best.seed,
        seeds=training.seeds,
        samples=len(training.rows),
        window_from=training.window_from,
        window_to=training.window_to,
    )
    model = replace(model, start=_belief_at_end(model, training.rows))
    return replace(model, model_id=digest(encode_event(model))[:32])


def _labels(best: SeedFit, mean_return: float) -> list[str]:
    """Return bull or bear where a state's mean return exceeds its own noise, chop elsewhere."""
    errors = numpy.sqrt(best.variances[:, 0] / best.bars)
    distances = (best.means[:, 0] + mean_return) / errors
    return [
        "bull" if far >= LABEL_ERRORS_MIN else "bear" if far <= -LABEL_ERRORS_MIN else "chop"
        for far in distances.tolist()
    ]


def _belief_at_end(model: RegimeModelFitted, rows: list[list[int]]) -> list[int]:
    """Return the filter's belief after the window's last bar, from which the next bar goes on."""
    constants = forward_filter.norms(model)
    belief = forward_filter.weigh(model, constants, model.start, rows[0])
    for row in rows[1:]:
        belief = forward_filter.step(model, constants, belief, row)
    return _whole(belief)


def _shares(row: Floats) -> list[int]:
    return _whole(_integers(row))


def _whole(shares: list[int]) -> list[int]:
    """Return shares that sum to exactly 1e9; the rest that rounding leaves goes to the largest."""
    largest = shares.index(max(shares))
    shares[largest] += SCALE - sum(shares)
    return shares


def _integers(numbers: Any) -> Any:
    """Round floats to integers of 1e-9: at this grain they are the same on every machine."""
    return numpy.rint(numpy.asarray(numbers) * SCALE).astype(numpy.int64).tolist()
