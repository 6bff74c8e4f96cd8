"""A fit uses one thread from the first one of a process on: more only get in each other's way."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FIRST_FIT = """
from deadreckon.models.hmm import fit as fitting
from deadreckon.models.hmm.training import TrainingSet

def spy(standard, training, seed):
    import hmmlearn.hmm, threadpoolctl
    print(max(library["num_threads"] for library in threadpoolctl.threadpool_info()))
    raise ValueError("seen enough")

fitting._fit_seed = spy
rows = [[number % 7, number % 5, number % 3] for number in range(100)]
fitting.fit(TrainingSet("s", "i", rows, 2, 1, 1, 0, 1))
"""


def test_the_first_fit_of_a_process_has_one_thread_too() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", FIRST_FIT]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1"]
