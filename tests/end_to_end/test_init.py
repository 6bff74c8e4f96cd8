"""The first steps: a folder made by `dr init`, a stack on it, a signal that fills."""

import json
import signal
import subprocess
from decimal import Decimal
from typing import Any

import pytest

from deadreckon.marketdata.tapes.tape import BarRow, open_tape
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, first_rows, page, until


def started(dr: Dr) -> tuple["subprocess.Popen[str]", str]:
    """A stack on the folder `desk`, and its gateway."""
    process = dr.start("up", "--data", "desk", "--web-port", "0", "--json")
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["web"]


def stopped(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors


def bars(dr: Dr) -> list[Any]:
    """The bars in the log, with their times."""
    words = ("tail", "--data", "desk", "--no-follow", "--from", "1", "--json")
    said = dr.run(*words, "--type", "BarClosed").splitlines()
    return [(event["at"], event["data"]) for event in map(json.loads, said)]


@pytest.mark.slow
def test_a_folder_is_made_trades_and_goes_on(dr: Dr) -> None:
    said = dr.run("init", "desk", "--actor", "ann")
    assert said.startswith("made desk: BTCUSDT.PAPER, 100000 USDT, limits\n")
    for command in ("dr up --data desk", "dr signal send desk/first-signal.jsonl --wait"):
        assert command in said
    (deposit,) = dr.json("cash", "show", "--data", "desk")
    assert (deposit["amount"], deposit["actor"], deposit["reason"]) == ("100000", "ann", "dr init")

    process, web = started(dr)
    until(lambda: page(f"{web}/health").json()["ok"], "that something may be traded")
    sent = ("signal", "send", "desk/first-signal.jsonl", "--wait", "--data", "desk")
    assert "first-1 approved: order " in dr.run(*sent)
    fills = ("fills", "--data", "desk")
    (fill,) = until(lambda: dr.json(*fills)["data"], "the fill")
    assert (fill["strategy"], fill["side"], fill["instrument"]) == ("ext", "buy", "BTCUSDT.PAPER")
    (position,) = until(lambda: dr.json("positions", "--data", "desk")["data"], "the position")
    assert position["quantity"] == fill["quantity"]
    stopped(process)

    played = len(bars(dr))
    process, _ = started(dr)
    until(lambda: len(bars(dr)) > played, "another bar")
    stopped(process)
    found = bars(dr)
    tape = open_tape(dr.folder / "desk" / "tapes" / "market.parquet")
    rows = [row.open for row, _ in zip(tape.rows(), found, strict=False) if isinstance(row, BarRow)]
    assert [Decimal(bar["open"]) for _, bar in found] == rows  # it did not begin anew
    times = [at for at, _ in found]
    assert times == sorted(set(times))
    assert all(at % 5_000_000_000 == 0 for at in times)
    assert dr.json("replay", "rerun", "--all", "--data", "desk")["equal"]


def test_a_folder_in_use_is_refused_and_stays_as_it_is(dr: Dr) -> None:
    (dr.folder / "mine").mkdir()
    (dr.folder / "mine" / "letter").write_text("dear ann")
    assert "mine is in use: name a new folder" in dr.run("init", "mine", code=2)
    assert [path.name for path in (dr.folder / "mine").iterdir()] == ["letter"]


@pytest.mark.parametrize(
    "words",
    [
        ("--tape", "none.csv", "--instrument", "BTCUSDT.PAPER"),
        ("--instrument", "BTCUSDT"),
        ("--cash", "0"),
        ("--price", "0"),
        ("--strategy", "nope"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_made_leaves_nothing_behind(words: tuple[str, ...], dr: Dr) -> None:
    said = dr.run("init", "desk", *words, code=2)
    assert said.count("dr: ") == 1
    assert not (dr.folder / "desk").exists()


@pytest.mark.slow
def test_a_tape_of_ones_own_plays_with_cash_and_a_strategy_of_ones_own(dr: Dr) -> None:
    tape = first_rows(dr.folder, 500)
    words = ("--tape", str(tape), "--instrument", "BTCUSD-PERP.PAPER")
    more = ("--cash", "20000", "--strategy", "moving_average_cross")
    made = dr.json("init", "desk", *words, *more)
    assert (made["instrument"], made["cash"]) == ("BTCUSD-PERP.PAPER", "20000")
    limits = dr.json("limits", "show", "--data", "desk")
    assert "2000" in json.dumps(limits)  # a tenth of the cash in one order
    (strategy,) = dr.json("strategy", "list", "--data", "desk")
    assert strategy["kind"] == "moving_average_cross"

    tape.unlink()  # the folder has it
    process, web = started(dr)
    until(lambda: page(f"{web}/health").json()["ok"], "that something may be traded")
    (at, bar) = bars(dr)[0]
    assert bar["interval"] == 60_000_000_000
    assert at % bar["interval"] == 0
    stopped(process)
    settings = (dr.folder / made["settings"]).read_text("utf-8")
    assert 'market = "tapes/' in settings


def test_a_tape_that_is_gone_is_one_line(dr: Dr) -> None:
    dr.run("init", "desk")
    (dr.folder / "desk" / "tapes" / "market.parquet").unlink()
    assert "market.parquet does not exist" in dr.run("up", "--data", "desk", code=2)


def test_a_signal_sent_before_the_stack_runs_is_said_to_wait_for_it(dr: Dr) -> None:
    dr.run("init", "desk")
    said = dr.run("signal", "send", "desk/first-signal.jsonl", "--wait", "--data", "desk", code=1)
    assert "first-1 is recorded at sequence " in said
    assert said.endswith("no stack runs here yet that could answer\n")
