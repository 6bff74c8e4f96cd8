"""Published JSON Schemas of the verbs' documents, to validate what a verb prints."""

import json
from typing import Any

import jsonschema
import msgspec

from deadreckon.cli.document import completed
from tests.conftest import ROOT


def check_document(verb: str, document: Any) -> None:
    """Validate a document against the published schema of its verb."""
    schema = json.loads((ROOT / "docs" / "schemas" / "documents" / f"{verb}.json").read_text())
    if not isinstance(document, list):
        document = completed(document, verb)
    printed = msgspec.json.decode(msgspec.json.encode(document))
    jsonschema.Draft202012Validator(schema).validate(printed)
