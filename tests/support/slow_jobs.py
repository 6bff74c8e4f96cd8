"""Jobs that take as long as a test wants, for the processes in which jobs run."""

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from deadreckon.contracts.event import Event
from deadreckon.contracts.jobs import Job
from deadreckon.contracts.portfolio import CashWithdrawn

PATIENCE_SECONDS = 60.0


class Waiting(Job, frozen=True):
    """Done as soon as the file `go` is there; says in `begun` which process works on it."""

    function: ClassVar[str] = "tests.support.slow_jobs:wait"

    folder: str
    number: int

    @property
    def begun(self) -> Path:
        return Path(self.folder) / f"begun-{self.number}"

    @property
    def go(self) -> Path:
        return Path(self.folder) / "go"


class Failing(Job, frozen=True):
    function: ClassVar[str] = "tests.support.slow_jobs:fail"


def wait(job: Waiting) -> Event:
    unfinished = job.begun.with_suffix(f".{os.getpid()}.writing")
    unfinished.write_text(str(os.getpid()), "ascii")
    unfinished.rename(job.begun)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not job.go.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return CashWithdrawn("USD", Decimal(job.number), "job", "done")


def fail(job: Failing) -> Event:
    raise ValueError("the matrix is singular")
