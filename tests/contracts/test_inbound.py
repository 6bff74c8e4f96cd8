"""What comes in from outside: read exactly, or refused under a name, whatever the bytes."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts import inbound
from deadreckon.contracts.catalogue import EVENTS, NAMES, OPERATOR_EVENTS, VERSIONS
from deadreckon.contracts.codec import encode_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import HaltRequested, OperatorMalformed
from deadreckon.contracts.inbound import (
    BATCH_MAX,
    EVIDENCE_MAX,
    FACT_RULES,
    SIGNAL_RULES,
    TEXT_MAX,
    read_fact,
    read_signals,
    write_fact,
)
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import MarkUpdated
from deadreckon.contracts.signals import SignalMalformed, SignalReceived
from deadreckon.tools.docgen.schemas import documents
from tests.contracts.samples import sample

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "golden" / "doors.json").read_text("utf-8")
)

GOOD = {
    "id": "s-1",
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "0.01",
    "at": "2026-11-20T12:00:00Z",
}


def sent(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["sent_hex"]) if "sent_hex" in case else case["sent"].encode()


def read(door: str, payload: bytes) -> list[Any]:
    return read_signals("ext", payload) if door == "in" else [read_fact("ann", payload)[2]]


def told(event: Event) -> dict[str, Any]:
    kind = type(event).__name__
    if isinstance(event, SignalMalformed | OperatorMalformed):
        return {"kind": kind, "rule": event.rule}
    return {"kind": kind, "body": json.loads(encode_event(event))}


def one(**changes: Any) -> Any:
    """The only wish in a good signal with some fields changed; None takes a field away."""
    body = {name: value for name, value in (GOOD | changes).items() if value is not None}
    (trade_signal,) = read_signals("ext", json.dumps(body).encode())
    return trade_signal


# Golden samples.


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['door']}: {case['claim']}")
def test_what_was_sent_is_read_as_it_always_was(case: dict[str, Any]) -> None:
    assert [told(event) for event in read(case["door"], sent(case))] == case["read"]


def test_every_refusal_of_the_doors_has_a_sample() -> None:
    shown: dict[str, set[str]] = {"in": set(), "op": set()}
    for case in CASES:
        shown[case["door"]] |= {event["rule"] for event in case["read"] if "rule" in event}
    assert shown["in"] == set(SIGNAL_RULES)
    assert shown["op"] == set(FACT_RULES) - {"id_reused"}  # that one needs a memory: the intake's


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "rule" not in case["read"][0] and "sent" in case],
    ids=lambda case: case["claim"],
)
def test_what_is_read_fits_the_published_schema(case: dict[str, Any]) -> None:
    schema = documents()["wire-signal" if case["door"] == "in" else "wire-fact"]
    body = json.loads(case["sent"])
    for item in body if isinstance(body, list) else [body]:
        if item.get("side") != "hold":
            jsonschema.Draft202012Validator(schema).validate(item)


@pytest.mark.parametrize(
    "claim",
    [
        "a misspelt stop loss",
        "no id",
        "an amount as a JSON number",
        "a side that is none",
        "two sizes",
        "no size",
        "a cancel that also replaces",
    ],
)
def test_the_published_schema_refuses_what_it_can_see(claim: str) -> None:
    case = next(case for case in CASES if case["claim"] == claim)
    validator = jsonschema.Draft202012Validator(documents()["wire-signal"])
    assert not validator.is_valid(json.loads(case["sent"]))


# Signals.


def test_the_same_wish_in_other_words_is_the_same_wish() -> None:
    plain = json.dumps(GOOD).encode()
    spaced = json.dumps(dict(reversed(GOOD.items())), indent=3).encode()
    assert read_signals("ext", plain) == read_signals("ext", spaced)


def test_another_wish_under_the_same_id_has_another_body() -> None:
    assert one().body != one(quantity="0.02").body


def test_a_batch_is_read_in_order_and_a_bad_one_stops_nobody() -> None:
    batch = [GOOD | {"id": f"s-{n}"} for n in range(5)]
    batch[2]["side"] = "hold"
    sent_signals = read_signals("ext", json.dumps(batch).encode())
    assert [trade_signal.signal_id for trade_signal in sent_signals] == [f"s-{n}" for n in range(5)]
    assert [type(trade_signal) is SignalReceived for trade_signal in sent_signals] == [
        True,
        True,
        False,
        True,
        True,
    ]
    bad = sent_signals[2]
    assert isinstance(bad, SignalMalformed)
    assert bad.position == 2


def test_a_batch_holds_as_many_as_it_may_and_not_one_more() -> None:
    item = json.dumps(GOOD)
    full = f"[{','.join([item] * BATCH_MAX)}]".encode()
    assert len(read_signals("ext", full)) == BATCH_MAX
    (refusal,) = read_signals("ext", full[:-1] + b"," + item.encode() + b"]")
    assert isinstance(refusal, SignalMalformed)
    assert refusal.rule == "batch_size"


def test_evidence_and_reason_stay_short_whatever_was_sent() -> None:
    refusal = one(side="x" * 100_000, id="i" * 5_000)
    assert len(refusal.evidence) == EVIDENCE_MAX
    assert len(refusal.reason) <= EVIDENCE_MAX
    assert len(refusal.signal_id) == TEXT_MAX


def test_a_refusal_carries_what_could_be_read_of_the_wish() -> None:
    refusal = one(side="hold")
    assert (refusal.signal_id, refusal.strategy) == ("s-1", "ext")
    assert refusal.instrument == "BTCUSDT.PAPER"


def test_a_wish_is_read_alike_from_any_depth_of_the_stack() -> None:
    """A parser's own bound is the interpreter's: what is left of it depends on who called."""
    nested = json.dumps(GOOD | {"meta": None}).replace("null", "[" * 300 + "]" * 300).encode()

    def deep(frames: int) -> Any:
        return deep(frames - 1) if frames else read_signals("ext", nested)

    assert deep(0) == deep(700)


def test_brackets_in_a_text_are_no_depth() -> None:
    batch = [GOOD | {"id": f"{n}", "meta": {"note": '[{"' * 30 + "\\"}} for n in range(3)]
    sent_signals = read_signals("ext", json.dumps(batch).encode())
    assert [type(trade_signal) for trade_signal in sent_signals] == [SignalReceived] * 3


texts = st.text(max_size=20) | st.sampled_from(["buy", "limit", "0.01", "1e3", "NaN", "-0", "x.Y"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
FIELDS = [*GOOD, "notional", "order_type", "limit_price", "stop_price", "time_in_force", "meta"]
FIELDS += ["post_only", "reduce_only", "confidence", "ttl_seconds", "cancel", "replace", "extra"]


def refusals_have_names(door: str, payload: bytes) -> None:
    rules = SIGNAL_RULES if door == "in" else FACT_RULES
    events = read(door, payload)
    assert events
    for event in events:
        encode_event(event)  # what is read can be written
        if isinstance(event, SignalMalformed | OperatorMalformed):
            assert event.rule in rules
            assert event.reason


@given(st.sampled_from(["in", "op"]), st.binary(max_size=200))
def test_no_bytes_break_a_door(door: str, payload: bytes) -> None:
    refusals_have_names(door, payload)


@given(st.sampled_from(["in", "op"]), json_values)
def test_no_json_breaks_a_door(door: str, content: Any) -> None:
    refusals_have_names(door, json.dumps(content).encode("utf-8", "surrogatepass"))


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=5))
def test_no_field_of_a_good_signal_can_be_spoilt_so_that_the_door_breaks(
    changes: dict[str, Any],
) -> None:
    refusals_have_names("in", json.dumps(GOOD | changes).encode("utf-8", "surrogatepass"))


@given(st.sampled_from(["quantity", "limit_price", "confidence"]), st.floats() | st.integers())
def test_no_number_of_json_is_ever_taken_for_an_amount(field: str, number: float) -> None:
    payload = json.dumps(GOOD | {"order_type": "limit", "limit_price": "1"} | {field: number})
    (refusal,) = read_signals("ext", payload.encode())
    assert isinstance(refusal, SignalMalformed)
    assert refusal.rule in ("wrong_type", "not_json")  # NaN and Infinity are no JSON at all


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value="0.000001"))
def test_every_decent_amount_is_taken_exactly(amount: Any) -> None:
    trade_signal = one(quantity=str(amount))
    if amount < 10**15:
        assert trade_signal.quantity == amount
        assert "E" not in str(trade_signal.quantity)
    else:
        assert trade_signal.rule == "bad_number"


# Operators' facts.


def fact(name: str, data: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"id": "f", "type": name, "v": VERSIONS[name], "data": data} | more).encode()


def refused(payload: bytes) -> str:
    event = read_fact("ann", payload)[2]
    assert isinstance(event, OperatorMalformed)
    return event.rule


@pytest.mark.parametrize("name", sorted(OPERATOR_EVENTS))
def test_what_is_written_for_an_operator_is_read_back(name: str) -> None:
    event = sample(EVENTS[name])
    shares = {
        field: None
        for field in event.__struct_fields__
        if field in ("drawdown_max", "win_rate_min", "confidence_min", "venue_errors_max")
    }
    changes: dict[str, Any] = dict(shares)
    if name == "instruments.venue_configured":
        changes = {"participation": msgspec.structs.replace(event).participation / 10_000}  # type: ignore[attr-defined]
    event = msgspec.structs.replace(event, **changes)
    fact_id, body, read_back = read_fact("ann", write_fact("f-1", name, event))
    assert not isinstance(read_back, OperatorMalformed), read_back.reason
    assert (fact_id, len(body), NAMES[type(read_back)]) == ("f-1", 64, name)
    assert encode_event(read_back) == encode_event(event)


@pytest.mark.parametrize("name", sorted(set(EVENTS) - OPERATOR_EVENTS))
def test_no_operator_can_say_what_only_services_say(name: str) -> None:
    assert refused(write_fact("f-1", name, sample(EVENTS[name]))) == "not_allowed"


def test_the_same_fact_in_other_words_has_the_same_body() -> None:
    plain = write_fact("f", "governance.limits_set", LimitsSet("ann", "why"))
    spaced = json.dumps(json.loads(plain), indent=2).encode()
    assert read_fact("ann", plain)[1] == read_fact("ann", spaced)[1]


@pytest.mark.parametrize(
    "build",
    [
        lambda number: {"drawdown_max": number},
        lambda number: {"strategy_allocations": {"ext": number}},
        lambda number: {"order_notional_max": number},
    ],
)
@pytest.mark.parametrize("number", [0.5, 1, 0, True, 1e300])
def test_an_operators_amount_is_text_at_every_level(
    build: Callable[[Any], dict[str, Any]], number: Any
) -> None:
    data = {"actor": "ann", "reason": "why"} | build(number)
    assert refused(fact("governance.limits_set", data)) == "wrong_type"


@given(
    st.sampled_from(sorted(OPERATOR_EVENTS)),
    st.dictionaries(
        st.sampled_from([*LimitsSet.__struct_fields__, "amount", "currency"]),
        json_values,
        max_size=6,
    ),
)
def test_no_body_of_a_fact_breaks_the_door(name: str, data: dict[str, Any]) -> None:
    refusals_have_names("op", json.dumps(json.loads(fact(name, data))).encode())


def test_a_field_named_twice_is_refused_at_both_doors() -> None:
    signal = (
        b'{"id":"a","strategy":"ext","instrument":"A.B","side":"buy","side":"sell",'
        b'"quantity":"1","at":"2026-11-20T12:00:00Z"}'
    )
    (trade_signal,) = inbound.read_signals("ext", signal)
    assert isinstance(trade_signal, SignalMalformed)
    assert trade_signal.rule == "duplicate_field"
    fact = b'{"id":"1","id":"2","type":"governance.halt_requested","v":2,"data":{}}'
    refused = inbound.read_fact("ann", fact)[2]
    assert isinstance(refused, OperatorMalformed)
    assert refused.rule == "duplicate_field"


def test_a_number_of_many_digits_is_refused_like_any_other() -> None:
    (trade_signal,) = inbound.read_signals("ext", b'{"id":' + b"9" * 10_000 + b"}")
    assert isinstance(trade_signal, SignalMalformed)


def test_an_operator_without_a_name_or_a_reason_is_refused() -> None:
    for halt in (HaltRequested("", "why"), HaltRequested("ann", "  ")):
        fact = inbound.write_fact("f1", "governance.halt_requested", halt)
        refused = inbound.read_fact("ann", fact)[2]
        assert isinstance(refused, OperatorMalformed)
        assert "must not be empty" in refused.reason


def test_a_mark_is_signed_by_a_name_and_a_reason_or_by_neither() -> None:
    price = Decimal(100)
    for signature in (("", ""), ("ann", "no feed")):
        event = MarkUpdated("BTCUSDT.PAPER", price, *signature)
        assert read_fact("cli", write_fact("m", "market.mark_updated", event))[2] == event
    for half in (("ann", ""), ("", "no feed"), ("ann", " ")):
        event = MarkUpdated("BTCUSDT.PAPER", price, *half)
        refused = read_fact("cli", write_fact("m", "market.mark_updated", event))[2]
        assert isinstance(refused, OperatorMalformed)
        assert refused.rule == "bad_text"
