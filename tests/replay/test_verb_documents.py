"""The published schemas of the verbs' JSON hold for what the verbs print, key by key."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from deadreckon.cli.document import completed
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.bundle.opening import open_bundle
from deadreckon.replay.bundle.packing import BundleRequest, pack_from
from deadreckon.replay.rerun.job.checkout import OURS
from deadreckon.replay.rerun.job.feeding import rerun_log
from deadreckon.replay.rerun.job.job import RerunRequest, document
from deadreckon.replay.rerun.job.protocol import RerunTask
from deadreckon.replay.rerun.redecide import FOREVER
from deadreckon.replay.whatif.changes import variants
from deadreckon.replay.whatif.job.job import WhatIfRequest, run_whatif
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.services.catalogue import BOOK
from tests.conftest import ROOT
from tests.sessions.player import decoded
from tests.sessions.test_sessions import session
from tests.support.statements import made

NAME = "perpetual_funding"


def check(verb: str, found: Any) -> None:
    """Hold a document against its published schema, and every key of it against the properties."""
    if verb != "audit-statement":  # which is a file, not what a verb prints
        found = completed(found, verb)
    printed = msgspec.json.decode(msgspec.json.encode(found))
    schema = json.loads((ROOT / "docs" / "schemas" / "documents" / f"{verb}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(printed)
    assert set(printed) <= set(schema["properties"])


def test_the_audit_and_its_full_statement() -> None:
    audit = Audit(BOOK, "paper", None)
    for message in decoded(session(NAME).log):
        audit.fold(message)
    check("audit", statement(audit, BOOK, None))
    check("audit-statement", made(NAME))


def test_a_what_if() -> None:
    changed = variants(["risk.order_notional_max=1"], [], [], [])
    request = WhatIfRequest(Path("nowhere"), None, changed, 1)
    check("whatif", run_whatif(request, session(NAME).log, shows=False))


@pytest.mark.slow
def test_a_rerun(tmp_path: Path) -> None:
    bus = MemoryBus(MemoryLog(list(session(NAME).log)))
    task = RerunTask(["router"], BOOK, "paper", 0, FOREVER)
    outcome = asyncio.run(rerun_log(bus, OURS, task, lambda done, end: None))
    check("rerun", document(RerunRequest(tmp_path), OURS, outcome, None, 1.0))


def test_a_bundle_and_its_replay(tmp_path: Path) -> None:
    log = session(NAME).log
    fill = next(
        record.id
        for message in decoded(log)
        for record in message.facts
        if isinstance(record.event, OrderFilled)
    )
    (tmp_path / "data").mkdir()
    request = BundleRequest(tmp_path / "data", fill, tmp_path / "fill.bundle")
    bus = MemoryBus(MemoryLog(list(log)))
    packed = asyncio.run(pack_from(bus, request, lambda part, done, end: None))
    check("bundle", packed)
    check("open", open_bundle(request.output))
