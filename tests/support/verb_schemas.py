"""Published JSON Schemas of the verbs' documents, to validate what a verb prints."""

import json

import jsonschema
import msgspec
from msgspec import Struct

from tests.conftest import ROOT


def check_document(verb: str, document: Struct) -> None:
    """Validate a document against the published schema of its verb."""
    schema = json.loads((ROOT / "docs" / "schemas" / "documents" / f"{verb}.json").read_text())
    printed = msgspec.json.decode(msgspec.json.encode(document))
    jsonschema.Draft202012Validator(schema).validate(printed)
