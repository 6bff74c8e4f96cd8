"""Every shape ever written decodes for ever: one stored sample of each, byte for byte.

`DR_RETELL=1` writes what is missing and what changed; review the diff. Retired shapes never change,
and those of a release only in ways that break nobody (`dr contracts check`): a new version takes
their place, and the old shape goes to history.py.
"""

import hashlib
import json
import os
from pathlib import Path

import jsonschema
import msgspec
import pytest
from msgspec import Struct

from deadreckon.contracts.catalogue import EVENTS, NAMES, VERSIONS
from deadreckon.contracts.codec import (
    answer,
    decode_commit,
    decode_event,
    encode_commit,
    encode_event,
    unwrap,
    wrap,
)
from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.event import Event, Retired
from deadreckon.contracts.history import RETIRED
from deadreckon.tools.docgen import released
from deadreckon.tools.docgen.released import fingerprint
from deadreckon.tools.docgen.schemas import documents, event_schema, shapes
from tests.contracts.samples import sample
from tests.stories import at

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs"
FINGERPRINTS = GOLDEN / "fingerprints.json"
RETELL = os.environ.get("DR_RETELL") == "1"

Shape = tuple[str, int, type[Struct]]
SHAPES: list[Shape] = list(shapes())
PAST: list[Shape] = [shape for shape in SHAPES if issubclass(shape[2], Retired)]

_canonical = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode


def key(shape: Shape) -> str:
    return f"{shape[0]}.v{shape[1]}"


def golden(name: str, told: bytes, *, fixed: bool = False) -> bytes:
    """The stored sample; retold from `told` where that is asked for and allowed."""
    path = GOLDEN / f"{name}.json"
    if RETELL and (not path.exists() or not fixed):
        path.write_bytes(told + b"\n")
    assert path.exists(), f"{path.name} is missing: write it with DR_RETELL=1 and commit it"
    return path.read_bytes().removesuffix(b"\n")


def is_fixed(shape: Shape) -> bool:
    return shape in PAST


def known() -> dict[str, str]:
    found: dict[str, str] = json.loads(FINGERPRINTS.read_text("utf-8"))
    return found


def hash_of(shape: Shape) -> str:
    return hashlib.sha256(_canonical(fingerprint(shape[2]))).hexdigest()


def tell_fingerprints() -> None:
    before = known() if FINGERPRINTS.exists() else {}
    told = {key(shape): hash_of(shape) for shape in SHAPES}
    past = {key(shape) for shape in PAST}
    told |= {name: old for name, old in before.items() if name in past}
    FINGERPRINTS.write_text(json.dumps(told, indent=1) + "\n")


if RETELL:
    tell_fingerprints()


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_no_shape_changes_without_a_new_version(shape: Shape) -> None:
    assert known().get(key(shape)) == hash_of(shape), (
        "its bytes would differ. Released or retired: give it a new version and keep the old shape "
        "in history.py (dr contracts check). Never released: retell with DR_RETELL=1"
    )


def test_nothing_that_was_released_is_broken() -> None:
    assert [it for it in released.check(DOCS) if it.breaks] == []


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_the_stored_sample_is_read_as_what_was_written(shape: Shape) -> None:
    name, v, kind = shape
    stored = golden(key(shape), _canonical(sample(kind)), fixed=is_fixed(shape))
    assert msgspec.json.decode(stored, type=kind) == sample(kind)
    event = decode_event(name, v, stored)
    assert type(event) is EVENTS[name]
    if v == VERSIONS[name]:
        assert event == sample(kind)
        assert encode_event(event) == stored


@pytest.mark.parametrize("shape", PAST, ids=key)
def test_a_retired_sample_is_read_in_the_newest_words(shape: Shape) -> None:
    name, v, kind = shape
    event = decode_event(name, v, golden(key(shape), _canonical(sample(kind)), fixed=True))
    assert encode_event(event) == golden(f"{key(shape)}.newest", encode_event(event))


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_the_sample_fits_its_json_schema(shape: Shape) -> None:
    stored = json.loads(golden(key(shape), _canonical(sample(shape[2])), fixed=is_fixed(shape)))
    jsonschema.Draft202012Validator(event_schema(*shape)).validate(stored)


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_what_a_later_program_added_is_read_over(shape: Shape) -> None:
    stored = json.loads(_canonical(sample(shape[2])))
    more = {"a_field_of_tomorrow": {"of": ["any", 1, None]}} | stored
    name, v, _ = shape
    assert decode_event(name, v, _canonical(more)) == decode_event(name, v, _canonical(stored))


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_what_has_a_default_may_be_missing(shape: Shape) -> None:
    """Fields that were added with a default are missing in what was written before."""
    name, v, kind = shape
    stored = json.loads(_canonical(sample(kind)))
    for field in msgspec.structs.fields(kind):
        if not field.required:
            del stored[field.encode_name]
    decode_event(name, v, _canonical(stored))


# A whole message of the log.


def everything_said() -> Commit:
    """One commit that says every event there is, in answer to one question."""
    question = at(sample(EVENTS["market.clock_ticked"]), 1_772_409_600_000_000_000, id="question")
    record = [
        answer(question, "risk", ordinal, sample(shape))
        for ordinal, shape in enumerate(EVENTS.values())
    ]
    return Commit(
        id="commit",
        n=2,
        first=1,
        to=7,
        part=0,
        previous=digest(b"the commit before"),
        code="0.1.0",
        answers=[(7, 0, len(record))],
        events=[wrap(one) for one in record],
    )


def test_a_stored_commit_is_read_and_written_byte_for_byte() -> None:
    stored = golden("commit", encode_commit(everything_said()))
    commit = decode_commit(stored)
    assert encode_commit(commit) == stored
    published: list[Event] = [unwrap(envelope).event for envelope in commit.events]
    assert [NAMES[type(event)] for event in published] == list(EVENTS)
    assert published == [sample(shape) for shape in EVENTS.values()]


def test_a_stored_commit_fits_its_json_schema() -> None:
    stored = json.loads(golden("commit", encode_commit(everything_said())))
    jsonschema.Draft202012Validator(documents()["commit"]).validate(stored)


def test_the_upcasts_of_all_retired_shapes_lead_to_a_type_that_is_still_known() -> None:
    assert {name for name, _ in RETIRED} <= set(EVENTS)


def test_no_golden_sample_belongs_to_nothing() -> None:
    wanted = {key(shape) for shape in SHAPES} | {f"{key(shape)}.newest" for shape in PAST}
    wanted |= {"commit", "doors", "fingerprints"}
    assert {path.stem for path in GOLDEN.glob("*.json")} == wanted
