"""Killed anywhere, a projection stands at a place with its rows, and ends where it would have."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from deadreckon.projections.audit import AuditBook
from deadreckon.projections.comparison import measure
from deadreckon.projections.lake import Lake
from deadreckon.projections.projector import Projector
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.tables import TABLES
from tests.projections.logs import busy_log, tell
from tests.projections.memory import MemorySink

ROOT = Path(__file__).parents[2]
ORDERS = 100
SEED = 9

# Folds the whole log with a flush every few messages, from wherever the files stand.
PROGRAM = f"""
import sys
from pathlib import Path
from deadreckon.projections.store import open_projector, paths
from tests.projections.logs import busy_log

log = busy_log({SEED}, {ORDERS})
projector = open_projector(paths(Path(sys.argv[1])), queried=False)
print("ready", projector.place, flush=True)
for sequence, facts, stored_at in log.messages[projector.place:]:
    projector.fold(sequence, facts, stored_at)
    if sequence % 3 == 0:
        projector.flush()
projector.close()
print("done", flush=True)
"""


def run_and_kill(data: Path, after: float) -> bool:
    """Whether the program came to its end before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(data)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return "done" in process.stdout.read()


def expect_whole(data: Path) -> None:
    """Rows, place and digests belong together in both, whatever the kill cut off."""
    log = busy_log(SEED, ORDERS)
    for stored in (AuditBook(paths(data).audit), Lake(paths(data).lake)):
        memory = MemorySink()
        projector = Projector([memory])
        tell(projector, log, until=stored.place)
        projector.flush()
        assert stored.standings() == memory.standings()
        for table in TABLES:
            assert measure(stored.lines(table)) == memory.standings()[table.name], table.name
        stored.close()


@pytest.mark.slow
def test_killed_in_the_middle_of_many_flushes_it_goes_on_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    random = Random(5)
    log = busy_log(SEED, ORDERS)
    memory = MemorySink()
    whole = Projector([memory])
    tell(whole, log)
    whole.flush()
    open_projector(paths(tmp_path), queried=False).close()
    places = []
    for _ in range(4):
        ended = run_and_kill(tmp_path, random.uniform(0.02, 0.5))
        expect_whole(tmp_path)
        with_place = AuditBook(paths(tmp_path).audit)
        places.append(with_place.place)
        with_place.close()
        if ended:
            break
    assert places[0] < log.last, "the first kill came too late to cut anything"
    run_and_kill(tmp_path, 60)
    expect_whole(tmp_path)
    audit, lake = AuditBook(paths(tmp_path).audit), Lake(paths(tmp_path).lake)
    assert audit.place == lake.place == log.last
    assert audit.standings() == lake.standings() == memory.standings()
    audit.close()


def test_a_writer_killed_while_it_holds_the_lock_locks_nobody_out(tmp_path: Path) -> None:
    program = (
        "import sys, os, signal; from pathlib import Path; "
        "from deadreckon.projections.writing import alone\n"
        "with alone(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    lock = tmp_path / "writer.lock"
    done = subprocess.run(
        [sys.executable, "-c", program, str(lock)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    from deadreckon.projections.writing import alone

    before = time.monotonic()
    with alone(lock, wait=False):
        assert time.monotonic() - before < 5
