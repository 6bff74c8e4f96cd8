"""The order table: every state met by every report."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
)
from deadreckon.services.fill.decider import evolve, initial
from deadreckon.services.fill.order_table import (
    ENDED,
    TABLE,
    VENUE_TABLE,
    ImpossibleReportError,
    Status,
    next_status,
)
from deadreckon.services.fill.state import find, status_of
from tests.stories import DAY, MINUTE, START, at, bar, filled, listed, routed, venue
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import fill_driver, type_names
from tests.support.venue_samples import (
    accepted,
    cancel_refused,
    missing,
    not_sent,
    order_ended,
    refused,
    traded,
    unanswered,
    venue_fill_driver,
)

STATES: tuple[Status, ...] = get_args(Status)
INTENT = OrderSubmitting(
    order_id="o1",
    parent_id="o1",
    client_order_id="c1",
    signal_id="s1",
    producer="",
    strategy="ext",
    instrument="BTCUSDT.PAPER",
    venue="PAPER",
    symbol="BTCUSDT",
    side="buy",
    quantity=Decimal(10),
    order_type="stop_limit",
    limit_price=Decimal(100),
    stop_price=Decimal(99),
    time_in_force="gtc",
    post_only=False,
    reduce_only=False,
    purpose="entry",
)
REPORTS: dict[str, Event] = {
    "submitting": INTENT,
    "accepted": OrderAccepted("o1", "v1"),
    "unknown": OrderUnknown("o1", "c1", 0, "nobody saw it"),
    "triggered": OrderTriggered("o1", Decimal(99)),
    "replaced": OrderReplaced("o1", Decimal(9), Decimal(9), Decimal(100), Decimal(99)),
    "partly": filled("buy", 1, 100, leaves=9, id="part"),
    "wholly": filled("buy", 10, 100, leaves=0, id="whole"),
    "cancelled": OrderCancelled("o1", Decimal(10), "requested", ""),
    "expired": OrderExpired("o1", Decimal(10)),
    "rejected": OrderRejected("o1", "no_market", ""),
}
WAY_TO: dict[Status, list[str]] = {
    "routed": [],
    "submitting": ["submitting"],
    "unknown": ["submitting", "unknown"],
    "accepted": ["submitting", "accepted"],
    "triggered": ["submitting", "accepted", "triggered"],
    "partially_filled": ["submitting", "accepted", "partly"],
    "filled": ["submitting", "wholly"],
    "cancelled": ["submitting", "accepted", "cancelled"],
    "rejected": ["submitting", "rejected"],
    "expired": ["submitting", "accepted", "expired"],
}


def told(*reports: str) -> Any:
    """The state after these reports about one order."""
    state = initial()
    events = [listed(), venue(latency=5), *(REPORTS[report] for report in reports)]
    for number, event in enumerate(events):
        state = evolve(state, at(event, id=f"q{number}"))
    return state


def cells(table: str = TABLE, reports: Iterable[str] = REPORTS) -> dict[tuple[Status, str], str]:
    """A table read by other means than the program's: it is the specification."""
    lines = [line.split("|")[1:-1] for line in table.splitlines()]
    heads = [head.strip() for head in lines[0][1:]]
    rows = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines[2:]}
    return {(state, head): rows[state][heads.index(head)] for state in STATES for head in reports}


@pytest.mark.parametrize("state", STATES)
def test_the_way_to_each_state_leads_there(state: Status) -> None:
    assert status_of(told(*WAY_TO[state]), "o1") == state


@pytest.mark.parametrize(("state", "report"), list(product(STATES, REPORTS)))
def test_every_state_meets_every_report_as_the_table_says(state: Status, report: str) -> None:
    cell = cells()[state, report]
    if cell == "!":
        with pytest.raises(ImpossibleReportError, match="again"):
            told(*WAY_TO[state], report)
        return
    after = told(*WAY_TO[state], report)
    expected = state if cell == "." else cell
    assert status_of(after, "o1") == expected
    assert (find(after, "o1") is None) == (expected in ENDED or expected == "routed")


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_told_twice_is_as_good_as_once(report: str) -> None:
    if report != "submitting":
        assert told("submitting", report, report) == told("submitting", report)


def test_nothing_reopens_what_has_ended() -> None:
    later = [report for report in REPORTS if report != "submitting"]
    assert all(next_status(end, report) == end for end in ENDED for report in later)


def test_no_order_ever_moves_back() -> None:
    rank: dict[Status, int] = {
        "routed": 0,
        "submitting": 1,
        "unknown": 2,
        "accepted": 3,
        "triggered": 4,
        "partially_filled": 5,
    }
    rank.update(dict.fromkeys(ENDED, 6))
    for (state, report), cell in cells().items():
        if cell != "!":
            assert rank[next_status(state, report)] >= rank[state]


def test_an_acknowledgement_after_the_fill_does_not_reopen_the_order() -> None:
    state = told("submitting", "wholly", "accepted")
    assert status_of(state, "o1") == "filled"
    assert find(state, "o1") is None


def test_an_acknowledgement_after_a_partial_fill_keeps_what_has_filled() -> None:
    order = find(told("submitting", "partly", "accepted"), "o1")
    assert order is not None
    assert (order.status, order.filled) == ("partially_filled", Decimal(1))


def test_an_acknowledgement_told_twice_does_not_make_the_order_new_to_the_market() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    story.tell(bar(99, open=100), after=MINUTE)
    story.tell(OrderAccepted("o1", "v1"))
    assert story.tell(bar(100, open=99), after=MINUTE) == []  # an order that is new would take
    (fill,) = story.tell(bar(100, low=98), after=MINUTE)
    assert isinstance(fill, OrderFilled)
    assert (str(fill.price), fill.liquidity) == ("99", "maker")


