"""Why: every refusal by its rule and numbers, every order back to what began it, every figure
summed."""

import asyncio
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from deadreckon.contracts.amounts import text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import HaltImposed, HaltRequested
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.portfolio import EquityMarked, PositionChanged
from deadreckon.contracts.signals import SignalRaised, SignalReceived, SignalRefused
from deadreckon.replay.lookup import UnknownIdError
from deadreckon.replay.why.document import figure_document, story_document
from deadreckon.replay.why.figure_page import figure_page
from deadreckon.replay.why.job import WhyResult, find_reason
from deadreckon.replay.why.page import page
from deadreckon.replay.why.picture import as_dot, as_svg
from deadreckon.replay.why.tracing import Explanation
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests import sessions
from tests.sessions.logs import facts_in, log_of
from tests.support.verb_schemas import check_document

SCRIPTS = sorted(
    path.stem
    for path in (Path(sessions.__file__).parent / "scripts").glob("*.py")
    if path.stem != "__init__"
)
DOORS = (SignalReceived, BarClosed)


log = log_of


def facts(name: str, *shapes: type) -> list[Recorded[Any]]:
    return facts_in(log(name), *shapes)


def asked(name: str, what: str, depth: int = 24) -> WhyResult:
    bus = MemoryBus(MemoryLog(list(log(name))))
    return asyncio.run(find_reason(bus, what, depth, lambda *_: None))


def story(name: str, what: str, depth: int = 24) -> Explanation:
    found = asked(name, what, depth).story
    assert found is not None
    return found


def lines(answer: Explanation) -> str:
    return "\n".join(f"{line.gutter} {line.guides}{line.text}" for line in page(answer))


def behind(answer: Explanation, *shapes: type) -> list[Recorded[Any]]:
    ids = [branch.id for root in answer.story.causes for branch in root]
    found = [answer.nodes[name].record for name in ids]
    return [record for record in found if isinstance(record.event, shapes)]


def ahead(answer: Explanation, *shapes: type) -> list[Recorded[Any]]:
    ids = [branch.id for root in answer.story.effects for branch in root]
    found = [answer.nodes[name].record for name in ids]
    return [record for record in found if isinstance(record.event, shapes)]


@pytest.mark.parametrize("name", [*SCRIPTS, "chance 1", "chance 4"])
def test_every_refusal_names_its_rule_its_limit_and_what_was_measured(name: str) -> None:
    refusals = facts(name, SignalRefused)
    for record in refusals:
        answer = story(name, record.id)
        (no,) = [each for each in answer.nodes[record.id].details if each.is_bad]
        assert no.name == f"refused by {record.event.rule}"
        assert no.figures["rule"] == record.event.rule
        for figure, amount in (("limit", record.event.limit), ("measured", record.event.measured)):
            assert no.figures.get(figure) == (None if amount is None else text(amount))
        if record.event.limit_set_by is not None:
            assert no.id == record.event.limit_set_by
            assert behind(answer, LimitsSet, HaltRequested, HaltImposed)


@pytest.mark.parametrize("name", [*SCRIPTS, "chance 1", "chance 4"])
def test_every_order_leads_back_to_the_market_or_to_a_producers_message(name: str) -> None:
    for record in facts(name, OrderApproved):
        if record.event.purpose == "entry":
            answer = story(name, record.event.order_id)
            assert answer.story.asked.id == record.id
            assert behind(answer, SignalRaised)
            assert behind(answer, *DOORS)


@pytest.mark.parametrize("name", ["moving_average", "split_order", "partial_fills", "real_venue"])
def test_every_fill_leads_back_to_its_signal_through_its_own_order_alone(name: str) -> None:
    for record in facts(name, OrderFilled):
        answer = story(name, record.id)
        approvals = behind(answer, OrderApproved)
        assert approvals
        assert behind(answer, SignalRaised)
        assert {fill.event.strategy for fill in behind(answer, OrderFilled)} <= {
            record.event.strategy
        }


