"""A stack that stays up with strategies: one from a file trades, and a model is fitted once."""

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from deadreckon.contracts.codec import encode_event
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRefused
from deadreckon.models.hmm.training import TrainingSet
from deadreckon.node.command_answers import record_strategy
from deadreckon.node.operator_commands import in_force, record_facts
from deadreckon.runtime.process.job_process import run_here
from deadreckon.tools.crashtest.program import Edit, copy_program
from tests.cluster.live_stack import INSTRUMENT, opening
from tests.conftest import PATIENCE, ROOT
from tests.end_to_end.conftest import Dr, until
from tests.support.live_market import MINUTE, events_of, publish_bars

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("strategies")]

EXAMPLE = (ROOT / "docs" / "examples" / "breakout.py").read_text("utf-8")
NEIGHBOUR = "from decimal import Decimal\n\nALL = Decimal(1)\n"
WHO = ("--actor", "ann", "--reason", "try it", "--data", "desk")


def started(dr: Dr, program: Path = ROOT) -> "subprocess.Popen[str]":
    """A stack that says where it is, with what is traded, and cash."""
    process = dr.start("up", "--data", "desk", "--no-web", "--json", program=program)
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    return process


def stopped(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors


def test_a_strategy_from_a_file_trades_and_its_configurations_are_answered(dr: Dr) -> None:
    desk, mine = dr.folder / "desk", dr.folder / "mine.py"
    source = EXAMPLE.replace("from decimal", "import levels\nfrom decimal", 1)
    mine.write_text(source.replace("confidence=Decimal(1)", "confidence=levels.ALL"), "utf-8")
    (dr.folder / "levels.py").write_text(NEIGHBOUR, "utf-8")
    process = started(dr)
    asyncio.run(record_facts(desk, opening()))

    # It begins to trade: signal has taken it when the verb returns.
    first = ("--kind", "mine.py", "--instrument", INSTRUMENT, "--notional", "100")
    begun = dr.run("strategy", "set", "mine", "bars=2", "cooldown_seconds=0", *first, *WHO)
    assert begun.splitlines()[1:] == ["signal has taken it"]
    closes = [100, 101, 102]
    publish_bars(desk, INSTRUMENT, closes, time.time_ns())

    def fills() -> list[Any]:
        publish_bars(desk, INSTRUMENT, closes[-1:], time.time_ns())
        return [each for each in events_of(desk, OrderFilled) if each.strategy == "mine"]

    assert until(fills, "a fill")[0].side == "buy"

    # A parameter out of bounds stops nothing: it is refused with both numbers, and not recorded.
    bad = dr.run("strategy", "set", "mine", "bars=1", *WHO, code=1)
    assert "refused by bad_parameter" in bad
    assert "bars=1 (at least 2, at most 1000); nothing was recorded" in bad
    unknown = dr.run("strategy", "set", "mine", "bar=5", *WHO, code=1)
    assert "no parameter bar; breakout has bar_seconds, " in unknown
    (listed,) = dr.json("strategy", "list", "--data", "desk")
    assert listed["parameters"] == {"bars": "2", "cooldown_seconds": "0"}
    assert events_of(desk, SignalRefused) == []

    # By another door signal refuses it, as an event.
    (configured,) = asyncio.run(in_force(desk)).strategies.values()
    outcome = asyncio.run(record_strategy(desk, replace(configured, parameters={"bars": "1"}), 60))
    assert outcome.refused is not None
    assert (outcome.refused.rule, outcome.refused.strategy) == ("bad_parameter", "mine")
    assert dr.json("strategy", "set", "mine", "bars=2", *WHO)["refused"] is None

    # What the stack has imported has other code than what the verb sees.
    (dr.folder / "levels.py").write_text(f"{NEIGHBOUR}# second thoughts\n", "utf-8")
    other = json.loads(dr.run("strategy", "set", "mine", *WHO, "--json", code=1).splitlines()[0])
    assert other["refused"]["rule"] == "other_strategy_code"
    (dr.folder / "levels.py").write_text(NEIGHBOUR, "utf-8")
    stopped(process)

    alone = dr.json("strategy", "set", "mine", "bars=3", *WHO)
    assert (alone["answered"], alone["refused"]) == (None, None)
    words = ("replay", "rerun", "--all", "--data", "desk")
    assert dr.json(*words)["equal"]
    mine.write_text(f"{source}# second thoughts\n", "utf-8")
    assert "strategy mine: breakout was configured with code" in dr.run(*words, code=3)


SLOW_FIT = """
    import os, pathlib, time, msgspec
    folder = pathlib.Path({folder!r})
    unfinished = folder / f"{{os.getpid()}}.writing"
    unfinished.write_bytes(msgspec.json.encode(training))
    unfinished.rename(folder / f"{{os.getpid()}}.begun")
    deadline = time.monotonic() + {patience}
    while not (folder / "go").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
"""


def test_a_stack_that_is_killed_during_a_fit_fits_once(dr: Dr) -> None:
    desk, fits = dr.folder / "desk", dr.folder / "fits"
    fits.mkdir()
    says = 'Numeric trouble is never raised."""\n'
    slow = Edit(
        "models/hmm/fit.py", says, says + SLOW_FIT.format(folder=str(fits), patience=PATIENCE)
    )
    program = copy_program(dr.folder / "program", [slow])
    process = started(dr, program)
    asyncio.run(record_facts(desk, opening()))
    small = ("window=100", "states=2", "seeds=2", "iterations=5", "refit_every=1000")
    first = ("--kind", "hmm_regime", "--instrument", INSTRUMENT, "--notional", "100")
    dr.run("strategy", "set", "regime", *small, *first, *WHO)
    closes = [100 + (bar * bar * 7 + bar) % 13 for bar in range(140)]
    publish_bars(desk, INSTRUMENT, closes, time.time_ns() - MINUTE)

    (begun,) = until(lambda: list(fits.glob("*.begun")), "a fit that has begun")
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    until(lambda: not _is_alive(int(begun.stem)), "the end of the job of a stack that is gone")
    asked = begun.read_bytes()
    begun.unlink()

    process = started(dr, program)
    (again,) = until(lambda: list(fits.glob("*.begun")), "the fit that was left over")
    assert again.read_bytes() == asked
    assert events_of(desk, RegimeModelFitted) == []
    (fits / "go").touch()
    (fitted,) = until(lambda: events_of(desk, RegimeModelFitted), "a fitted model")
    undisturbed = run_here(msgspec.json.decode(asked, type=TrainingSet))
    assert encode_event(fitted) == encode_event(undisturbed)
    publish_bars(desk, INSTRUMENT, closes[:3], time.time_ns())
    stopped(process)

    assert len(list(fits.glob("*.begun"))) == 1
    assert events_of(desk, RegimeModelFitted) == [fitted]
    assert events_of(desk, RegimeModelRefused) == []
    words = ("replay", "rerun", "--all", "--service", "trainer", "--data", "desk")
    assert dr.json(*words)["equal"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