def test_what_has_ended_waits_for_nothing() -> None:
    story = fill_driver(latency=5)
    story.tell(routed("buy", 1, expires_at=START + 9), REPORTS["cancelled"])
    assert (story.state.waiting, story.state.expiring) == ({}, {})
    assert (story.state.orders, story.state.instruments) == ({}, {})


def test_a_fill_that_comes_after_the_cancel_still_counts_in_the_position() -> None:
    story = fill_driver(routed("buy", 10, limit_price=90), REPORTS["cancelled"])
    assert story.tell(filled("buy", 4, 90, leaves=6)) == []
    assert story.state.positions == {"BTCUSDT.PAPER": {"ext": 4}}
    assert status_of(story.state, "o1") == "cancelled"


def test_a_trade_told_twice_is_folded_once() -> None:
    story = fill_driver(routed("buy", 10, limit_price=90))
    story.tell(filled("buy", 4, 90, leaves=6, id="t1"), filled("buy", 4, 90, leaves=6, id="t1"))
    assert story.state.positions == {"BTCUSDT.PAPER": {"ext": 4}}


def test_the_same_trade_id_at_another_venue_is_another_trade() -> None:
    story = fill_driver(
        filled("buy", 4, 90, id="t1"), filled("buy", 3, 90, id="t1", instrument="X.OTHER")
    )
    assert story.state.positions == {"BTCUSDT.PAPER": {"ext": 4}, "X.OTHER": {"ext": 3}}


def test_a_second_intent_for_an_order_is_a_bug_and_ends_the_process() -> None:
    with pytest.raises(ImpossibleReportError, match="accepted cannot be submitting again"):
        told("submitting", "accepted", "submitting")


def test_an_order_routed_twice_gets_one_intent() -> None:
    story = fill_driver(routed("buy", 10, limit_price=90))
    assert story.tell(routed("buy", 10, limit_price=90)) == []
    story.tell(REPORTS["cancelled"])
    assert story.tell(routed("buy", 10, limit_price=90)) == []


def test_what_has_ended_is_forgotten_after_seven_days_of_log_time() -> None:
    story = fill_driver(routed("buy", 1), bar(100))
    story.tell(bar(100), after=60)
    assert status_of(story.state, "o1") == "filled"
    story.tell(bar(100), after=7 * DAY)
    assert status_of(story.state, "o1") == "filled"
    assert len(story.state.trades.days) == 1
    story.tell(bar(100), after=DAY)
    assert status_of(story.state, "o1") == "routed"
    for seen in (story.state.trades, story.state.ended):
        assert seen.days == {}
        assert sum(map(len, seen.aside.values())) == 1  # one day's, in case time is taken back


def test_an_open_order_is_never_forgotten() -> None:
    story = fill_driver(routed("buy", 1, limit_price=90), bar(100))
    story.tell(*[bar(100)] * 30, after=DAY)
    assert status_of(story.state, "o1") == "accepted"


def test_the_table_in_the_docs_is_the_table_in_force() -> None:
    docs = Path(__file__).parents[2] / "docs" / "orders.md"
    assert TABLE in docs.read_text("utf-8")
    assert VENUE_TABLE in docs.read_text("utf-8")


# What is said to a real venue's reports.

VENUE_REPORTS: dict[str, Event] = {
    "accepted": accepted(),
    "rejected": refused(),
    "not_sent": not_sent(),
    "unanswered": unanswered(),
    "missing": missing(),
    "trade": traded("buy", 2, 100, id="another"),
    "ended": order_ended(filled=1),
    "cancel_rejected": cancel_refused(),
}
SAID = {
    ".": [],
    "accepted": ["OrderAccepted"],
    "rejected": ["OrderRejected"],
    "unknown": ["OrderUnknown"],
    "filled": ["OrderFilled"],
    "end": ["OrderCancelled"],
    "cancelling": ["OrderCancelling"],
    "halt": ["HaltImposed", "HaltAcknowledged"],
}


def worked(*reports: str) -> DeciderDriver:
    """A desk whose order at a real venue has met these reports."""
    story = venue_fill_driver()
    for report in reports:
        story.tell(REPORTS[report])
    return story


@pytest.mark.parametrize(("state", "report"), list(product(STATES, VENUE_REPORTS)))
def test_every_state_answers_every_report_of_a_venue_as_the_table_says(
    state: Status, report: str
) -> None:
    word = cells(VENUE_TABLE, VENUE_REPORTS)[state, report]
    story = worked(*WAY_TO[state])
    if state in ("submitting", "unknown", "accepted", "triggered") and report == "ended":
        story.tell(REPORTS["partly"])  # an end waits for its trades
    record = type_names(story.tell(VENUE_REPORTS[report]))
    wholly_over = state == "filled" and report == "trade"
    more = ["HaltImposed", "HaltAcknowledged"] if wholly_over else []
    assert record == SAID[word] + more


@pytest.mark.parametrize(("state", "report"), list(product(STATES, VENUE_REPORTS)))
def test_no_report_of_a_venue_reopens_an_order_nor_ends_it_twice(
    state: Status, report: str
) -> None:
    story = worked(*WAY_TO[state])
    story.tell(VENUE_REPORTS[report], VENUE_REPORTS[report])
    if state in (*ENDED, "routed"):
        assert status_of(story.state, "o1") == state
    ends = [
        end
        for _, record in story.history
        for end in record
        if isinstance(end.event, OrderCancelled)
    ]
    assert len(ends) <= 1
