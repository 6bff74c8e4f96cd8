"""Every command block of the README, typed as it stands there, from top to bottom."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deadreckon.contracts.amounts import text
from deadreckon.contracts.inbound import read_signals
from deadreckon.contracts.signals import SignalReceived
from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import BarRow
from tests.conftest import ROOT
from tests.end_to_end import test_first_signal

BARS = 1_440  # of klines.zip: the day that the README asks about
MILLISECOND = 10**6

# What is typed instead: other tests take the gateway's port, and nobody presses Ctrl-C here.
INSTEAD = {
    "./dr demo": "./dr demo --for 5 --no-web",
    "./dr init paper && ./dr up --data paper": "./dr init paper && "
    "timeout --foreground --preserve-status -s INT 30 ./dr up --data paper --web-port 0",
    "./dr demo --tape btc.parquet --data run1": "./dr demo --tape btc.parquet --data run1 --no-web",
    "./dr demo --tape btc.parquet --data run2 & sleep 9; kill -9 $!": "./dr demo --tape btc.parquet"
    " --data run2 --no-web & sleep 9; kill -9 $!",
    "./dr demo --tape btc.parquet --data run2": "./dr demo --tape btc.parquet --data run2 --no-web",
    "./dr demo --venue sim --venue-faults all --data run3": "./dr demo --venue sim --venue-faults "
    "all --data run3 --for 5 --no-web",
    # One kill each, not one at every step: tests/tools and tests/end_to_end do that.
    "./dr crashtest --kills 50 --seed 7": "./dr crashtest --steps settled --rows 60 --seed 7",
    "./dr crashtest --venue sim": "./dr crashtest --venue sim --steps settled --rows 60",
}
ELSEWHERE = {
    "./dr test": "it is what runs this",
    test_first_signal.HEADING: "tests/end_to_end/test_first_signal.py types it, as far as Node and "
    "the package nkeys are to be had",
}


def blocks() -> Iterator[tuple[str, str, list[str]]]:
    """The fenced blocks: heading, language, lines without their comments."""
    readme = (ROOT / "README.md").read_text("utf-8")
    for section in re.split(r"^(?=## )", readme, flags=re.M):
        for language, body in re.findall(r"^```(.*)\n((?:.*\n)*?)```$", section, re.M):
            lines = [re.split(r"\s+# ", line)[0].strip() for line in body.splitlines()]
            yield section.splitlines()[0], language, lines


def test_every_block_says_whether_it_is_typed_printed_or_sent() -> None:
    kinds = [language for _, language, _ in blocks()]
    assert set(kinds) == {"sh", "text", "json"}
    lines = {line for _, language, body in blocks() if language == "sh" for line in body}
    headings = {heading for heading, *_ in blocks()}
    assert INSTEAD.keys() <= lines, "a substitution of a command that the README no longer has"
    assert ELSEWHERE.keys() <= lines | headings
    for (signal,) in [body for _, language, body in blocks() if language == "json"]:
        (read,) = read_signals("ext", signal.encode())
        assert isinstance(read, SignalReceived)


def klines(folder: Path) -> None:
    """A day of invented bars as an exchange publishes them."""
    start = parse_timestamp("2022-01-15T00:00:00Z")
    recipe = Recipe(seed=7, bars=BARS, start=start, price=43_000, volume=50)
    tape = synthesise(recipe, "BTCUSDT.PAPER", folder / "source.parquet")
    table = io.StringIO()
    write = csv.writer(table).writerow
    for row in tape.rows():
        assert isinstance(row, BarRow)
        opens, closes = row.at - recipe.interval_seconds * 10**9, row.at
        prices = map(text, (row.open, row.high, row.low, row.close, row.volume))
        write([opens // MILLISECOND, *prices, closes // MILLISECOND - 1, 0, 1, 0, 0, 0])
    with zipfile.ZipFile(folder / "klines.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m-2022-01-15.csv", table.getvalue())
    tape.path.unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout as the README's reader has it, with a file of market data beside it."""
    (tmp_path / "dr").symlink_to(ROOT / "dr")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    klines(tmp_path)
    return tmp_path


def typed(folder: Path, line: str) -> str:
    """Type a line; what was printed."""
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=os.environ | {"DR_VENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=900,
    )
    killed = "kill -9" in line  # where it had ended before, nobody was left to kill
    assert done.returncode == 0 or killed, f"{line}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout


def order_of(folder: Path) -> str:
    found = json.loads(typed(folder, "./dr orders --all --data run1 --json"))
    order: str = found["data"][0]["order_id"]
    return order


@pytest.mark.slow
def test_every_command_runs_from_top_to_bottom(folder: Path) -> None:
    printed: dict[str, str] = {}
    for heading, language, lines in blocks():
        if language != "sh" or heading in ELSEWHERE:
            continue
        for line in lines:
            if line in ELSEWHERE:
                continue
            command = INSTEAD.get(line, line)
            if "ORDER" in command:
                command = command.replace("ORDER", order_of(folder))
            printed[line] = typed(folder, command)
    played = [
        re.findall(r"run digest (\w+)", printed[f"./dr demo --tape btc.parquet --data {data}"])
        for data in ("run1", "run2")
    ]
    assert played[0]
    assert played[0] == played[1]
    assert (folder / "day.html").stat().st_size
    assert (folder / "one.bundle").stat().st_size
