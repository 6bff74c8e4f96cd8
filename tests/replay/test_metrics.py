"""The metrics of a past day are what a scraper saw, and a real Prometheus takes them."""

import asyncio
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.timestamps import DAY, day_of, day_start
from deadreckon.projections.metrics import fold as metrics
from deadreckon.replay.metrics.history import MetricHistory
from deadreckon.runtime.process.loopback import LOOPBACK, listen_on_loopback
from deadreckon.runtime.service.ingress import Ingress
from tests.end_to_end.conftest import until
from tests.sessions.player import Session, decoded

STEP = 60
Facts = list[tuple[int, list[Recorded[Any]]]]


@pytest.fixture(scope="module")
def facts() -> Facts:
    """A session's log as projections are told it."""
    session = Session("partial_fills", import_module("tests.sessions.scripts.partial_fills").SCRIPT)
    asyncio.run(session.play())
    intake = Ingress("desk", "paper", reads_signals=False, restamps=False)
    return [
        (message.sequence, list(intake.records_of(message))) for message in decoded(session.log)
    ]


def day(facts: Facts) -> str:
    return day_of(max(record.at for _, each in facts for record in each))


def text(facts: Facts, of: str | None = None, step: int = STEP) -> str:
    history = MetricHistory(of or day(facts), step)
    for sequence, each in facts:
        history.fold(sequence, each)
    history.finish()
    return "".join(history.lines())


def samples(text: str) -> dict[str, list[tuple[int, float]]]:
    """Points by sample with its labels."""
    found: dict[str, list[tuple[int, float]]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value, at = line.rsplit(" ", 2)
            found.setdefault(name, []).append((int(at), float(value)))
    return found


def test_one_moment_of_it_is_read_by_a_strict_parser(facts: Facts) -> None:
    """Of one: it drops buckets that come again at a later moment, which the format allows."""
    whole = text(facts)
    last = max(at for points in samples(whole).values() for at, _ in points)
    lines = [line for line in whole.splitlines() if line[0] == "#" or line.endswith(f" {last}")]
    families = list(text_string_to_metric_families("\n".join(lines) + "\n"))  # type: ignore[no-untyped-call]
    assert {"fills", "equity", "fill_latency_seconds"} <= {family.name for family in families}


def test_each_sample_is_what_was_known_at_its_moment(facts: Facts) -> None:
    found = samples(text(facts))
    (name,) = [name for name in found if name.startswith("fills_total")]
    fills = sorted(
        record.at
        for _, each in facts
        for record in each
        if type(record.event).__name__ == "OrderFilled"
    )
    assert len(fills) > 3
    for at, value in found[name]:
        assert value == bisect_right(fills, at * NANOSECONDS)


def test_there_are_samples_from_the_first_event_to_the_last_at_every_step(facts: Facts) -> None:
    ats = [record.at for _, each in facts for record in each if record.at]
    moments = [at for at, _ in samples(text(facts))["log_time_seconds"]]
    assert moments[0] * NANOSECONDS >= min(ats) > (moments[0] - STEP) * NANOSECONDS
    assert moments[-1] * NANOSECONDS <= max(ats) < (moments[-1] + STEP) * NANOSECONDS
    assert {after - before for before, after in pairwise(moments)} == {STEP}


def test_the_last_sample_of_a_finished_log_is_its_fold(facts: Facts) -> None:
    state = metrics.initial()
    for _, each in facts:
        for record in each:
            state = metrics.evolve(state, record)
    found = samples(text(facts, step=1))
    series = metrics.settled(state, facts[-1][0]).counters["log_events_total"]
    last = {
        key: points[-1][1] for key, points in found.items() if key.startswith("log_events_total")
    }
    assert sorted(last.values()) == sorted(map(float, series.values()))


def test_a_day_of_which_the_log_knows_nothing_is_empty(facts: Facts) -> None:
    for away in (-1, 1):
        other = day_of(day_start(day(facts)) + away * DAY)
        assert text(facts, other) == "# EOF\n"


# The real one, as Debian ships it.


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `prometheus` and `promtool`: installed ones, or Debian's package unpacked."""
    installed = shutil.which("promtool")
    if installed and shutil.which("prometheus"):
        return Path(installed).parent
    folder = tmp_path_factory.mktemp("debian")
    for words in (["apt-get", "download", "prometheus"], ["dpkg", "-x", "prometheus.deb", "."]):
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            pytest.skip("no prometheus here, and no apt-get to fetch Debian's with")
        if done.returncode:
            pytest.skip(f"Debian's prometheus cannot be fetched: {done.stderr.decode()[-200:]}")
        for package in folder.glob("prometheus_*.deb"):
            package.rename(folder / "prometheus.deb")
    return folder / "usr" / "bin"


@contextmanager
def prometheus(tools: Path, data: Path) -> Iterator[str]:
    """A Prometheus on the blocks in `data`; its URL."""
    with listen_on_loopback(0) as free:
        port = free.getsockname()[1]
    words = [
        str(tools / "prometheus"),
        "--config.file=/dev/null",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={LOOPBACK}:{port}",
    ]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://{LOOPBACK}:{port}"
        until(lambda: _answers(f"{url}/-/ready"), "Prometheus to be ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_a_real_prometheus_shows_the_past(facts: Facts, tools: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.om"
    file.write_text(text(facts), "utf-8")
    words = [str(tools / "promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    loaded = subprocess.run(
        [*words, str(file), str(tmp_path / "data")], capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    at, value = samples(text(facts))['equity{book="desk",currency="USDT"}'][-1]
    with prometheus(tools, tmp_path / "data") as url:
        asked = urllib.parse.urlencode({"query": "equity", "time": at})
        with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=10) as answer:
            (found,) = json.load(answer)["data"]["result"]
    assert float(found["value"][1]) == value
