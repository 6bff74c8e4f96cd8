"""The bench: what its figures mean, and that it leaves nothing but its history behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from deadreckon.accounting import ledger
from deadreckon.accounting.columnar import fill_columns
from deadreckon.accounting.columnar.postings import book
from deadreckon.cli.bench import Name
from deadreckon.tools.bench import archived, bulk, soak
from deadreckon.tools.bench.cases import CASES, ON_DEMAND
from deadreckon.tools.bench.figures import Figure, bounded, percentile, rate, slower
from deadreckon.tools.bench.fixture import bench_fixture
from deadreckon.tools.bench.history import (
    BenchRun,
    Machine,
    change,
    last_figures,
    remember,
    this_machine,
)
from deadreckon.tools.bench.memory import MemorySample

ROOT = Path(__file__).parents[2]


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.001, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.5) == 7.0
    assert percentile([1.0, 2.0], 0.5) == 1.0


def test_a_time_is_told_as_so_many_times_its_limit() -> None:
    just = slower("x", 6.0, 2.0, "limit", most=3)
    assert (just.ratio, just.mark, just.reached) == (3.0, "at most 3x", True)
    assert slower("x", 6.1, 2.0, "limit", most=3).reached is False
    assert slower("x", 6.1, 2.0, "limit").reached is None


def test_a_rate_is_told_as_how_many_times_more_the_limit_does() -> None:
    figure = rate("x", 50_000, "events/s", 50_000, limit=400_000)
    assert (figure.ratio, figure.mark, figure.reached) == (8.0, "at least 50,000", True)
    assert rate("x", 49_999, "events/s", 50_000).reached is False
    assert rate("x", 0.0, "events/s", 1, limit=5).ratio is None


def test_a_bound_is_reached_when_it_is_not_passed() -> None:
    assert bounded("lag", 1.0, "s", 1.0).reached is True
    assert bounded("lag", 1.01, "s", 1.0).reached is False


def test_runs_are_compared_by_their_ratios_where_they_have_some() -> None:
    busy, quiet = slower("x", 8.0, 4.0, "limit"), slower("x", 2.0, 1.0, "limit")
    assert change(busy, quiet) == 1.0
    assert change(bounded("mb", 90, "MB", 200), bounded("mb", 100, "MB", 200)) == 0.9


def machine(cores: int = 2) -> Machine:
    return Machine(cores, "some processor", "some system", "3.11")


def run(value: float, *, quick: bool = False, cores: int = 2) -> BenchRun:
    figure = Figure("x", value, "s", measure="play")
    return BenchRun("2026-11-21T00:00:00+00:00", "0", quick, machine(cores), 1.0, True, [figure])


def test_history_gives_the_last_figures_of_the_like_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "bench.jsonl"
    assert last_figures(path, False, machine()) == {}
    for each in (run(1.0), run(2.0), run(3.0, quick=True), run(4.0, cores=16)):
        remember(path, each)
    with path.open("ab") as lines:
        lines.write(b'{"of": "another time"}\n')
    assert last_figures(path, False, machine())["play", "x"].value == 2.0
    assert last_figures(path, True, machine())["play", "x"].value == 3.0


def test_the_command_line_names_every_measure() -> None:
    assert get_args(Name) == tuple(CASES)
    assert set(ON_DEMAND) < set(CASES)


def test_a_soak_tells_the_slope_from_where_ids_are_forgotten() -> None:
    """A service that gathers ids for the first quarter and is flat from then on has no slope."""
    samples = [
        MemorySample(events, {"risk": min(60 + events / 10_000, 90)}, {"nats": events / 10_000})
        for events in range(0, 1_000_001, 100_000)
    ]
    found = {figure.name: figure for figure in soak.figures(samples)}
    assert found["risk after 1,000,000 events"].reached is True
    assert found["risk, slope per million"].value == 0
    assert found["nats on disk, slope per million"].value == 100


@pytest.mark.slow
def test_dr_bench_measures_says_so_and_remembers(tmp_path: Path) -> None:
    data, history = tmp_path / "bench", tmp_path / "history.jsonl"
    command = [sys.executable, "-m", "deadreckon", "bench", "append", "fold", "--quick", "--json"]
    command += ["--data", str(data), "--history", str(history)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    envelope = {"verb", "ok", "sequence", "error"}
    own = {"at", "code", "quick", "machine", "seconds", "reached", "figures"}
    assert set(found) == own | envelope
    assert found["quick"] is True
    assert set(found["machine"]) == {"cores", "processor", "system", "python"}
    assert {figure["measure"] for figure in found["figures"]} == {"append", "fold"}
    for figure in found["figures"]:
        assert set(figure) == set(Figure.__struct_fields__)
        assert figure["value"] > 0
        assert (figure["limit"] is None) == (figure["ratio"] is None)
    assert json.loads(history.read_text()) == {name: found[name] for name in own}
    assert list(data.iterdir()) == [], "folders of a bench are thrown away"


@pytest.mark.slow
async def test_the_bulk_fold_is_measured_beside_the_scan_and_the_live_fold(tmp_path: Path) -> None:
    with bench_fixture(tmp_path / "bench", True, lambda _: None) as fixture:
        found = {figure.name: figure for figure in await bulk.measure(fixture)}
    for fills in ("round trips", "positions that never end"):
        assert found[f"{fills}: bulk fold"].limit_name == "a bare scan of the same columns"
        assert found[f"{fills}: one at a time, live"].value > 0
    assert found["PnL of a day of 5,000 events, cold"].value > 0


@pytest.mark.slow
def test_the_bulk_fold_of_the_bench_is_the_live_fold(tmp_path: Path) -> None:
    """What the bench times comes to the same book."""
    for ends in (True, False):
        table = archived.fills(30_000, ends=ends)
        path = archived.write(table, tmp_path / "fills.parquet")
        one, many = archived.opened(), archived.opened()
        for record in archived.records_of(table):
            ledger.evolve(one, record)
        book(many, fill_columns.read([path]), ())
        one.trades, one.newest_fill = {}, ""
        assert many == one


def test_this_machine_is_described() -> None:
    assert this_machine().cores >= 1
