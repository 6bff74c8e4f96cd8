"""What verbs take from the environment, and amounts as people write them."""

import getpass
import json
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli import cancel, flatten, limits, operator_facts, strategy
from deadreckon.contracts.event import NANOSECONDS, Event
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.formatting.field_text import format_field, parse_field
from deadreckon.node.operator_commands import InForce
from tests.cli.test_status import dr

HOUR = 3_600 * NANOSECONDS


class Recorder:
    """Takes the place of the log: keeps what verbs would record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Any] = []
        self.folders: list[Path] = []
        self.waits: list[float] = []
        for module in (operator_facts, flatten, cancel):
            monkeypatch.setattr(module, "publish_command", self.command)
        monkeypatch.setattr("deadreckon.cli.halt.publish_and_wait", self.wait)
        monkeypatch.setattr("deadreckon.cli.resume.publish_and_wait", self.wait)

    def command(self, verb: str, event: Event, options: Any, *services: str) -> None:
        self.events.append(event)
        self.folders.append(options.data)

    def wait(self, verb: str, event: Event, options: Any, wait: float) -> None:
        self.command(verb, event, options)
        self.waits.append(wait)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    monkeypatch.chdir(tmp_path)  # no stack runs here
    monkeypatch.delenv("DR_DATA", raising=False)
    monkeypatch.delenv("DR_ACTOR", raising=False)
    monkeypatch.setattr(limits, "in_force", lambda data, nats: InForce())
    return Recorder(monkeypatch)


def test_a_halt_needs_neither_actor_nor_reason(recorded: Recorder) -> None:
    assert dr("halt") == 0

    actor = f"{getpass.getuser()}@{socket.gethostname()}"
    assert recorded.events == [HaltRequested(actor, "-", "all")]
    assert recorded.folders == [Path("var")]


@pytest.mark.parametrize(
    "words", [("halt",), ("resume",), ("flatten",), ("cancel", "--all")], ids=" ".join
)
def test_the_environment_stands_for_folder_and_actor(
    words: tuple[str, ...], recorded: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DR_DATA", "desk1")
    monkeypatch.setenv("DR_ACTOR", "ann")

    assert dr(*words) == 0
    assert dr(*words, "--data", "desk2", "--actor", "ben", "--reason", "late feed") == 0

    who = [(each.actor, each.reason) for each in recorded.events]
    assert who == [("ann", "-"), ("ben", "late feed")]
    assert recorded.folders == [Path("desk1"), Path("desk2")]


def test_what_changes_the_rules_still_needs_a_reason(
    recorded: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("limits", "set", "order_notional_max=100") == 2
    assert "parameter --reason is missing." in capsys.readouterr().err
    assert dr("limits", "set", "order_notional_max=100", "--reason") == 2
    assert "parameter --reason requires an argument." in capsys.readouterr().err
    assert recorded.events == []


@pytest.mark.parametrize("verb", ["limits", "clock"])
def test_a_change_of_nothing_is_wrong_usage(
    verb: str, recorded: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr(verb, "set", "--reason", "none") == 2
    assert "give NAME=VALUE, such as " in capsys.readouterr().err
    assert recorded.events == []


def test_a_wait_is_seconds_or_a_duration(recorded: Recorder) -> None:
    for text in ("5", "0.5", "90s", "2min"):
        assert dr("halt", "--wait", text) == 0
    assert recorded.waits == [5, 0.5, 90, 120]
    assert dr("halt", "--wait", "long") == 2


def test_limits_are_set_as_people_write_them(recorded: Recorder) -> None:
    words = [
        "price_age_max=2h",
        "risk.quarantine_window=6h",
        "order_gap_min=1m30s",
        "breaker_cooldown=300000000000",
        "drawdown_max=10%",
        "confidence_min=0.25",
        "markets_allowed=spot,perpetual",
        "instruments_allowed=BTCUSDT.PAPER, ETHUSDT.PAPER",
        'exposure_exempt=["A.PAPER","B.PAPER"]',
        "daily_loss_max=off",
    ]

    assert dr("limits", "set", *words, "--reason", "smaller") == 0

    (found,) = recorded.events
    assert isinstance(found, LimitsSet)
    assert (found.price_age_max, found.quarantine_window) == (2 * HOUR, 6 * HOUR)
    assert (found.order_gap_min, found.breaker_cooldown) == (90 * NANOSECONDS, 300 * NANOSECONDS)
    assert (found.drawdown_max, found.confidence_min) == (Decimal("0.1"), Decimal("0.25"))
    assert found.markets_allowed == ("spot", "perpetual")
    assert found.instruments_allowed == ["BTCUSDT.PAPER", "ETHUSDT.PAPER"]
    assert found.exposure_exempt == ["A.PAPER", "B.PAPER"]
    assert found.daily_loss_max is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("price_age_max=2x", "price_age_max: '2x' is not a duration; write it as 6h, 90s"),
        ("price_age_max=0.1ns", "too fine"),
        ("drawdown_max=ten%", "drawdown_max: 'ten%' is not a percentage; write it as 10%"),
        ("drawdown_max=NaN%", "is not a percentage"),
        ("drawdwn_max=10%", "did you mean drawdown_max?"),
        ("price_age_max=120", "price_age_max: 120 of what? Write its unit: 120s, or 120ns"),
        ("breaker_cooldown=999999", "of what?"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(
    words: str, said: str, recorded: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("limits", "set", words, "--reason", "smaller") == 2
    assert said in capsys.readouterr().err
    assert recorded.events == []


def test_limits_are_printed_as_they_are_written_and_json_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_ = LimitsSet(
        "ann", "smaller", quarantine_window=6 * HOUR, drawdown_max=Decimal("0.1"), order_gap_min=0
    )
    monkeypatch.setattr(limits, "in_force", lambda data, nats: InForce(limits=("id-1", set_)))

    assert dr("limits", "show") == 0
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines() if line)
    assert shown["set_by"] == "id-1"
    assert shown["quarantine_window"] == "6h"
    assert shown["drawdown_max"] == "10%"
    assert shown["markets_allowed"] == "spot,perpetual"

    assert dr("limits", "show", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["quarantine_window"], found["drawdown_max"]) == (6 * HOUR, "0.1")
    assert found["markets_allowed"] == ["spot", "perpetual"]


@pytest.mark.parametrize(
    ("shape", "name", "value"),
    [
        (LimitsSet, "quarantine_window", 6 * HOUR + 90 * NANOSECONDS + 1),
        (LimitsSet, "price_age_max", 0),
        (VenueConfigured, "latency", 250_000_000),
    ],
)
def test_what_is_printed_is_read_again(shape: type[Event], name: str, value: int) -> None:
    assert int(parse_field(shape, name, format_field(shape, name, value))) == value


def test_a_strategys_share_may_be_a_percentage(
    recorded: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy, "in_force", lambda data, nats: InForce())
    monkeypatch.setattr(
        strategy, "_publish", lambda configured, wait, options: recorded.events.append(configured)
    )
    kind = ("--kind", "moving_average_cross", "--instrument", "BTCUSDT.PAPER", "--notional", "100")

    assert dr("strategy", "set", "x", "confidence_min=25%", "fast=5", *kind, "--reason", "r") == 0

    (found,) = recorded.events
    assert found.parameters == {"confidence_min": "0.25", "fast": "5"}


def test_fees_of_a_venue_are_shares_too() -> None:
    fee = "taker_fee_rate"
    assert format_field(VenueConfigured, fee, Decimal("0.0005")) == "0.05%"
    assert parse_field(VenueConfigured, fee, "-0.01 %") == "-0.0001"
