"""Killed anywhere, a projection stands at a place with its rows, and ends where it would have."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deadreckon.projections.comparison import measure
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.sqlite import SqliteSink
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.tables import TABLES
from deadreckon.runtime.process.file_lock import file_lock
from tests.support.handmade_logs import FactLog, busy_log, fold_log
from tests.support.memory_sink import MemorySink

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ORDERS = 100
SEED = 9

# Folds the whole log with a flush every few messages, from wherever the files stand.
PROGRAM = f"""
import sys
from pathlib import Path
from deadreckon.projections.store import open_projector, paths
from tests.support.handmade_logs import busy_log

log = busy_log({SEED}, {ORDERS})
projector = open_projector(paths(Path(sys.argv[1])), queried=False)
print("ready", projector.sequence, flush=True)
for sequence, facts, stored_at in log.messages[projector.sequence:]:
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
    for stored in (AuditDatabase(paths(data).audit), Lake(paths(data).lake)):
        expect_at(stored, log, stored.sequence)


def expect_at(stored: AuditDatabase | Lake, log: FactLog, place: int) -> None:
    """It holds exactly what the log says up to a place, and its digests say so."""
    memory = MemorySink()
    projector = Projector([memory])
    fold_log(projector, log, until=place)
    projector.flush()
    assert stored.sequence == place
    assert stored.digests() == memory.digests()
    for table in TABLES:
        assert measure(stored.lines(table)) == memory.digests()[table.name], table.name
    stored.close()


@pytest.fixture(scope="module")
def log() -> FactLog:
    return busy_log(SEED, 20)


def test_killed_in_the_middle_of_many_flushes_it_goes_on_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    random = Random(5)
    log = busy_log(SEED, ORDERS)
    memory = MemorySink()
    whole = Projector([memory])
    fold_log(whole, log)
    whole.flush()
    open_projector(paths(tmp_path), queried=False).close()
    places = []
    for _ in range(4):
        ended = run_and_kill(tmp_path, random.uniform(0.02, 0.5))
        expect_whole(tmp_path)
        with_place = AuditDatabase(paths(tmp_path).audit)
        places.append(with_place.sequence)
        with_place.close()
        if ended:
            break
    assert places[0] < log.last, "the first kill came too late to cut anything"
    run_and_kill(tmp_path, 60)
    expect_whole(tmp_path)
    audit, lake = AuditDatabase(paths(tmp_path).audit), Lake(paths(tmp_path).lake)
    assert audit.sequence == lake.sequence == log.last
    assert audit.digests() == lake.digests() == memory.digests()
    audit.close()


@pytest.mark.parametrize("statement", range(1, 7))
def test_killed_between_two_statements_of_a_batch_none_of_it_is_there(
    tmp_path: Path, log: FactLog, statement: int
) -> None:
    path = tmp_path / "audit.sqlite"
    child = os.fork()
    if child == 0:
        projector = Projector([SqliteSink(path)])
        fold_log(projector, log, until=60)
        projector.flush()
        _kill_at(SqliteSink, "_store", statement)
        fold_log(projector, log)
        projector.flush()
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    expect_at(AuditDatabase(path), log, 60)


def _kill_at(owner: Any, name: str, count: int) -> None:
    """From now on the `count`-th call ends the process at once."""
    real, left = getattr(owner, name), [count]

    def counting(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(owner, name, counting)


class Killed(BaseException):
    """Stands for a kill where no clean-up of ours would run."""


@pytest.mark.parametrize("step", range(1, 30, 2))
def test_killed_at_any_step_of_writing_and_merging_the_lake_stays_whole(
    tmp_path: Path, log: FactLog, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Steps are renames and deletions: what other processes can see happen."""
    monkeypatch.setattr(lake_writer, "MERGED", 3)
    projector = Projector([LakeSink(tmp_path / "lake", None)])
    for place in (30, 60):
        fold_log(projector, log, until=place)
        projector.flush()
    done = [0]
    real = Path.replace

    def steps(path: Path, target: Any) -> Any:
        done[0] += 1
        if done[0] == step:
            raise Killed
        return real(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", steps)
        try:
            fold_log(projector, log)
            projector.flush()
        except Killed:
            pass
    lake = Lake(tmp_path / "lake")
    assert lake.sequence in (60, log.last)
    expect_at(lake, log, lake.sequence)
    again = Projector([LakeSink(tmp_path / "lake", None)])
    fold_log(again, log)
    again.close()
    expect_at(Lake(tmp_path / "lake"), log, log.last)


def test_a_writer_killed_while_it_holds_the_lock_locks_nobody_out(tmp_path: Path) -> None:
    program = (
        "import sys, os, signal; from pathlib import Path; "
        "from deadreckon.runtime.process.file_lock import file_lock\n"
        "with file_lock(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    lock = tmp_path / "writer.lock"
    done = subprocess.run(
        [sys.executable, "-c", program, str(lock)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    before = time.monotonic()
    with file_lock(lock):
        assert time.monotonic() - before < 5
