"""Producers and operators against a stack that runs: signals, halts, limits, and bad input."""

import json
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE
from tests.end_to_end.conftest import INSTRUMENT, Dr, until
from tests.support.node_packages import HAS_NODE, example_with_packages

WHO = ("--actor", "ann", "--reason", "test")


def rows(dr: Dr, query: str) -> list[tuple[Any, ...]]:
    path = dr.folder / "run" / "audit.sqlite"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


@pytest.fixture
def paced(dr: Dr, tape: Path) -> subprocess.Popen[str]:
    """A stack that plays a bar a second; its clock stands near the tape's beginning."""
    process = dr.start(
        "demo",
        "--tape",
        str(tape),
        "--instrument",
        INSTRUMENT,
        "--no-web",
        "--data",
        "run",
        "--speed",
        "60",
        "--json",
    )
    until(lambda: rows(dr, "SELECT 1 FROM limits"), "the setup to be visible")
    until(
        lambda: (
            process.poll() is not None
            or len(rows(dr, "SELECT 1 FROM equity")) > 0
            or _sequence(dr) > 12
        ),
        "the tape to play",
    )
    return process


def _sequence(dr: Dr) -> int:
    found = rows(dr, "SELECT max(place) FROM _projection")
    return int(found[0][0] or 0) if found else 0


def tape_time(dr: Dr) -> str:
    """The tape's time now, as a producer on a tape must write it; waits for the first bar."""
    from deadreckon.contracts.timestamps import format_timestamp

    def closed_bars() -> list[dict[str, Any]]:
        lines = dr.run("tail", "--data", "run", "--no-follow", "--json").splitlines()
        return [json.loads(line) for line in lines if "market.bar_closed" in line]

    bars = until(closed_bars, "the tape's first bar")
    return format_timestamp(int(bars[-1]["at"]))


def trade_signal(dr: Dr, name: str, **more: Any) -> str:
    body = {
        "id": name,
        "strategy": "ext",
        "instrument": INSTRUMENT,
        "side": "buy",
        "quantity": "0.01",
        "confidence": "0.9",
        "at": tape_time(dr),
    }
    return json.dumps(body | more)


def test_a_signal_sent_by_hand_becomes_an_order_and_a_fill(
    dr: Dr, paced: subprocess.Popen[str]
) -> None:
    (dr.folder / "signals.jsonl").write_text(trade_signal(dr, "one") + "\n\n" + '{"id":"bad"}\n')
    record = dr.start("signal", "send", "signals.jsonl", "--data", "run", "--json")
    output, errors = record.communicate(timeout=PATIENCE)
    assert record.returncode == 1
    assert json.loads(output)["sent"] == 1
    assert "line 3 not sent: missing_field" in errors
    until(lambda: rows(dr, "SELECT 1 FROM fills WHERE strategy = 'ext'"), "the fill")


def test_a_producer_learns_whether_it_speaks_the_contract(
    dr: Dr, paced: subprocess.Popen[str]
) -> None:
    """Signals come from a pipe this time."""
    lines = dr.folder / "lines.jsonl"
    first = trade_signal(dr, "a")
    lines.write_text(f"{first}\n{trade_signal(dr, 'b')}\n{first}\n")
    record = dr.start("signal", "send", "-", "--data", "run", "--json", stdin=lines)
    output, errors = record.communicate(timeout=PATIENCE)
    assert record.returncode == 0, errors
    until(lambda: rows(dr, "SELECT 1 FROM signals WHERE signal_id = 'b'"), "the signals")
    words = ("producer", "check", "--data", "run")
    report = dr.json(*words, "--all")
    assert report["conforms"]
    assert (report["messages"], report["well_formed"], report["resent"]) == (3, 3, 1)
    assert sum(report["outcomes"].values()) == 2

    assert "nothing was sent" in dr.run(*words, "--producer", "nobody", "--for", "0.1", code=1)
    for how in (("--for", "1h"), ("--all",)):  # it is known before an hour has passed
        unknown = dr.run(*words, "--producer", "cly", *how, code=1)
        assert "nothing was sent: there is no producer cly; did you mean cli?" in unknown
    lines.write_text(trade_signal(dr, "c", quantity=0.01) + "\n")
    refused = dr.start(*words, "-", "--json", stdin=lines)
    output, _ = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 1
    assert [fault["rule"] for fault in json.loads(output)["faults"]] == ["wrong_type"]


def test_a_halt_is_acknowledged_by_risk_and_fill_and_survives_a_restart(
    dr: Dr, paced: subprocess.Popen[str], tape: Path
) -> None:
    halted = dr.json("halt", *WHO, "--data", "run")
    assert halted["acknowledged"] == ["risk", "fill"]
    paced.send_signal(signal.SIGKILL)
    paced.wait(PATIENCE)
    again = dr.start(
        "demo",
        "--tape",
        str(tape),
        "--instrument",
        INSTRUMENT,
        "--no-web",
        "--data",
        "run",
        "--speed",
        "60",
    )
    until(lambda: again.poll() is None and _sequence(dr) > halted["sequence"] + 3, "the restart")
    before = len(rows(dr, "SELECT 1 FROM fills"))
    (dr.folder / "late.jsonl").write_text(trade_signal(dr, "while-halted"))
    dr.run("signal", "send", "late.jsonl", "--data", "run")
    refused = until(
        lambda: rows(dr, "SELECT rule FROM refusals WHERE signal_id = 'while-halted'"), "a refusal"
    )
    assert refused[0][0].startswith("halt")
    assert len(rows(dr, "SELECT 1 FROM fills")) == before
    resumed = dr.json("resume", *WHO, "--data", "run")
    assert resumed["missing"] == []
    (dr.folder / "after.jsonl").write_text(trade_signal(dr, "after-resume"))
    dr.run("signal", "send", "after.jsonl", "--data", "run")
    until(lambda: rows(dr, "SELECT 1 FROM fills WHERE strategy = 'ext'"), "trading again")


