"""The command line as a user has it, and tapes to run it on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import PATIENCE, ROOT, TAPES
from tests.support.forked_verbs import may_be_forked, run_forked
from tests.support.recordings import recorded

REAL = TAPES / "btc-perp-20211231-20220201_1m.csv"
INSTRUMENT = "BTCUSD-PERP.PAPER"
ROWS = 4_000  # of the tape that most tests play: some days, dozens of fills, one fitted model
SHORT_ROWS = 2_600  # three dates, one fitted model, twenty fills: the same however long it is
BARS = 2_000  # of the synthetic demo
FIGURES = ("events", "signals", "refusals", "orders", "fills", "pnl", "digest")


class Dr:
    """Runs verbs in a folder of their own; whatever is still running at the end is ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(
        self, *words: str, stdin: Path | None = None, program: Path = ROOT
    ) -> subprocess.Popen[str]:
        """Start a verb (of another checkout, say) and return at once; it reads a file where people
        would type."""
        environment = dict(os.environ, PYTHONPATH=str(program))
        process = subprocess.Popen(
            [sys.executable, "-m", "deadreckon", *words],
            cwd=self.folder,
            env=environment,
            stdin=stdin.open() if stdin else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def run(
        self, *words: str, code: int | None = 0, wait: float = PATIENCE, program: Path = ROOT
    ) -> str:
        """Run a verb to its end; its standard output."""
        environment = dict(os.environ, PYTHONPATH=str(program))
        if program == ROOT and may_be_forked(words):
            done = run_forked(words, self.folder, environment, wait)
            returncode, output, errors = done.returncode, done.stdout, done.stderr
        else:
            process = self.start(*words, program=program)
            output, errors = process.communicate(timeout=wait)
            returncode = process.returncode
        assert code is None or returncode == code, f"{words}: {errors[-2000:]}{output[-500:]}"
        return output if code in (0, None) else output + errors

    def json(self, *words: str, code: int | None = 0) -> Any:
        """Run a verb with --json; what it said."""
        return json.loads(self.run(*words, "--json", code=code))

    def play(self, data: str, tape: Path, *more: str, code: int | None = 0) -> Any:
        """Play a tape to its end as fast as possible; the summary."""
        return self.json(*playing(data, tape), *more, code=code)

    def end(self) -> None:
        """End what is still running, by its own process."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@pytest.fixture
def dr(tmp_path: Path) -> Iterator[Dr]:
    """The command line, in a folder that goes away."""
    verbs = Dr(tmp_path)
    yield verbs
    verbs.end()


def first_rows(folder: Path, rows: int) -> Path:
    """The first bars of the real month, or of a synthetic market where the real tapes are not."""
    if REAL.is_file():
        path = folder / "month.csv"
        with REAL.open() as source:
            path.write_text("".join(next(source) for _ in range(rows + 1)))
        return path
    path = folder / "synthetic.parquet"
    words = ("--seed", "7", "--bars", str(rows), "--instrument", INSTRUMENT)
    Dr(folder).run("tape", "synth", *words, "--output", str(path))
    return path


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tape that most tests play."""
    return first_rows(tmp_path_factory.mktemp("tape"), ROWS)


@pytest.fixture(scope="session")
def undisturbed(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder in which the tape was played to its end, and the summary; to be copied."""
    folder, summary = recorded(
        tmp_path_factory, "tape", lambda folder: Dr(folder).play("desk", tape)
    )
    return folder / "desk", summary


@pytest.fixture(scope="session")
def short_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shorter tape: it is played a dozen times."""
    return first_rows(tmp_path_factory.mktemp("tape"), SHORT_ROWS)


@pytest.fixture(scope="session")
def short_run(short_tape: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder with an undisturbed run of the short tape in `run`, and its summary. Where it lies
    it belongs to test_main_job.py; others may have the summary."""
    return recorded(tmp_path_factory, "short", lambda folder: Dr(folder).play("run", short_tape))


@pytest.fixture(scope="session")
def demo_of_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a demo of some synthetic days that has ended, in `desk`; to be copied."""

    def make(folder: Path) -> None:
        words = ("--seed", "7", "--bars", str(BARS), "--instrument", "BTCUSDT.PAPER")
        dr = Dr(folder)
        dr.run("tape", "synth", *words, "--output", "market.parquet")
        dr.run("demo", "--tape", "market.parquet", "--data", "desk", "--no-web", "--json")

    folder, _ = recorded(tmp_path_factory, "days", make)
    return folder


def playing(data: str, tape: Path) -> tuple[str, ...]:
    """The words that play a tape into a folder."""
    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web")
    return (*words, "--data", data)


def until(true: Callable[[], Any], what: str, wait: float = PATIENCE) -> Any:
    """Wait until something holds; fails with `what` when it does not in time."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {wait} s for {what}")


def page(url: str) -> httpx2.Response:
    """Get a page of a stack; a machine on which seven processes start may take its time."""
    return httpx2.get(url, timeout=PATIENCE)
