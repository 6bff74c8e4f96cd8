"""What producers wish: raised once, and refused by name when its time or id is wrong."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.event import Event
from deadreckon.contracts.signals import (
    CancelRaised,
    CancelReceived,
    ReplaceRaised,
    ReplaceReceived,
    SignalMalformed,
    SignalRaised,
    SignalRefused,
)
from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.services.signal import decider as signal
from tests.stories import DAY, HOUR, INSTRUMENT, MINUTE, SECOND, START, amount, at, received
from tests.support.driver import DeciderDriver

WEEK = 7 * DAY


def story(start: int = START) -> DeciderDriver:
    return DeciderDriver(signal, "signal", start)


def rules(events: list[Event]) -> list[str]:
    """What became of wishes: raised, or the rule of the refusal."""
    return [event.rule if isinstance(event, SignalRefused) else "raised" for event in events]


def test_a_wish_is_raised_with_all_it_says_and_the_time_it_claims() -> None:
    trade_signal = received(
        "sell",
        "0.5",
        claimed_at=START - SECOND,
        order_type="limit",
        limit_price=amount(101),
        post_only=True,
        confidence=amount("0.7"),
        stop_loss=amount(110),
        take_profit=amount(90),
        meta={"model": "m7"},
    )
    assert story().tell(trade_signal) == [
        SignalRaised(
            signal_id="s1",
            producer="alice",
            strategy="ext",
            instrument=INSTRUMENT,
            side="sell",
            quantity=Decimal("0.5"),
            notional=None,
            order_type="limit",
            limit_price=Decimal(101),
            post_only=True,
            confidence=Decimal("0.7"),
            stop_loss=Decimal(110),
            take_profit=Decimal(90),
            claimed_at=START - SECOND,
            expires_at=None,
            meta={"model": "m7"},
        )
    ]


def test_a_time_to_live_counts_from_the_producers_own_time() -> None:
    (raised,) = story().tell(received(claimed_at=START - MINUTE, ttl_seconds=30))
    assert isinstance(raised, SignalRaised)
    assert raised.expires_at == START - MINUTE + 30 * SECOND


def test_a_signal_without_a_time_has_that_of_the_log_when_it_was_read() -> None:
    (raised,) = story().tell(received(claimed_at=None, ttl_seconds=30), after=MINUTE)
    assert isinstance(raised, SignalRaised)
    assert raised.claimed_at == START + MINUTE
    assert raised.expires_at == START + MINUTE + 30 * SECOND


def test_the_log_before_its_first_time_has_none_to_give() -> None:
    (refused,) = story(start=0).tell(received(claimed_at=None))
    assert rules([refused]) == ["no_clock"]


def test_the_same_signal_without_a_time_is_raised_once() -> None:
    told = story()
    assert len(told.tell(received(claimed_at=None))) == 1
    assert told.tell(received(claimed_at=None), after=DAY) == []


def test_a_cancel_is_raised_for_its_target_and_left_to_risk_to_judge() -> None:
    trade_signal = CancelReceived("c1", "alice", "body", START, "ext", "never heard of")
    assert story().tell(trade_signal) == [CancelRaised("c1", "alice", "ext", "never heard of")]


def test_a_replacement_is_raised_with_what_it_changes() -> None:
    trade_signal = ReplaceReceived(
        "r1", "alice", "body", START, "ext", "s1", None, Decimal(99), None
    )
    assert story().tell(trade_signal) == [
        ReplaceRaised("r1", "alice", "ext", "s1", None, Decimal(99), None)
    ]


def test_what_is_no_signal_is_refused_with_its_rule_and_evidence_every_time() -> None:
    trade_signal = SignalMalformed("s1", "alice", "", "", "not_json", "unexpected end", "{", 0)
    refused = SignalRefused(
        "s1", "alice", "", "", "not_json", None, None, None, "unexpected end", "{"
    )
    assert story().tell(trade_signal, trade_signal) == [refused, refused]


# --- The same id ---------------------------------------------------------------------------------


def test_the_same_id_with_the_same_content_is_the_same_signal() -> None:
    assert rules(story().tell(received(), received(), received())) == ["raised"]


def test_an_id_with_another_content_is_refused_however_often_it_comes() -> None:
    other = received(quantity=2, body="other")
    assert rules(story().tell(received(), other, other, received())) == [
        "raised",
        "id_reused",
        "id_reused",
    ]


def test_cancels_and_signals_share_their_producers_ids() -> None:
    cancel = CancelReceived("s1", "alice", "another body", START, "ext", "s0")
    assert rules(story().tell(received(), cancel)) == ["raised", "id_reused"]


def test_two_producers_may_use_the_same_id() -> None:
    assert rules(story().tell(received(), received(producer="bob", body="other"))) == ["raised"] * 2


def test_a_restart_does_not_forget_an_id() -> None:
    before = story()
    before.tell(received())
    after = before.restarted(signal)
    assert after.state == before.state
    assert rules(after.tell(received(), received(body="other"))) == ["id_reused"]


def test_an_id_is_known_for_seven_days_of_log_time() -> None:
    told = story()
    told.tell(received(claimed_at=START))
    told.tell(received(id="s2", claimed_at=START + WEEK), after=WEEK)
    assert told.tell(received(claimed_at=START)) == []
    assert rules(told.tell(received(claimed_at=START), after=2 * DAY)) == ["too_old"]


def test_memory_holds_no_more_days_than_the_horizon_needs() -> None:
    told = story()
    for day in range(40):
        told.tell(received(id=f"s{day}", claimed_at=told.now), after=DAY)
    assert len(told.state.seen.bodies.days) == 9


@given(
    claimed=st.integers(-8 * DAY, 10 * MINUTE),
    waits=st.lists(st.integers(0, 4 * DAY), min_size=1, max_size=6),
)
def test_no_wish_is_ever_raised_twice(claimed: int, waits: list[int]) -> None:
    told = story()
    trade_signal = received(claimed_at=START + claimed)
    answers = [answer for wait in [0, *waits] for answer in told.tell(trade_signal, after=wait)]
    assert rules(answers).count("raised") <= 1


# --- Its time ------------------------------------------------------------------------------------


def test_a_claim_of_seven_days_ago_is_raised_and_an_older_one_refused_with_both_numbers() -> None:
    just_inside = received(id="s1", claimed_at=START - WEEK)
    too_old = received(id="s2", claimed_at=START - WEEK - SECOND // 2)
    raised, refused = story().tell(just_inside, too_old)
    assert isinstance(raised, SignalRaised)
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, refused.limit, refused.measured) == (
        "too_old",
        Decimal(604_800),
        Decimal("604800.5"),
    )


def test_a_claim_five_minutes_ahead_is_raised_and_one_further_ahead_refused() -> None:
    just_inside = received(id="s1", claimed_at=START + 5 * MINUTE)
    too_far = received(id="s2", claimed_at=START + 5 * MINUTE + 1)
    raised, refused = story().tell(just_inside, too_far)
    assert isinstance(raised, SignalRaised)
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, refused.limit, refused.measured) == (
        "from_the_future",
        Decimal(300),
        Decimal("300.000000001"),
    )


def test_a_producer_that_sends_todays_time_to_an_old_tape_is_told_to_send_the_tapes() -> None:
    tape_time = parse_timestamp("2022-01-05T10:00:00Z")
    (refused,) = story(tape_time).tell(received(claimed_at=parse_timestamp("2026-11-20T12:00:00Z")))
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "from_the_future"
    for part in ("2026-11-20T12:00:00Z", "2022-01-05T10:00:00Z", "tape"):
        assert part in refused.reason


def test_a_refused_claim_stays_refused_even_when_its_time_has_come() -> None:
    told = story()
    early = received(claimed_at=START + HOUR)
    assert rules(told.tell(early)) == ["from_the_future"]
    assert told.tell(early, after=HOUR) == []


def test_before_the_first_clock_every_wish_is_refused_and_none_is_used_up() -> None:
    told = story(start=0)
    assert rules(told.tell(received(), received())) == ["no_clock", "no_clock"]
    assert rules(told.tell(at(received(), START, id="later"))) == ["raised"]


@pytest.mark.parametrize(
    "trade_signal",
    [
        CancelReceived("c1", "alice", "body", START - WEEK - 1, "ext", "s1"),
        ReplaceReceived(
            "r1", "alice", "body", START - WEEK - 1, "ext", "s1", None, Decimal(9), None
        ),
    ],
)
def test_changes_age_like_signals(trade_signal: Event) -> None:
    assert rules(story().tell(trade_signal)) == ["too_old"]


def test_what_was_heard_survives_a_snapshot() -> None:
    told = story()
    told.tell(received(), received(body="other"))
    stored = msgspec.json.encode(told.state, order="deterministic")
    assert msgspec.json.decode(stored, type=signal.State) == told.state
