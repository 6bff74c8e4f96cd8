"""The pure readers of the doors, by hypothesis and by the mutator: an event, or a named refusal."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as draw

from deadreckon.contracts.codec import UndecodableError, decode_commit, decode_event, unwrap
from deadreckon.contracts.governance import OperatorMalformed
from deadreckon.contracts.inbound import (
    EVIDENCE_MAX,
    FACT_RULES,
    SIGNAL_RULES,
    read_fact,
    read_signals,
)
from deadreckon.contracts.signals import SignalMalformed
from deadreckon.contracts.timestamps import format_timestamp, parse_timestamp
from tests.fuzz.budget import SEED, attempt, share
from tests.fuzz.mutator import Mutator
from tests.fuzz.samples import ENTRY, facts, reports, signals, varied, varied_fact

ANY: draw.SearchStrategy[Any] = draw.recursive(
    draw.none() | draw.booleans() | draw.integers() | draw.floats() | draw.text(),
    lambda inner: draw.lists(inner) | draw.dictionaries(draw.text(), inner),
    max_leaves=8,
)


def read_door(payload: bytes) -> None:
    """Both doors, whatever it is: they are given the same."""
    for signal in read_signals("alice", payload):
        if isinstance(signal, SignalMalformed):
            assert signal.rule in SIGNAL_RULES
            assert len(signal.evidence) <= EVIDENCE_MAX
            assert len(signal.reason) <= EVIDENCE_MAX
    _, _, event = read_fact("ann", payload)
    if isinstance(event, OperatorMalformed):
        assert event.rule in FACT_RULES
        assert len(event.evidence) <= EVIDENCE_MAX
        assert len(event.reason) <= EVIDENCE_MAX


def read_commit(payload: bytes) -> None:
    with suppress(UndecodableError):
        for envelope in decode_commit(payload).events:
            unwrap(envelope)


@given(draw.binary())
def test_any_bytes_are_read_or_refused_by_name(payload: bytes) -> None:
    read_door(payload)
    read_commit(payload)


@given(ANY)
def test_any_json_is_read_or_refused_by_name(content: Any) -> None:
    read_door(json.dumps(content).encode("utf-8", "surrogatepass"))


@given(draw.sampled_from(sorted(ENTRY)), ANY)
def test_a_signal_with_anything_in_a_field_is_read_or_refused(name: str, value: Any) -> None:
    read_door(json.dumps(ENTRY | {name: value}).encode("utf-8", "surrogatepass"))


@given(draw.text())
def test_a_time_is_one_or_none(text: str) -> None:
    try:
        at = parse_timestamp(text)
    except ValueError:
        return
    assert parse_timestamp(format_timestamp(at)) == at


def test_mutated_messages_of_the_doors_are_read_or_refused() -> None:
    for number in range(share(10)):
        mutator = Mutator(f"parse/{SEED}", number)
        if mutator.random.random() < 0.5:
            sample, vary = mutator.random.choice(signals()), varied(mutator.random)
        else:
            sample, vary = mutator.random.choice(facts()), varied_fact(mutator.random)
        attempt("parse", number, mutator.payload(sample, vary), read_door)


def test_mutated_events_of_services_are_decoded_or_refused() -> None:
    samples = [(path.name.split(".v")[0], path.read_bytes()) for path in reports()]

    def decode(payload: bytes) -> None:
        with suppress(UndecodableError):
            decode_event(name, 1, payload)

    for number in range(share(5)):
        mutator = Mutator(f"event/{SEED}", number)
        name, sample = mutator.random.choice(samples)
        attempt("event", number, mutator.payload(sample), decode)
