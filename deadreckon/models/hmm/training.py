"""Training of a Gaussian HMM: the request of a strategy, and the data set of one fit."""

from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.jobs import Job


class HmmTraining(Struct, frozen=True):
    """Request of a strategy for fitted models.

    The last `window` bars are fitted, again every `refit_every` bars, with `states` states: the
    best of `seeds` starts of at most `iterations` steps.
    """

    window: int
    refit_every: int
    states: int
    seeds: int
    iterations: int

    def learns_alike(self, other: "HmmTraining") -> bool:
        """Return True when both lead to the same model of the same bars."""
        return replace(self, refit_every=other.refit_every) == other


class TrainingSet(Job, frozen=True):
    """Data of one fit: a vector of features per bar, and the window (nanoseconds UTC)."""

    function: ClassVar[str] = "deadreckon.models.hmm.fit:fit"

    strategy: str
    instrument: str
    rows: list[list[int]]
    states: int
    seeds: int
    iterations: int
    window_from: int
    window_to: int
