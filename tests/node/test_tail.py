"""The log as `dr tail` tells it: lines for people, envelopes for programs."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from deadreckon.contracts import governance, orders, signals
from deadreckon.contracts.codec import encode_commit, wrap
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Event
from deadreckon.contracts.inbound import write_fact
from deadreckon.formatting.events import (
    DESCRIPTIONS,
    RoundedStyle,
    Style,
    describe,
    describe_briefly,
)
from deadreckon.formatting.text import TEXT_MAX
from deadreckon.node.tail import TailedEvent, TailReader
from deadreckon.runtime.log.bus import Stored
from tests.contracts.samples import sample
from tests.stories import START, at, bar, deposit, filled, signal
from tests.support.handmade_logs import equity

REFUSED = signals.SignalRefused(
    "s1", "", "ext", "BTCUSDT.PAPER", "max", Decimal(5), Decimal(7), "l1", "too \x1b[31mbig"
)


def commit(*events: Event, subject: str = "log.desk.risk.events", sequence: int = 7) -> Stored:
    envelopes = [wrap(at(event, id=f"e{index}")) for index, event in enumerate(events)]
    made = Commit("c", 1, 1, 6, 0, "", "test", [(6, 0, len(envelopes))], envelopes)
    return Stored(sequence, subject, encode_commit(made))


def told(stored: Stored, *patterns: str) -> list[TailedEvent]:
    return list(TailReader(patterns).read(stored))


def test_every_event_of_a_commit_is_a_line_with_its_place() -> None:
    first, second = told(commit(REFUSED, filled("buy", 2, 100)))

    assert (first.sequence, first.index, first.at) == (7, 0, "2026-03-02 00:00:00")
    assert (second.index, second.name) == (1, "OrderFilled")
    assert "bought 2 BTCUSDT.PAPER at 100" in second.text


def test_a_refusal_shows_both_its_numbers_and_no_control_characters() -> None:
    (shown,) = told(commit(REFUSED))

    assert shown.text == (
        "ext BTCUSDT.PAPER: signal s1 refused by max (fact l1): limit 5, measured 7; too ·[31mbig"
    )


def test_as_json_a_line_is_the_envelope_as_it_lies_in_the_log() -> None:
    (line,) = told(commit(REFUSED))

    document: dict[str, Any] = msgspec.json.decode(line.document)
    assert (document["sequence"], document["index"]) == (7, 0)
    assert (document["type"], document["v"]) == ("signals.signal_refused", 1)
    assert document["at"] == START
    assert document["data"]["measured"] == "7"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("SignalRefused", ["SignalRefused"]),
        ("order*", ["OrderFilled"]),
        ("signals.*", ["SignalRefused"]),
        ("*", ["SignalRefused", "OrderFilled"]),
        ("Bar*", []),
    ],
)
def test_types_are_asked_for_by_either_name(pattern: str, names: list[str]) -> None:
    assert [line.name for line in told(commit(REFUSED, filled("buy", 2, 100)), pattern)] == names


def test_several_types_may_be_asked_for() -> None:
    found = told(commit(REFUSED, filled("buy", 2, 100), bar()), "SignalRefused", "Bar*")

    assert [line.name for line in found] == ["SignalRefused", "BarClosed"]


def test_an_operators_fact_is_told_as_it_was_sent() -> None:
    payload = write_fact("f1", "portfolio.cash_deposited", deposit(5))

    (line,) = told(Stored(3, "log.desk.op.ann", payload))

    assert (line.source, line.name) == ("op.ann", "CashDeposited")
    assert msgspec.json.decode(line.document)["payload"]["id"] == "f1"


def test_what_is_no_signal_is_told_too() -> None:
    (line,) = told(Stored(3, "log.desk.in.alice", b"\xff\x00 nonsense"))

    assert (line.source, line.name) == ("in.alice", "SignalMalformed")
    assert msgspec.json.decode(line.document)["payload"].endswith("nonsense")


def test_damage_is_told_in_place_of_facts() -> None:
    (line,) = told(Stored(9, "log.desk.risk.events", b"{}"))

    assert line.name == "LogDamaged"
    assert "log.desk.risk.events: not a commit" in line.text


def test_a_line_about_a_signal_has_its_terms_and_its_strategy() -> None:
    assert line(signal("sell", notional=500, order_type="limit", limit_price=101)) == (
        "signal s1 raised for ext: sell BTCUSDT.PAPER for 500 at limit 101"
    )


def test_a_refusal_has_its_figures_in_the_unit_of_its_rule() -> None:
    halt = governance.HaltImposed(
        "close_only", "daily_loss_max", Decimal(250), Decimal("251.099"), None, "lost", START
    )
    assert line(halt) == (
        "halt e1 (close_only) until 2026-03-02 00:00:00 by daily_loss_max: "
        "limit 250, measured 251.10; lost"
    )


def test_the_line_and_the_narration_of_a_signal_that_is_too_old_are_both_in_seconds() -> None:
    late = signals.SignalRefused(
        "s1", "ext", "ext", "X.PAPER", "too_old", Decimal(60), Decimal(75), None, "late"
    )
    assert "limit 60 s, measured 75 s" in line(late)
    assert "limit 60 s, measured 75 s" in describe(at(late), Style())


def test_amounts_are_rounded_and_ids_are_cut_to_their_first_characters() -> None:
    order = "0123456789abcdef" * 2
    assert line(orders.OrderAccepted(order, "v1")) == "order 01234567 accepted"
    assert line(equity("100037.48564024")).startswith("equity 100,037.49 USDT: ")


def test_market_events_are_short() -> None:
    assert line(bar(100)) == "BTCUSDT.PAPER bar of 1 min: all at 100, volume 1,000 base"


@pytest.mark.parametrize("shape", DESCRIPTIONS, ids=lambda shape: shape.__name__)
def test_every_type_of_event_has_a_short_line(shape: type[Event]) -> None:
    text = line(sample(shape))
    assert text
    assert text.isprintable()
    assert len(text) <= TEXT_MAX


def line(event: Event) -> str:
    return describe_briefly(at(event, id="e1"), RoundedStyle())
