"""The log as `dr tail` tells it: lines for people, envelopes for programs."""

from decimal import Decimal
from typing import Any, get_type_hints

import msgspec
import pytest

from deadreckon.contracts import catalogue, governance, market, orders, signals
from deadreckon.contracts.codec import encode_commit, wrap
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Event
from deadreckon.contracts.inbound import write_fact
from deadreckon.formatting.events.short import tell
from deadreckon.node.tail import TailedEvent, TailReader
from deadreckon.runtime.log.bus import Stored
from tests.stories import START, at, bar, deposit, filled, limits, wish

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
    assert "buy 2 BTCUSDT.PAPER at 100" in second.text


def test_a_refusal_shows_both_its_numbers_and_no_control_characters() -> None:
    (line,) = told(commit(REFUSED))

    assert line.text == "max 7 against 5: too ·[31mbig (ext BTCUSDT.PAPER)"


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


def test_a_wish_says_what_it_wants_and_on_which_terms() -> None:
    record = tell(wish("sell", notional=500, order_type="limit", limit_price=101))

    assert record == "ext: sell 500.00 worth of BTCUSDT.PAPER limit, limit price 101"


def test_an_event_without_words_of_its_own_is_told_by_what_it_changes() -> None:
    assert tell(limits(order_notional_max=5)) == "actor test, reason story, order_notional_max 5"


def test_every_event_there_is_can_be_told() -> None:
    blanks: dict[Any, Any] = {str: "x", int: 1, bool: True, Decimal: Decimal(1)}
    for shape in catalogue.EVENTS.values():
        hints = get_type_hints(shape)
        values = {name: blanks.get(hints[name]) for name in shape.__struct_fields__}
        assert isinstance(tell(shape(**values)), str)


def test_a_halt_by_a_rule_says_until_when() -> None:
    halt = governance.HaltImposed(
        "close_only", "daily_loss_max", Decimal(250), Decimal("251.099"), None, "lost", START
    )

    assert tell(halt) == (
        "close_only until 2026-03-02 00:00:00 by daily_loss_max 251.10 against 250: lost"
    )


def test_market_facts_are_short() -> None:
    assert tell(market.ClockTicked()) == ""
    assert tell(bar(100)) == "BTCUSDT.PAPER 1 min: 100 100 100 100, volume 1,000 base"
    assert tell(orders.OrderAccepted("o1", "v1")) == "order_id o1, venue_order_id v1"
