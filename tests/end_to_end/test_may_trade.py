"""What may be traded and why not: every condition made true and false in a stack that runs."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import MarkUpdated
from deadreckon.node.operator_commands import record_facts
from deadreckon.runtime.server.nats_server import running_server
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, page, until

WHO = ("--actor", "ann", "--reason", "opening")
NAME = "BTCUSDT.PAPER"
LISTING = (
    "kind=spot",
    "base_currency=BTC",
    "quote_currency=USDT",
    "tick_size=0.01",
    "lot_size=0.001",
)
DAY = 86_400 * NANOSECONDS


class Desk:
    """A stack that runs, and what its gateway says of it."""

    def __init__(self, dr: Dr, *words: str) -> None:
        self.dr = dr
        self.process: subprocess.Popen[str] = dr.start(
            "up", "--data", "desk", "--json", *(words or ("--web-port", "0"))
        )
        assert self.process.stdout is not None
        self.web = json.loads(self.process.stdout.readline())["web"]

    def tell(self, *words: str) -> None:
        self.dr.run(*words, *WHO, "--data", "desk")

    def limit(self, *settings: str) -> None:
        self.tell("limits", "set", *settings)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, errors

    def health(self) -> Any:
        return page(f"{self.web}/health").json()

    def conditions(self) -> list[tuple[str, str]]:
        found = self.health()["trading"]["conditions"]
        return [(it["condition"], it["stops"]) for it in found]

    def shows(self, *conditions: tuple[str, str]) -> Any:
        """Wait until exactly these conditions hold; every page and `dr status` agree on them."""
        until(lambda: self.conditions() == [*conditions], f"{conditions}: {self.health()}")
        answers = [page(f"{self.web}/{name}") for name in ("health", "readyz")]
        health, ready = [answer.json() for answer in answers]
        status = self.dr.json("status", "--data", "desk")
        allowed = not conditions
        assert [answer.status_code for answer in answers] == [200 if allowed else 503, 200]
        assert (health["ok"], health["trouble"], ready["ok"]) == (allowed, "", True)
        assert bool(health["reason"]) is not allowed
        for trading in (health["trading"], ready["trading"], status["trading"]):
            assert trading["allowed"] is allowed
            assert trading["exits_allowed"] is all(stops == "entries" for _, stops in conditions)
            assert names_of(trading) == [name for name, _ in conditions]
            assert trading["instruments"] == ([NAME] if allowed else [])
            reasons = (trading["reason"], health["reason"])  # a price grows older between them
            assert len({reason.partition(" is ")[0] for reason in reasons}) == 1
            assert all(it["reason"] and it["remedy"] for it in trading["conditions"])
        return health["trading"]


def names_of(trading: Any) -> list[str]:
    return [it["condition"] for it in trading["conditions"]]


@pytest.fixture
def desk(dr: Dr) -> Desk:
    found = Desk(dr)
    until(lambda: page(f"{found.web}/readyz").status_code == 200, "readiness")
    return found


def priced(dr: Dr) -> None:
    asyncio.run(record_facts(dr.folder / "desk", [MarkUpdated(NAME, Decimal(50_000))]))


def test_every_condition_of_the_book_is_told_while_it_holds_and_no_longer(
    desk: Desk, dr: Dr
) -> None:
    desk.shows(("no_limits", "everything"), ("no_instrument", "everything"))
    text = dr.run("status", "--data", "desk")
    assert "nothing may be traded: nobody has set limits" in text
    assert "no instrument is listed" in text

    desk.limit(f"price_age_max={DAY}")
    desk.shows(("no_instrument", "everything"))
    desk.tell("instruments", "add", NAME, *LISTING)
    unknown, unpriced = ("venue_unknown", "everything"), ("no_price", "everything")
    unrated = ("no_rate", "entries")
    found = desk.shows(unknown, unpriced, unrated)
    assert [it["instrument"] for it in found["conditions"]] == [NAME] * 3
    assert found["conditions"][0]["remedy"] == "`dr venue set PAPER`"

    desk.tell("venue", "set", "PAPER")
    desk.shows(unpriced, unrated)
    priced(dr)
    desk.shows(unrated)
    desk.tell("cash", "report", "EUR")
    assert "USDT has no rate to EUR" in desk.shows(unrated)["reason"]
    desk.tell("cash", "report", "USDT")
    desk.shows()
    assert f"may be traded: {NAME}" in dr.run("status", "--data", "desk")

    desk.tell("cash", "deposit", "UDST", "10")
    desk.shows()  # no limit speaks of equity
    desk.limit("drawdown_max=10%")
    found = desk.shows(("cash_unrated", "entries"))
    assert found["reason"] == "UDST is held and has no rate to USDT, so equity is not known"
    desk.tell("cash", "withdraw", "UDST", "10")
    desk.shows()

    desk.limit("trading_enabled=false")
    desk.shows(("trading_disabled", "everything"))
    desk.limit("trading_enabled=true")
    desk.shows()
    desk.limit('instruments_allowed=["ETHUSDT.PAPER"]')
    desk.shows(("not_allowed", "entries"))
    desk.limit("instruments_allowed=[]", "price_age_max=1ns")
    reason = desk.shows(("price_stale", "entries"))["reason"]
    assert "old, price_age_max is 0.000000001 s" in reason
    desk.limit(f"price_age_max={DAY}")
    desk.shows()

    desk.tell("halt", "--scope", "close_only")
    reason = desk.shows(("halted", "entries"))["reason"]
    assert reason.startswith("the book is halted (close_only) by ann since ")
    assert reason.endswith(": opening")
    assert "exits alone may be traded" in dr.run("status", "--data", "desk")
    desk.tell("halt")
    desk.shows(("halted", "everything"), ("halted", "entries"))
    desk.tell("resume")
    desk.shows()
    desk.tell("instruments", "remove", NAME)
    desk.shows(("no_instrument", "everything"))


def test_a_damaged_log_is_a_condition_of_its_own(desk: Desk, dr: Dr) -> None:
    asyncio.run(damage(dr.folder / "desk"))
    expected = ("log_damaged", "everything")
    until(lambda: expected in desk.conditions(), "word of the damage")
    first = desk.health()["trading"]["conditions"][0]
    assert (first["condition"], first["stops"]) == expected
    assert "log.desk.trainer" in first["reason"]


async def damage(data: Path) -> None:
    """Write what is no commit into the domain of a service."""
    server = running_server(data)
    assert server is not None
    bus = await server.endpoint.bus("trainer")
    try:
        await bus.append("log.desk.trainer.events", b"no commit")
    finally:
        await bus.close()


def halted(status: Any) -> Sequence[str]:
    return [halt["reason"] for halt in status["data"]["halts"]]


def test_a_halt_given_to_a_stopped_stack_shows_and_so_does_its_resume(dr: Dr) -> None:
    desk = Desk(dr)
    desk.tell("halt")
    desk.tell("resume")
    desk.stop()
    stopped = dr.json("status", "--data", "desk")
    assert halted(stopped) == []
    assert names_of(stopped["trading"]) == ["not_running", "no_limits", "no_instrument"]

    words = ("--actor", "bob", "--reason", "feed looks wrong", "--wait", "0.1", "--data", "desk")
    dr.run("halt", *words, code=1)
    status = dr.json("status", "--data", "desk")
    assert halted(status) == ["feed looks wrong"]
    (halt,) = status["data"]["halts"]
    assert (halt["actor"], halt["scope"], halt["source"]) == ("bob", "all", "op.cli")
    assert halt["sequence"] == status["sequence"] + 1
    assert halt["acknowledged_by"] == []
    assert list(stopped) == list(status)
    assert names_of(status["trading"]) == ["not_running", "halted", "no_limits", "no_instrument"]
    text = dr.run("status", "--data", "desk")
    assert "HALTED (all) by bob, acknowledged by nobody: feed looks wrong" in text
    assert "nothing may be traded: no stack runs on desk" in text

    dr.run("resume", *words, code=1)
    assert halted(dr.json("status", "--data", "desk")) == []
    assert "HALTED" not in dr.run("status", "--data", "desk")


def test_a_stack_without_a_gateway_is_read_from_its_log(dr: Dr) -> None:
    desk = Desk(dr, "--no-web")
    # What the views say is there once they have begun.
    until((dr.folder / "desk" / "audit.sqlite").exists, "the views")
    desk.limit("trading_enabled=false")
    found = dr.json("status", "--data", "desk")["trading"]
    assert (found["allowed"], names_of(found)) == (False, ["trading_disabled", "no_instrument"])
