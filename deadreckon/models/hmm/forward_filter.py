"""Forward filter of a fitted regime model: the belief from bars up to this one only."""

from decimal import Context, Decimal
from operator import mul

from deadreckon.contracts.amounts import divide_half_even
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.models.hmm.features import SCALE

# Everything is integers and Decimal's correctly rounded exp and ln, so that a belief is the same
# on every machine. Logarithms are integers of 1e-12: finer than the 1e-9 of a belief by enough.
FINE = 12
_CONTEXT = Context(prec=16)
_WEIGHT = 10**40  # an exponential of 1
# A state this much (in ln) less likely than the best could not show in a belief of 1e-9, since
# what is predicted for it is at most 1e18 times what is predicted for the best.
_NEGLIGIBLE = -100 * 10**FINE


def norms(model: RegimeModelFitted) -> list[int]:
    """Return each state's constant of log density, -1/2 sum of ln(variance); integers of 1e-12."""
    return [-sum(_logarithm(variance) for variance in row) // 2 for row in model.variances]


def _logarithm(amount: int) -> int:
    exact = _CONTEXT.ln(Decimal(amount).scaleb(-9, _CONTEXT))
    return int(exact.scaleb(FINE, _CONTEXT).to_integral_value(context=_CONTEXT))


def step(
    model: RegimeModelFitted, constants: list[int], belief: list[int], vector: list[int]
) -> list[int]:
    """Return the belief after one more bar: predict by transitions, weigh by densities."""
    predicted = [sum(map(mul, belief, into)) for into in zip(*model.transition, strict=True)]
    return weigh(model, constants, predicted, vector)


def weigh(
    model: RegimeModelFitted, constants: list[int], predicted: list[int], vector: list[int]
) -> list[int]:
    """Return the belief given a bar's features, from a prediction (in any one unit)."""
    standard = standardised(vector, model.feature_mean, model.feature_scale)
    logarithms = [
        constant - _distance(standard, means, variances)
        for constant, means, variances in zip(constants, model.means, model.variances, strict=True)
    ]
    best = max(log for log, share in zip(logarithms, predicted, strict=True) if share)
    weights = [
        share * _exponential(log - best) if share else 0
        for log, share in zip(logarithms, predicted, strict=True)
    ]
    total = sum(weights)
    return [divide_half_even(weight * SCALE, total) for weight in weights]


def standardised(vector: list[int], mean: list[int], scale: list[int]) -> list[int]:
    """Return features less their mean, in units of their scale; integers of 1e-9."""
    return [
        divide_half_even((value - middle) * SCALE, unit)
        for value, middle, unit in zip(vector, mean, scale, strict=True)
    ]


def _distance(standard: list[int], means: list[int], variances: list[int]) -> int:
    """Return half the squared distance in units of the variance; an integer of 1e-12."""
    return sum(
        (value - mean) ** 2 * 1_000 // (2 * variance)
        for value, mean, variance in zip(standard, means, variances, strict=True)
    )


def _exponential(log: int) -> int:
    """Return exp of an integer of 1e-12 (at most 0), as an integer of 1e-40."""
    if log == 0:
        return _WEIGHT
    if log < _NEGLIGIBLE:
        return 0
    exact = _CONTEXT.exp(_CONTEXT.scaleb(log, -FINE))
    return int(_CONTEXT.scaleb(exact, 40))
