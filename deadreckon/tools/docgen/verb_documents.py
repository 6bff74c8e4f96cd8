"""JSON Schemas of what the verbs print with `--json`: one file for each verb."""

from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

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
from deadreckon.tools.docgen.schemas import DIALECT

IDENTITY = "urn:deadreckon:document:"

# The documents of each verb; a verb with several prints one of them.
DOCUMENTS: dict[str, tuple[type[Struct], ...]] = {
    "asof": (AsofDocument,),
    "audit": (AuditDocument,),
    "audit-statement": (FullStatement,),  # what --output writes to a .json file
    "bundle": (BundleManifest,),
    "open": (OpenedBundle,),
    "pnl": (PnlDocument,),
    "rerun": (RerunDocument,),
    "verify": (VerifyDocument,),
    "whatif": (WhatIfDocument,),
    "why": (StoryDocument, FigureDocument),
    "whynot": (WindowDocument,),
}


def verb_schemas() -> dict[str, dict[str, Any]]:
    """Make the schema of every verb's JSON, by verb."""
    return {verb: _schema(verb, shapes) for verb, shapes in DOCUMENTS.items()}


def _schema(verb: str, shapes: tuple[type[Struct], ...]) -> dict[str, Any]:
    references, found = msgspec.json.schema_components(shapes, ref_template="#/$defs/{name}")
    for definition in found.values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    schema: dict[str, Any] = {"$schema": DIALECT, "$id": IDENTITY + verb}
    if len(shapes) == 1:
        schema |= found.pop(shapes[0].__name__)
    else:
        schema |= {"oneOf": list(references)}
    return schema | {"$defs": {name: found[name] for name in sorted(found)}}