def test_a_fill_shows_slippage_position_profit_and_the_room_that_is_left() -> None:
    entry, closing, *_ = facts("moving_average", OrderFilled)
    found = {each.name: each for each in story("moving_average", entry.id).nodes[entry.id].details}
    # Sold at 93.99: 1 bp below the open at 94, and 1.01 below the close of 95 that decided it.
    assert found["slippage"].figures == {
        "price": "93.99",
        "against": "94",
        "basis_points": "1.0638",
    }
    assert found["since the signal"].figures["against"] == "95"
    assert found["since the signal"].text.startswith("1.01 (106.3158 bp) worse")
    assert found["position"].figures == {"before": "0", "after": "-10.526"}
    assert found["profit"].figures["fee"] == "0.49466937"
    closed = story("moving_average", closing.id).nodes[closing.id].details
    profit = next(each for each in closed if each.name == "profit")
    assert profit.figures["realised"] == "-47.57752"
    assert profit.figures["net"] == text(Decimal("-47.57752") - closing.event.fee)


def test_an_approval_shows_what_every_rule_measured_and_who_set_its_limit() -> None:
    record = next(
        record
        for record in facts("limits_changed", OrderApproved)
        if record.event.order_type == "limit" and record.event.quantity == 6
    )
    answer = story("limits_changed", record.id)
    details = {each.name: each for each in answer.nodes[record.id].details}
    weighed = details["passes order_notional_max"]
    assert (weighed.figures["limit"], weighed.figures["measured"]) == ("1000", "600")
    assert "400 left; set by test in limits-" in weighed.text
    assert weighed.id in {record.id for record in behind(answer, LimitsSet)}
    assert "rules" in details["off"].text


def test_a_halt_shows_what_set_it_off_and_what_it_stopped() -> None:
    (halt,) = facts("daily_loss", HaltImposed)[:1]
    answer = story("daily_loss", halt.id)
    assert behind(answer, OrderFilled, BarClosed)
    assert behind(answer, LimitsSet)
    assert ahead(answer, SignalRefused)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_mark_of_equity_shows_what_changed_it_since_the_one_before(name: str) -> None:
    for before, mark in pairwise(facts(name, EquityMarked)):
        answer = story(name, mark.id)
        since = [branch.id for branch in answer.story.causes if branch.label == "since"]
        fills = facts(name, OrderFilled)
        between = [
            record.id for record in fills if before.sequence < record.sequence < mark.sequence
        ]
        assert [name for name in since if name in between] == between
        (changed,) = [each for each in answer.nodes[mark.id].details if each.name == "changed"]
        assert Decimal(changed.figures["equity"]) == mark.event.equity - before.event.equity


def test_portfolio_had_yet_to_tell_of_a_fill_that_has_only_just_come() -> None:
    fill = facts("moving_average", OrderFilled)[0]
    it = fill.event
    found = asked("moving_average", f"pnl:{it.strategy}/{it.instrument}@{fill.sequence}").figure
    assert found is not None
    assert found.agrees is None
    assert found.held.quantity == Decimal("-10.526")


def test_a_stop_leads_back_through_the_entry_that_it_protects() -> None:
    *_, stop = facts("moving_average", OrderFilled)
    answer = story("moving_average", stop.id)
    assert behind(answer, OrderFilled)
    assert behind(answer, SignalRaised)


def test_every_line_has_a_place_and_an_id_and_fits_the_page() -> None:
    fill = facts("moving_average", OrderFilled)[0]
    answer = story("moving_average", fill.id)
    for line in page(answer):
        assert len(line.gutter) + 2 + len(line.guides) + len(line.text) <= 100
    for node in answer.nodes.values():
        assert node.record.sequence
        assert f"{node.record.sequence}.{node.record.index}  {node.record.id[:8]}" in lines(answer)


def test_a_story_goes_no_further_than_it_is_asked_to() -> None:
    fill = facts("moving_average", OrderFilled)[0]
    near = story("moving_average", fill.id, depth=1)
    assert all(not branch.branches for branch in (*near.story.causes, *near.story.effects))
    assert story_document(near).not_followed
    alone = story("moving_average", fill.id, depth=0)
    assert list(alone.nodes) == [fill.id]


