"""Bytes and facts: the same fact gives the same bytes, and strange bytes give a named error."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from deadreckon.contracts.catalogue import EVENTS, VERSIONS
from deadreckon.contracts.codec import (
    UndecodableError,
    answer,
    canonical_event,
    decode_commit,
    decode_event,
    encode_commit,
    encode_event,
    unwrap,
    wrap,
)
from deadreckon.contracts.envelope import Commit, derive_id, digest
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import MarkUpdated
from deadreckon.contracts.portfolio import PositionChanged
from tests.contracts.samples import sample
from tests.stories import at

NAME = "market.mark_updated"


def mark(text: str) -> MarkUpdated:
    return MarkUpdated("BTCUSDT.PAPER", Decimal(text))


def price_of(data: bytes) -> Any:
    return json.loads(data)["price"]


# Canonical bytes.


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1E+3", "1000"),
        ("1.500", "1.5"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E+9", "0"),
        ("100", "100"),
        ("1E-18", "0.000000000000000001"),
        ("-12.30", "-12.3"),
    ],
)
def test_an_amount_is_written_without_exponent_trailing_zeros_and_negative_zero(
    written: str, stored: str
) -> None:
    assert price_of(encode_event(mark(written))) == stored


amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15)


@given(amounts, st.integers(0, 6))
def test_equal_events_have_equal_bytes(amount: Decimal, zeros: int) -> None:
    longer = Decimal(f"{amount:f}" + ("" if "." in f"{amount:f}" else ".") + "0" * zeros)
    assert encode_event(mark(str(amount))) == encode_event(mark(str(longer)))


@given(amounts)
def test_what_is_written_is_read_back_and_written_alike(amount: Decimal) -> None:
    event = mark(str(amount))
    stored = encode_event(event)
    read = decode_event(NAME, 1, stored)
    assert read == canonical_event(event)
    assert encode_event(read) == stored


def test_amounts_by_key_are_canonical_and_keys_are_in_order() -> None:
    event = sample(PositionChanged)
    one = msgspec.structs.replace(event, fees_other={"B": Decimal("1.0"), "A": Decimal("2E+1")})
    two = msgspec.structs.replace(event, fees_other={"A": Decimal(20), "B": Decimal(1)})
    assert encode_event(one) == encode_event(two)
    assert json.loads(encode_event(one))["fees_other"] == {"A": "20", "B": "1"}


def test_an_event_that_is_canonical_already_is_not_copied() -> None:
    event = mark("1.5")
    assert canonical_event(event) is event


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1E+200"])
def test_what_is_no_amount_is_never_written(amount: str) -> None:
    with pytest.raises(ValueError, match=r"finite|digits"):
        encode_event(mark(amount))


# Reading what others wrote.


def test_an_unknown_field_of_an_event_is_read_over() -> None:
    data = b'{"instrument":"X.P","price":"1","mood":["fine"]}'
    assert decode_event(NAME, 1, data) == MarkUpdated("X.P", Decimal(1))


@pytest.mark.parametrize(
    ("name", "v", "data", "record"),
    [
        ("market.mark_dreamt", 1, b"{}", "no such type"),
        (NAME, 2, b"{}", "versions up to 1"),
        (NAME, 0, b"{}", "versions up to 1"),
        (NAME, 1, b"{}", "missing required field `instrument`"),
        (NAME, 1, b'{"instrument":7,"price":"1"}', r"Expected `str`"),
        (NAME, 1, b'{"instrument":"X.P","price":"much"}', "Invalid decimal"),
        (NAME, 1, b'{"instrument":"X.P"', "truncated"),
        (NAME, 1, b'{"instrument":"\xff","price":"1"}', "utf-8"),
        (NAME, 1, b"", "truncated"),
        (NAME, 1, b"\x00\xff", "malformed"),
        (NAME, 1, b'{"mood":' + b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_such_event_is_named(name: str, v: int, data: bytes, record: str) -> None:
    with pytest.raises(UndecodableError, match=record):
        decode_event(name, v, data)


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=80))
def test_garbage_is_never_anything_but_undecodable(name: str, data: bytes) -> None:
    try:
        event = decode_event(name, VERSIONS[name], data)
    except UndecodableError:
        return
    assert type(event) is EVENTS[name]


def test_a_retired_halt_is_read_with_its_scope_in_words() -> None:
    data = b'{"actor":"ann","reason":"why","close_only":true}'
    halt = decode_event("governance.halt_requested", 1, data)
    assert halt == HaltRequested("ann", "why", scope="close_only")


# Envelopes and commits.


def commit(**changes: Any) -> Commit:
    record = wrap(answer(at(mark("1")), "risk", 0, mark("2.0")))
    plain = Commit("c", 1, 1, 4, 0, "", "0.1.0", [(4, 0, 1)], [record])
    return msgspec.structs.replace(plain, **changes)


def test_a_commit_is_read_back_and_written_alike() -> None:
    stored = encode_commit(commit())
    assert encode_commit(decode_commit(stored)) == stored
    assert (
        bytes(decode_commit(stored).events[0].data) == b'{"instrument":"BTCUSDT.PAPER","price":"2"}'
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"garbage",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"id":"c"}',
        encode_commit(commit())[:-1],
        encode_commit(commit()).replace(b'"n":1', b'"n":"one"'),
        encode_commit(commit()).replace(b"[4,0,1]", b"[4,0]"),
        b'{"id":"' + b"x" * 2_000_000 + b'"}',
    ],
    ids=lambda payload: repr(payload[:24]),
)
def test_what_is_no_commit_is_named(payload: bytes) -> None:
    with pytest.raises(UndecodableError, match="not a commit"):
        decode_commit(payload)


@given(st.binary(max_size=120))
def test_garbage_is_never_a_commit(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode_commit(payload)


def test_an_answer_names_its_cause_and_root_and_takes_its_time() -> None:
    question = msgspec.structs.replace(at(mark("1"), 77), root="r")
    record = answer(question, "risk", 3, mark("2.00"))
    assert record.id == derive_id(question.id, "risk", 3)
    assert (record.cause, record.root, record.at, record.source) == (question.id, "r", 77, "risk")
    assert str(record.event.price) == "2"  # type: ignore[attr-defined]


def test_sealing_and_unsealing_gives_the_same_fact_at_its_place() -> None:
    record = answer(at(mark("1")), "risk", 0, LimitsSet("ann", "why", drawdown_max=Decimal("0.10")))
    again = unwrap(wrap(record), sequence=9, index=2)
    assert again == msgspec.structs.replace(record, sequence=9, index=2)


def test_a_sealed_event_of_an_unknown_type_is_named() -> None:
    envelope = msgspec.structs.replace(wrap(at(mark("1"))), type="market.dreamt")
    with pytest.raises(UndecodableError, match="dreamt v1 is unknown"):
        unwrap(envelope)
    envelope = msgspec.structs.replace(envelope, type=NAME, data=Raw(b"{}"))
    with pytest.raises(UndecodableError, match="missing"):
        unwrap(envelope)


# Ids.


def test_ids_are_the_same_on_every_machine() -> None:
    assert derive_id("cause", "risk", 0) == "f6cb2925c6d6f19dcf0b825c085eac97"
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.integers(0, 9)), unique=True)
)
def test_no_two_answers_share_an_id(answers: list[tuple[str, str, int]]) -> None:
    plain = [one for one in answers if "|" not in one[0] + one[1]]
    assert len({derive_id(*one) for one in plain}) == len(plain)