def test_a_halt_that_nobody_hears_says_so(dr: Dr, tape: Path) -> None:
    dr.run(
        "demo",
        "--tape",
        str(tape),
        "--instrument",
        INSTRUMENT,
        "--no-web",
        "--data",
        "run",
        "--for",
        "1",
        "--speed",
        "60",
    )
    # Nobody is waited for where nobody can be: the wait would outlast the test.
    words = ("halt", *WHO, "--data", "run", "--wait", str(2 * PATIENCE))
    found = json.loads(dr.run(*words, "--json", code=None))
    assert found["missing"] == ["risk", "fill"]
    assert "no stack runs here" in found["error"]["message"]  # not how long it would have waited
    assert "no stack runs here: it is acknowledged when one starts" in dr.run(*words, code=1)


def test_limits_changed_while_running_bind_at_once_and_name_who_set_them(
    dr: Dr, paced: subprocess.Popen[str]
) -> None:
    dr.run("limits", "set", "order_notional_max=100", *WHO, "--data", "run")
    shown = dr.json("limits", "show", "--data", "run")
    assert shown["order_notional_max"] == "100"
    assert shown["actor"] == "ann"
    (dr.folder / "big.jsonl").write_text(trade_signal(dr, "too-big"))
    dr.run("signal", "send", "big.jsonl", "--data", "run")
    found = until(
        lambda: rows(
            dr,
            "SELECT rule, limit_value, limit_set_by FROM refusals WHERE signal_id = 'too-big'",
        ),
        "the refusal",
    )
    assert found[0] == ("order_notional_max", "100", shown["set_by"])


def test_flatten_closes_what_is_held(dr: Dr, paced: subprocess.Popen[str]) -> None:
    (dr.folder / "one.jsonl").write_text(trade_signal(dr, "held"))
    dr.run("signal", "send", "one.jsonl", "--data", "run")
    held = "SELECT quantity FROM positions WHERE strategy = 'ext'"
    until(lambda: rows(dr, held) and rows(dr, held)[0][0] == "0.01", "a position")
    dr.run("flatten", *WHO, "--data", "run")
    until(lambda: rows(dr, held)[0][0] == "0", "a flat book")


@pytest.mark.skipif(
    not HAS_NODE,
    reason="Node is not installed here: the producer in another language was NOT tested",
)
def test_a_producer_in_another_language_is_weighed_990_times_and_refused_10_times_by_name(
    dr: Dr, paced: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = example_with_packages(tmp_path_factory)
    given = dr.json("producer", "add", "ext", "--data", "run")  # while the stack runs
    sent = subprocess.run(
        [
            "node",
            "producer.mjs",
            "--url",
            given["url"],
            "--seed-file",
            given["seed_file"],
            "--book",
            "desk",
            "--producer",
            "ext",
            "--instrument",
            INSTRUMENT,
            "--start",
            tape_time(dr),
            "--count",
            "1000",
            "--malformed",
            "10",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert json.loads(sent.stdout)["sent"] == 1000
    weighed = (
        "SELECT count(DISTINCT signal_id) FROM (SELECT signal_id FROM orders WHERE producer = 'ext'"
        " UNION SELECT signal_id FROM refusals WHERE producer = 'ext' AND source = 'risk')"
    )
    until(lambda: rows(dr, weighed)[0][0] >= 990, "990 verdicts")
    assert rows(dr, weighed)[0][0] == 990
    malformed = rows(dr, "SELECT rule FROM refusals WHERE producer = 'ext' AND source = 'signal'")
    assert len(malformed) == 10
    assert all(rule for (rule,) in malformed)


def test_garbage_at_the_doors_is_refused_by_name_and_nothing_behind_it_waits(
    dr: Dr, paced: subprocess.Popen[str]
) -> None:
    import asyncio

    from deadreckon.archive.open_log import open_bus
    from deadreckon.contracts.subjects import operator_subject, producer_subject
    from deadreckon.runtime.process.folder import Folder
    from deadreckon.runtime.server.credentials import producer_role
    from deadreckon.runtime.server.rights import OPERATOR

    async def throw() -> None:
        folder = Folder(dr.folder / "run").check()
        doors = {
            producer_role("cli"): producer_subject("desk", "cli"),
            OPERATOR: operator_subject("desk", "cli"),
        }
        for role, door in doors.items():
            async with open_bus(folder, None, role) as bus:
                for garbage in (b"", b"\xff\x00", b"[" * 5_000, b"{}", b"null", b'{"id":1}'):
                    await bus.append(door, garbage)

    asyncio.run(throw())
    (dr.folder / "good.jsonl").write_text(trade_signal(dr, "behind-garbage"))
    dr.run("signal", "send", "good.jsonl", "--data", "run")
    until(lambda: rows(dr, "SELECT 1 FROM orders WHERE signal_id = 'behind-garbage'"), "the order")
    assert len(rows(dr, "SELECT 1 FROM refusals WHERE producer = 'cli'")) == 6
    operators = rows(dr, "SELECT rule FROM refusals WHERE source = 'governance'")
    assert len(operators) == 6
