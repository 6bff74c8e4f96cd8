"""A stack that stays up: `dr up`, seen through its gateway, its views and its log."""

import json
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, page, until

WHO = ("--actor", "ann", "--reason", "opening")
LISTING = (
    "kind=spot",
    "base_currency=BTC",
    "quote_currency=USDT",
    "tick_size=0.01",
    "lot_size=0.001",
)


def started(dr: Dr, *words: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A stack that runs, and what it said of where it is."""
    process = dr.start("up", "--data", "desk", "--web-port", "0", "--json", *words)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def test_it_stays_up_answers_and_ends_in_good_order(dr: Dr) -> None:
    process, where = started(dr)
    assert (Path(where["credentials"]) / "operator.nk").is_file()

    until(lambda: page(f"{where['web']}/readyz").status_code == 200, "readiness")
    dr.run("instruments", "add", "BTCUSDT.PAPER", *LISTING, *WHO, "--data", "desk")
    dr.run("cash", "report", "USDT", "--every", "1", *WHO, "--data", "desk")
    dr.run("cash", "deposit", "USDT", "1000", *WHO, "--data", "desk")

    def equity() -> Any:
        return page(f"{where['web']}/portfolio").json()["data"]["equity"]

    assert until(equity, "a mark of equity")["equity"] in ("0", "1000")
    status = dr.json("status", "--data", "desk")
    assert status["behind"] is not None
    assert status["nats"]["url"] == where["nats"]

    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    logged = [json.loads(line) for line in errors.splitlines()]
    assert {"nats_server_ready", "gateway_ready", "recalled"} <= {line["event"] for line in logged}
    assert not (dr.folder / "desk" / "gateway.url").exists()


def test_verbs_find_the_only_stack_that_runs_here(dr: Dr) -> None:
    started(dr, "--no-web")
    halted = dr.start("halt", "--json")
    output, errors = halted.communicate(timeout=PATIENCE)
    assert (halted.returncode, json.loads(output)["ok"]) == (0, True), errors
    assert errors == "on desk, the only stack that runs here\n"


def test_ctrl_c_ends_in_good_order_as_soon_as_it_says_where_it_is(dr: Dr) -> None:
    process, _ = started(dr)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "interrupted" not in errors
    words = ("tail", "--data", "desk", "--no-follow", "--from", "1", "--type", "StackStopped")
    assert len(dr.run(*words, "--json").splitlines()) == 1


def test_a_tail_follows_while_it_runs_and_ends_with_it(dr: Dr) -> None:
    process, _ = started(dr)
    tail = dr.start("tail", "--data", "desk", "--type", "CashDeposited", "--json")
    until(lambda: (dr.folder / "desk" / "logs" / "tail.log").exists(), "the tail")

    dr.run("cash", "deposit", "USDT", "5", *WHO, "--data", "desk")
    assert tail.stdout is not None
    line = json.loads(tail.stdout.readline())
    assert line["subject"] == "log.desk.op.cli"
    assert line["payload"]["data"]["amount"] == "5"

    process.send_signal(signal.SIGTERM)
    assert tail.wait(PATIENCE) == 0


def test_a_busy_port_and_a_busy_folder_are_one_line_each(dr: Dr) -> None:
    _, where = started(dr)
    port = where["web"].rpartition(":")[2]

    busy = dr.run("up", "--data", "other", "--web-port", port, code=3)
    assert f"port {port} is in use: give another with --web-port" in busy
    assert busy.count("dr: ") == 1
    assert "a stack runs on desk already" in dr.run("up", "--data", "desk", "--no-web", code=3)


def test_settings_come_from_a_file_and_the_command_line_wins(dr: Dr) -> None:
    settings = dr.folder / "desk.toml"
    settings.write_text('data = "elsewhere"\nweb_port = 1\nclock_seconds = 0.2\n')

    process = dr.start("up", "--config", "desk.toml", "--no-web", "--json")
    assert process.stdout is not None
    where = json.loads(process.stdout.readline())
    assert (where["data"], where["web"]) == ("elsewhere", "")

    settings.write_text("webport = 1\n")
    assert "webport" in dr.run("up", "--config", "desk.toml", code=2)


def test_what_names_nothing_is_refused_by_the_stack_and_the_verb_says_so(dr: Dr) -> None:
    started(dr)
    said = dr.run("instruments", "add", "BTCUSDT.PAPER", *LISTING, *WHO, "--data", "desk")
    assert "taken; nothing had to be done" in said

    typo = ("--instrument", "BTCUSD.PAPER", *WHO, "--data", "desk")
    refused = dr.run("flatten", *typo, code=1)
    assert "refused by unknown_instrument" in refused
    assert "did you mean BTCUSDT.PAPER?" in refused
    record = json.loads(dr.run("flatten", *typo, "--json", code=1))
    assert record["refused"]["rule"] == "unknown_instrument"
    assert "missed" in dr.run("cancel", "nosuchorder", *WHO, "--data", "desk", code=1)
    removed = dr.run("instruments", "remove", "NOPE.PAPER", *WHO, "--data", "desk", code=1)
    assert "NOPE.PAPER was never listed" in removed
    flat = dr.run("flatten", "--instrument", "BTCUSDT.PAPER", *WHO, "--data", "desk")
    assert "taken; nothing had to be done" in flat


def test_a_fact_for_a_stack_that_does_not_run_waits_for_its_start(dr: Dr) -> None:
    process, _ = started(dr)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    waits = dr.run("flatten", "--instrument", "BTCUSD.PAPER", *WHO, "--data", "desk")
    assert "no stack runs here: it is answered when one starts" in waits


def commands(process: "subprocess.Popen[str]") -> list[list[str]]:
    """The commands that a start prints because a folder is not set up, the price last."""
    assert process.stdout is not None
    assert [process.stdout.readline().split()[0] for _ in range(3)] == ["data", "nats", "web"]
    assert process.stdout.readline().startswith("not set up to trade; `dr init FOLDER` makes")
    found: list[list[str]] = []
    while not found or found[-1][0] != "mark":
        found.append(shlex.split(process.stdout.readline().split("`")[1])[1:])
    return found


@pytest.mark.slow
def test_a_folder_that_is_not_set_up_starts_and_says_what_is_missing_until_it_trades(
    dr: Dr,
) -> None:
    """What it prints is typed as it stands there, with `--data` and a price."""
    stack = ("up", "--data", "desk", "--web-port", "0")
    typed = []
    for _ in range(3):
        process = dr.start(*stack)
        *setup, price = commands(process)
        for words in setup or [["mark", "BTCUSDT.PAPER", "60000"]]:
            dr.run(*words, "--data", "desk")
            typed.append(words[:2])
        assert price == ["mark", "INSTRUMENT", "PRICE"]
        stopped(process)
    assert typed[:3] == [["limits", "set"], ["instruments", "add"], ["cash", "deposit"]]
    assert typed[3:] == [["venue", "set"], ["cash", "report"], ["mark", "BTCUSDT.PAPER"]]

    process = dr.start(*stack, "--json")
    assert process.stdout is not None
    web = json.loads(process.stdout.readline())["web"]
    dr.run("mark", "BTCUSDT.PAPER", "60000", "--data", "desk")
    until(lambda: page(f"{web}/health").json()["trading"]["allowed"], "that it may trade")
    assert "setup_missing" not in stopped(process)


def stopped(process: "subprocess.Popen[str]") -> str:
    """End a stack; what it logged."""
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return errors
