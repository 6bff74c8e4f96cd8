"""JSON Schemas (2020-12) of all event shapes, of inbound messages, and of `--json` documents."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.catalogue import EVENTS, VERSIONS
from deadreckon.contracts.envelope import Commit, Envelope
from deadreckon.contracts.history import RETIRED
from deadreckon.contracts.inbound import WireFact, WireSignal
from deadreckon.contracts.outcomes import VerbOutcome
from deadreckon.node.limits_history import LimitChange
from deadreckon.replay.asof.document import AsofDocument
from deadreckon.replay.audit.document import AuditDocument, FullStatement
from deadreckon.replay.bundle.file import BundleManifest
from deadreckon.replay.bundle.opening import OpenedBundle
from deadreckon.replay.pnl.document import PnlDocument
from deadreckon.replay.rerun.document import RerunDocument
from deadreckon.replay.verify.document import VerifyDocument
from deadreckon.replay.whatif.document import WhatIfDocument
from deadreckon.replay.why.document import FigureDocument, StoryDocument
from deadreckon.replay.whynot.document import WindowDocument
from deadreckon.strategies.description import StrategyDescription
from deadreckon.tools.docgen.field_tables import docstring

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTITY = "urn:deadreckon:contract:"

# Amounts in the log are canonical; at a door any plain decimal text will do.
CANONICAL = r"^(0|-?([1-9][0-9]*|0(?=\.))(\.[0-9]*[1-9])?)$"
AT_A_DOOR = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?$"

# A signal, a cancel or a replace: each forbids what belongs to the others.
SIGNAL_FORMS = [
    {
        "title": "signal",
        "required": ["instrument", "side"],
        "oneOf": [{"required": ["quantity"]}, {"required": ["notional"]}],
        "properties": {"cancel": {"type": "null"}, "replace": {"type": "null"}},
    },
    {"title": "cancel", "required": ["cancel"], "properties": {"cancel": {"type": "string"}}},
    {"title": "replace", "required": ["replace"], "properties": {"replace": {"type": "string"}}},
]


def shapes() -> Iterator[tuple[str, int, type[Struct]]]:
    """Yield (type, version, shape) of all that may lie in a log: retired shapes before their
    newest."""
    for name, shape in EVENTS.items():
        yield from ((kind, v, past) for (kind, v), past in RETIRED.items() if kind == name)
        yield name, VERSIONS[name], shape


def event_schema(name: str, v: int, shape: type[Struct]) -> dict[str, Any]:
    """Return the schema of an event's body."""
    return _document(f"{name}.v{v}", shape)


def documents() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file."""
    found = {f"{name}.v{v}": event_schema(name, v, shape) for name, v, shape in shapes()}
    found["envelope"] = _document("envelope", Envelope)
    found["commit"] = _document("commit", Commit)
    found["wire-signal"] = _document("wire-signal", WireSignal) | {"oneOf": SIGNAL_FORMS}
    found["wire-fact"] = _document("wire-fact", WireFact)
    return found


def _document(identity: str, shape: type[Struct]) -> dict[str, Any]:
    definitions = components([shape], "#/$defs/{name}")
    schema: dict[str, Any] = {"$schema": DIALECT, "$id": IDENTITY + identity}
    schema |= definitions.pop(shape.__name__)
    return schema | ({"$defs": definitions} if definitions else {})


def components(kinds: list[type[Struct]], template: str) -> dict[str, Any]:
    """Return schemas of shapes and their parts by class name; `template` is for references."""
    _, found = msgspec.json.schema_components(kinds, ref_template=template)
    within: list[type[Struct]] = [Envelope] if Commit in kinds else []
    for shape in kinds + within:
        _explain(found[shape.__name__], shape)
    return {name: found[name] for name in sorted(found)}


def _explain(schema: dict[str, Any], shape: type[Struct]) -> None:
    """Add the docstring of a shape and the form of its amounts to its generated schema."""
    schema["description"] = docstring(shape)
    pattern = AT_A_DOOR if shape is WireSignal else CANONICAL
    _constrain_amounts(schema["properties"], pattern)


def _constrain_amounts(node: Any, pattern: str) -> None:
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            node["pattern"] = pattern
        for part in node.values():
            _constrain_amounts(part, pattern)
    elif isinstance(node, list):
        for part in node:
            _constrain_amounts(part, pattern)


DOCUMENT_IDENTITY = "urn:deadreckon:document:"

# The documents of each verb; a verb with several prints one of them.
DOCUMENTS: dict[str, tuple[Any, ...]] = {
    "asof": (AsofDocument,),
    "audit": (AuditDocument,),
    "audit-statement": (FullStatement,),  # what --output writes to a .json file
    "bundle": (BundleManifest,),
    "limits-history": (list[LimitChange],),
    "open": (OpenedBundle,),
    "pnl": (PnlDocument,),
    "rerun": (RerunDocument,),
    "strategy-kinds": (list[StrategyDescription],),
    "verify": (VerifyDocument,),
    "whatif": (WhatIfDocument,),
    "why": (StoryDocument, FigureDocument),
    "whynot": (WindowDocument,),
    "outcome": (VerbOutcome,),  # of every verb, and all that one prints which fails at once
}
# A file, lists, and itself.
WITHOUT_OUTCOME = ("audit-statement", "strategy-kinds", "limits-history", "outcome")


def verb_schemas() -> dict[str, dict[str, Any]]:
    """Make the schema of every verb's JSON, by verb."""
    return {verb: _schema(verb, shapes) for verb, shapes in DOCUMENTS.items()}


def _schema(verb: str, shapes: tuple[Any, ...]) -> dict[str, Any]:
    references, found = msgspec.json.schema_components(shapes, ref_template="#/$defs/{name}")
    for definition in found.values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    schema: dict[str, Any] = {"$schema": DIALECT, "$id": DOCUMENT_IDENTITY + verb}
    if len(shapes) > 1:
        schema |= {"oneOf": list(references)}
    else:
        (only,) = references
        schema |= found.pop(shapes[0].__name__) if "$ref" in only else only
    if verb not in WITHOUT_OUTCOME:
        schema = _with_outcome(schema, found)
    return schema | {"$defs": {name: found[name] for name in sorted(found)}}


def _with_outcome(schema: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Add the keys that every verb's object has; those of its own stay as they are."""
    _, outcome = msgspec.json.schema_components([VerbOutcome], ref_template="#/$defs/{name}")
    more = outcome.pop(VerbOutcome.__name__)
    found |= outcome
    own = schema.get("properties", {})
    required = schema.get("required", [])
    return schema | {
        "properties": own | more["properties"] | own,
        "required": [*required, *(name for name in more["required"] if name not in required)],
    }
