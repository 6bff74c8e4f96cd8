"""What a fit of a Gaussian HMM learns from, as a strategy asks for it and as the job gets it."""

from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.jobs import Job


class HmmTraining(Struct, frozen=True):
    """Request of a strategy for fitted models: the last `window` bars, fitted again every
    `refit_every` bars, with so many `states`; the best of `seeds` starts of at most `iterations`
    steps."""

    window: int
    refit_every: int
    states: int
    seeds: int
    iterations: int

    def learns_alike(self, other: "HmmTraining") -> bool:
        """True when both lead to the same model of the same bars."""
        return replace(self, refit_every=other.refit_every) == other


class TrainingSet(Job, frozen=True):
    """One fit to make: a vector of features per bar, and the window they cover (nanoseconds
    UTC)."""

    function: ClassVar[str] = "deadreckon.models.hmm.fit:fit"

    strategy: str
    instrument: str
    rows: list[list[int]]
    states: int
    seeds: int
    iterations: int
    window_from: int
    window_to: int
