"""The generated documents say what the contracts say, in full, and in forms that others check."""

import ast
import json
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import pytest
from msgspec import Struct

from deadreckon.contracts.catalogue import EVENTS, NAMES, NEVER_WRITTEN, OPERATOR_EVENTS, SHAPES
from deadreckon.contracts.envelope import Commit, Envelope
from deadreckon.contracts.event import Retired
from deadreckon.contracts.inbound import WireFact, WireSignal
from deadreckon.contracts.publishers import (
    PUBLISHERS,
    SERVICES,
    may_publish,
    publishers_of,
)
from deadreckon.contracts.subjects import SUBJECTS, VENUE_EDGES
from deadreckon.contracts.units import descriptions, units
from deadreckon.contracts.verdicts import Verdict
from deadreckon.tools.docgen import asyncapi, library, schemas
from deadreckon.tools.docgen.field_tables import docstring
from tests.conftest import ROOT

DOCS = ROOT / "docs"
VENDORED = Path(__file__).parent / "vendored" / "asyncapi-3.0.0.json"

ALL_SHAPES: list[type[Struct]] = [
    *(shape for _, _, shape in schemas.shapes()),
    *NEVER_WRITTEN,
    *(Envelope, Commit, WireSignal, WireFact, Verdict),
]


def test_no_generated_document_is_stale() -> None:
    stale = [str(path.relative_to(ROOT)) for path in library.stale(DOCS)]
    assert stale == [], "run `./dr contracts generate` and commit what it writes"


def test_a_document_that_somebody_edited_or_forgot_is_found_and_mended(tmp_path: Path) -> None:
    library.write(tmp_path)
    edited = tmp_path / "events.md"
    edited.write_text(edited.read_text() + "x")
    missing = tmp_path / "schemas" / "commit.json"
    missing.unlink()
    orphan = tmp_path / "schemas" / "orders.order_dreamt.v1.json"
    orphan.write_text("{}")

    assert library.stale(tmp_path) == [edited, missing, orphan]
    assert library.write(tmp_path) == [edited, missing, orphan]
    assert library.stale(tmp_path) == []


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.__name__)
def test_every_field_has_a_description(shape: type[Struct]) -> None:
    assert docstring(shape), "a shape without a docstring"
    assert [name for name, text in descriptions(shape).items() if not text] == []


# Amounts whose unit depends on the rest of the event, which their description names.
UNIT_DEPENDS = {
    ("BarClosed", "volume"),
    ("HaltImposed", "limit"),
    ("HaltImposed", "measured"),
    ("OrderUnroutable", "limit"),
    ("OrderUnroutable", "measured"),
    ("SignalRefused", "limit"),
    ("SignalRefused", "measured"),
    ("Verdict", "limit"),
    ("Verdict", "measured"),
}


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.__name__)
def test_every_amount_declares_its_unit(shape: type[Struct]) -> None:
    if issubclass(shape, Retired):
        return
    plain = get_type_hints(shape)
    amounts = [name for name in shape.__struct_fields__ if "Decimal" in str(plain[name])]
    without = [name for name in amounts if name not in units(shape)]
    assert [name for name in without if (shape.__name__, name) not in UNIT_DEPENDS] == []


def test_no_document_is_generated_from_source_code() -> None:
    """Descriptions come from the annotations of fields; a moved comma changes no schema."""
    for path in sorted((ROOT / "deadreckon" / "tools" / "docgen").glob("*.py")):
        source = path.read_text("utf-8")
        assert "getsource" not in source, path
        assert "tokenize" not in source, path


def test_every_event_has_a_publisher_and_every_publisher_is_known() -> None:
    assert list(PUBLISHERS) == list(EVENTS)
    assert [name for name in EVENTS if not publishers_of(name)] == []
    patterns = {pattern for found in PUBLISHERS.values() for pattern in found}
    assert patterns == set(SERVICES)


def test_a_pattern_names_every_venue_and_nothing_else() -> None:
    assert may_publish("venue-binance", "venues.venue_reconciled")
    assert not may_publish("venue", "venues.venue_reconciled")
    assert not may_publish("fill", "venues.venue_reconciled")
    assert not may_publish("venue-sim", "orders.order_filled")


def test_an_event_declares_its_name_on_its_own_class() -> None:
    assert [shape.__name__ for shape in EVENTS.values() if "declared" not in vars(shape)] == []
    assert len(EVENTS) == len(NAMES) == len(SHAPES) - len(NEVER_WRITTEN)


# What a service builds to work with and never says.
OWN_USE = {
    ("clock", "clock.clock_configured"),
    ("governance", "governance.limits_set"),
    ("risk", "governance.limits_set"),
    ("risk", "signals.signal_raised"),
}


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "market"])
def test_a_service_says_only_what_the_table_lets_it_say(service: str) -> None:
    """What a service builds in its own folder are its answers; neighbours' folds build none."""
    names = {shape.__name__: name for shape, name in NAMES.items()}
    folder = "venue" if service == VENUE_EDGES else service
    built = {
        names[node.func.id]
        for path in sorted((ROOT / "deadreckon" / "services" / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    }
    unlisted = sorted(name for name in built if not may_publish(service, name))
    assert [name for name in unlisted if (service, name) not in OWN_USE] == []


def test_every_event_page_names_every_type() -> None:
    page = (DOCS / "events.md").read_text("utf-8")
    assert [name for name, v, _ in schemas.shapes() if f"### {name} v{v}" not in page] == []


@pytest.mark.parametrize("schema", schemas.documents().values(), ids=lambda schema: schema["$id"])
def test_schemas_are_sound(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


# AsyncAPI.


def asyncapi_validator() -> Any:
    return jsonschema.Draft7Validator(json.loads(VENDORED.read_text("utf-8")))


def test_the_asyncapi_document_is_one() -> None:
    faults = list(asyncapi_validator().iter_errors(asyncapi.document()))
    assert [fault.message for fault in faults] == []


def test_a_misspelt_key_would_be_noticed() -> None:
    document = asyncapi.document()
    document["operations"]["risk.says"]["acton"] = "send"
    assert not asyncapi_validator().is_valid(document)


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document()
    lost = [reference for reference in _references(document) if not _leads(document, reference)]
    assert lost == []


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [reference for part in node.values() for reference in _references(part)]
    if isinstance(node, list):
        return [reference for part in node for reference in _references(part)]
    return []


def _leads(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        if part not in document:
            return False
        document = document[part]
    return True


def test_every_form_of_subject_is_a_channel_with_its_parameters() -> None:
    channels = asyncapi.document()["channels"].values()
    assert [channel["address"] for channel in channels] == [subject.form for subject in SUBJECTS]
    for channel in channels:
        named = {part[1:-1] for part in channel["address"].split(".") if part.startswith("{")}
        assert set(channel.get("parameters", {})) == named


def test_operators_facts_are_those_of_the_catalogue() -> None:
    record = asyncapi.document()["operations"]["operator.says"]["x-event-types"]
    assert record == sorted(OPERATOR_EVENTS)
