"""A machine whose clock jumps: the stack does not follow it, says so, and goes on."""

import asyncio
import json
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.clock import ClockStepRefused
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import ClockTicked, MarkUpdated
from deadreckon.node.operator_commands import record_facts
from tests.conftest import ROOT
from tests.end_to_end.conftest import Dr, page, until
from tests.support.live_market import events_of

NAME = "BTCUSDT.PAPER"
WHO = ("--actor", "ann", "--reason", "opening")
DAYS = 86_400

# What the stack's process takes for the time: the machine's, and what a file says beside.
SITE = """
import time
from pathlib import Path
true = time.time_ns, time.time
def off():
    try:
        return int(Path({file!r}).read_text() or 0)
    except OSError:
        return 0
time.time_ns = lambda: true[0]() + off() * 10**9
time.time = lambda: true[1]() + off()
"""


class Machine:
    """A stack on a machine whose clock can be set off."""

    def __init__(self, dr: Dr, folder: Path) -> None:
        self.dr = dr
        self.data = folder / "desk"
        self._offset = folder / "offset"
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE.format(file=str(self._offset)))
        self._path = Path(f"{site}:{ROOT}")
        self._numbers = 0
        self.process: subprocess.Popen[str]
        self.web = ""

    def set_off(self, seconds: int) -> None:
        """Set the clock of the stack's machine off by this much."""
        written = self._offset.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self._offset)

    def start(self) -> None:
        words = ("up", "--data", "desk", "--json", "--web-port", "0")
        self.process = self.dr.start(*words, program=self._path)
        assert self.process.stdout is not None
        self.web = json.loads(self.process.stdout.readline())["web"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors

    def tell(self, *words: str) -> None:
        self.dr.run(*words, *WHO, "--data", "desk")

    def open(self) -> None:
        """An instrument with a price, cash and limits."""
        listing = ("kind=spot", "base_currency=BTC", "quote_currency=USDT", "tick_size=0.01")
        self.tell("instruments", "add", NAME, *listing, "lot_size=0.001")
        self.tell("venue", "set", "PAPER", "latency=0")
        self.tell("cash", "report", "USDT")
        self.tell("cash", "deposit", "USDT", "1000000")
        self.tell("limits", "set", "price_age_max=2h")

    def mark(self) -> None:
        asyncio.run(record_facts(self.data, [MarkUpdated(NAME, Decimal(100))]))

    def verdict(self) -> tuple[str, str]:
        """What becomes of a signal that is sent now, by a clock that is right."""
        self._numbers += 1
        told = {
            "id": f"signal-{self._numbers}",
            "strategy": "ext",
            "instrument": NAME,
            "side": "buy",
            "quantity": "0.001",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        path = self.data.parent / "signal.jsonl"
        path.write_text(json.dumps(told))
        words = ("signal", "send", str(path), "--wait", "--data", "desk")
        (found,) = self.dr.json(*words, code=None)["verdicts"]
        return found["outcome"], found["rule"]

    def health(self) -> Any:
        return page(f"{self.web}/health").json()

    def clock_condition(self) -> str:
        found = self.health()["trading"]["conditions"]
        return next((it["reason"] for it in found if it["condition"] == "clock_refused"), "")

    def ticks(self) -> int:
        return len(events_of(self.data, ClockTicked))


@pytest.fixture
def machine(dr: Dr, tmp_path: Path) -> Machine:
    return Machine(dr, tmp_path)


def test_a_glitch_is_refused_entries_go_on_and_health_says_so_until_it_is_over(
    machine: Machine,
) -> None:
    machine.start()
    machine.open()
    machine.mark()
    assert machine.verdict() == ("approved", "")
    until(lambda: machine.health()["ok"], "all is well")

    machine.set_off(9 * DAYS)
    reason = until(machine.clock_condition, "the clock's refusal in /health")
    assert "s ahead of the log" in reason
    health = machine.health()
    assert (health["ok"], health["trading"]["allowed"]) == (False, True)
    assert page(f"{machine.web}/readyz").json()["trading"]["conditions"]
    assert machine.verdict() == ("approved", "")
    assert "ahead of the log" in machine.dr.run("status", "--data", "desk")
    assert "clock_steps_refused_total" in page(f"{machine.web}/metrics").text

    machine.set_off(0)
    until(lambda: not machine.clock_condition(), "the clock to go on")
    assert machine.health()["ok"]
    assert machine.verdict() == ("approved", "")
    (refused,) = events_of(machine.data, ClockStepRefused)
    assert (refused.rule, refused.limit < 120, refused.measured > 9 * DAYS - 60) == (
        "clock_step",
        True,
        True,
    )
    machine.dr.json("clock", "accept", "--data", "desk", code=1)
    machine.stop()


def test_after_a_stop_of_a_month_the_operator_says_that_the_time_is_right(
    machine: Machine,
) -> None:
    machine.set_off(-30 * DAYS)
    machine.start()
    until(machine.ticks, "a tick")
    machine.stop()
    machine.set_off(0)

    machine.start()
    assert "after the start" in until(machine.clock_condition, "the refusal of the first step")
    before = machine.ticks()
    accepted = machine.dr.json("clock", "accept", "--data", "desk")
    assert accepted["answered"]
    assert accepted["time"] > time.time_ns() - 3_600 * NANOSECONDS
    until(lambda: machine.ticks() > before, "a tick")
    until(lambda: not machine.clock_condition(), "the condition to go")
    again = machine.dr.json("clock", "accept", "--data", "desk", code=1)
    assert again["refused"]["rule"] == "nothing_to_accept"
    machine.stop()


def test_a_log_that_is_ahead_is_taken_back_and_nothing_of_it_is_counted_twice(
    machine: Machine,
) -> None:
    machine.start()
    machine.open()
    machine.mark()
    assert machine.verdict() == ("approved", "")
    machine.tell("clock", "set", "step_max=30d")  # as if nothing had bounded it
    machine.set_off(9 * DAYS)
    until(lambda: machine.verdict()[1] == "too_old", "signals to be too old")
    machine.mark()
    machine.tell("clock", "set", "step_max=1min")

    machine.set_off(0)
    assert "behind the log" in until(machine.clock_condition, "the standstill in /health")
    far = machine.dr.run(
        "clock", "reset", "--to", "2090-01-01T00:00:00Z", "--data", "desk", "--json", code=1
    )
    assert "clock_not_ahead" in far, far
    back = machine.dr.json("clock", "reset", "--to", "now", "--data", "desk")
    assert abs(back["time"] - time.time_ns()) < 600 * NANOSECONDS
    until(lambda: machine.verdict() == ("approved", ""), "signals to be approved again")
    until(lambda: machine.health()["ok"], "all is well")
    machine.stop()

    machine.start()
    until(lambda: machine.verdict() == ("approved", ""), "signals after a restart")
    machine.stop()
    statements = {
        day: machine.dr.json("replay", "audit", day, "--data", "desk")
        for day in (_day(0), _day(9 * DAYS))
    }
    total = machine.dr.json("replay", "audit", "--all", "--data", "desk")
    for name in ("fills", "signals", "orders", "refusals"):
        assert sum(it[name] for it in statements.values()) == total[name]
    for name in ("realised", "fees", "net"):
        parts = [Decimal(it["pnl"][name]) for it in statements.values()]
        assert sum(parts) == Decimal(total["pnl"][name])
    assert total["checks"]["portfolio_differences"] == []
    assert "agree" in machine.dr.run("verify", "--data", "desk")
    sealed = machine.dr.json("archive", "seal", "--all", "--data", "desk")
    assert sealed["sealed"]
    machine.dr.run("archive", "verify", "--data", "desk")
    for day, statement in statements.items():
        sealed_day = machine.dr.json("replay", "pnl", day, "--data", "desk")
        assert sealed_day["pnl"] == statement["pnl"]
        assert sealed_day["fills"] == statement["fills"]
    machine.dr.run("replay", "rerun", "--all", "--data", "desk")


def _day(ahead: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + ahead))