def test_one_object_of_json_has_every_event_once_and_ties_between_events_of_it() -> None:
    fill = facts("moving_average", OrderFilled)[0]
    document = story_document(story("moving_average", fill.id))
    check_document("why", document)
    ids = [node.id for node in document.nodes]
    assert len(ids) == len(set(ids))
    for tie in (*document.causes, *document.effects):
        assert {tie.start, tie.end} <= set(ids)
    order = {node.id: (node.sequence, node.index) for node in document.nodes}
    assert all(order[tie.start] < order[tie.end] for tie in document.causes)


@pytest.mark.parametrize("name", ["moving_average", "daily_loss", "partial_fills"])
def test_a_picture_is_sound_svg_with_every_event_and_no_overlap_and_always_the_same(
    name: str,
) -> None:
    for record in facts(name, OrderFilled, HaltImposed)[:4]:
        answer = story(name, record.id)
        drawn = as_svg(answer)
        assert drawn == as_svg(story(name, record.id))
        root = ElementTree.fromstring(drawn)  # our own
        space = "{http://www.w3.org/2000/svg}"
        boxes = [group[0].attrib for group in root.iter(f"{space}g")]
        assert len(boxes) == len(answer.nodes)
        for one in boxes:
            for other in boxes:
                assert one is other or _apart(one, other)
        assert as_dot(answer).count("[label=") >= len(answer.nodes)


def _apart(one: dict[str, str], other: dict[str, str]) -> bool:
    return any(
        int(first[start]) + int(first[size]) <= int(second[start])
        for first, second in ((one, other), (other, one))
        for start, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("name", ["moving_average", "flip", "perpetual_funding", "base_fees"])
def test_a_profit_is_the_sum_of_what_made_it_at_every_place_where_it_was_told(name: str) -> None:
    last = {
        (record.sequence, record.event.strategy): record for record in facts(name, PositionChanged)
    }
    for record in last.values():
        it = record.event
        found = asked(name, f"pnl:{it.strategy}/{it.instrument}@{record.sequence}").figure
        assert found is not None
        assert found.agrees
        assert found.realised == it.realised
        assert found.funding == it.funding
        assert found.fees.get(it.currency, Decimal(0)) == it.fees
        assert found.held.quantity == it.quantity
        assert found.published == record.id


def test_a_figure_is_told_in_lines_and_in_json() -> None:
    last = facts("moving_average", PositionChanged)[-1].event
    found = asked("moving_average", f"position:{last.strategy}/{last.instrument}")
    assert found.figure is not None
    shown = [line.text for line in figure_page(found.history, found.figure)]
    assert "realised -102.8832" in shown[1]
    assert any(line.startswith("portfolio says the same at ") for line in shown)
    document = figure_document(found.history, found.figure)
    check_document("why", document)
    assert sum(Decimal(flow.realised) for flow in document.flows) == last.realised


def test_what_the_log_does_not_have_is_refused_in_clear_words() -> None:
    with pytest.raises(UnknownIdError, match="nothing with the id"):
        asked("moving_average", "f" * 32)
    with pytest.raises(UnknownIdError, match="had not traded X"):
        asked("moving_average", "pnl:cross/X")
    with pytest.raises(UnknownIdError, match="the log ends at message"):
        asked("moving_average", "pnl:cross/BTCUSDT.PAPER@999999")


def test_a_row_of_the_market_that_nobody_answered_has_no_effects() -> None:
    bar = facts("moving_average", BarClosed)[1]
    answer = story("moving_average", f"{bar.sequence}.{bar.index}")
    assert answer.story.asked.id == bar.id
    assert not answer.story.effects
    assert "And so: nothing in the log" in lines(answer)


def test_models_are_no_part_of_a_story_without_them() -> None:
    fill = facts("moving_average", OrderFilled)[0]
    assert not behind(story("moving_average", fill.id), RegimeModelFitted)
