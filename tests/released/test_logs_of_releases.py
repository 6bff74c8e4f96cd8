"""What a release wrote is read, folded and added up to the same for ever.

Each folder here holds the logs of every session as a release wrote them, and what they added up to
then. `DR_RELEASE=0.2.0 ./dr test tests/released` writes those of a new release, once, when its
contracts are released (`dr contracts release`); they are never written again.
"""

import base64
import gzip
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import to_builtins

from deadreckon.contracts.envelope import digest
from deadreckon.projections.projector import Projector
from deadreckon.projections.tables import TABLES
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.digests import RunDigest
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.tools.docgen import released
from tests.sessions.player import audited, decoded
from tests.sessions.test_sessions import NAMES, session
from tests.support.memory_sink import MemorySink

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
KEPT = (
    "pnl",
    "positions",
    "equity",
    "by_strategy",
    "by_venue",
    "by_instrument",
    "refusals_by_rule",
)

Logs = dict[str, list[Stored]]
Document = dict[str, Any]
Columns = dict[str, list[str]]


def write(version: str) -> None:
    """The logs of this program, and what they add up to."""
    folder = HERE / version
    folder.mkdir()
    logs = {name: session(name).log for name in NAMES}
    lines = b"".join(_line(name, stored) for name, log in logs.items() for stored in log)
    (folder / "logs.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    columns = {table.name: [column.name for column in table.columns] for table in TABLES}
    sums = {name: sums_of(log, columns) for name, log in logs.items()}
    kept = {"columns": columns, "logs": sums}
    (folder / "sums.json").write_text(json.dumps(kept, indent=1) + "\n")


def _line(name: str, stored: Stored) -> bytes:
    payload = base64.b64encode(stored.payload).decode()
    return json.dumps([name, stored.sequence, stored.subject, payload]).encode() + b"\n"


@cache
def logs_of(version: str) -> Logs:
    found: Logs = {}
    for line in gzip.decompress((HERE / version / "logs.jsonl.gz").read_bytes()).splitlines():
        name, sequence, subject, payload = json.loads(line)
        stored = Stored(sequence, subject, base64.b64decode(payload))
        found.setdefault(name, []).append(stored)
    return found


def sums_of(log: list[Stored], columns: Columns) -> Document:
    """What a log adds up to, in the words that a later program must use as well."""
    document = statement(audited(log), BOOK, None)
    assert document.is_sound
    found = to_builtins(document)
    return {
        "run_digest": run_digest(log),
        "statement": {name: found[name] for name in KEPT},
        "tables": tables(log, columns),
    }


def run_digest(log: list[Stored]) -> str:
    running = RunDigest()
    for message in decoded(log):
        if message.commit is not None:
            for envelope in message.commit.events:
                running.fold(message.subject, envelope)
    return running.hexdigest()


def tables(log: list[Stored], columns: Columns) -> Document:
    """Rows and digest of every table that there was, over the columns that it had."""
    sink = MemorySink()
    projector = Projector([sink])
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(log):
        projector.fold(message.sequence, list(intake.records_of(message)), message.stored_at)
    projector.flush()
    return {name: _table(sink.rows(name), had) for name, had in columns.items()}


def _table(rows: list[Document], columns: list[str]) -> str:
    lines = [msgspec.json.encode([_as_then(name, row[name]) for name in columns]) for row in rows]
    return f"{len(rows)} {hashlib.sha256(b'; '.join(sorted(lines))).hexdigest()}"


def _as_then(column: str, value: Any) -> Any:
    """A value as the release gave it: an exit was an entry that may only reduce."""
    return "entry" if (column, value) == ("purpose", "exit") else value


if RELEASE := os.environ.get("DR_RELEASE"):
    write(RELEASE)

RELEASES = sorted(path.parent.name for path in HERE.glob("*/sums.json"))
CASES = [(version, name) for version in RELEASES for name in logs_of(version)]


def test_every_release_of_the_contracts_has_its_logs_here() -> None:
    assert list(released.releases(DOCS)) == RELEASES


@pytest.mark.parametrize(("version", "name"), CASES)
def test_a_log_of_a_release_adds_up_to_what_it_did_then(version: str, name: str) -> None:
    log = logs_of(version)[name]
    kept: Document = json.loads((HERE / version / "sums.json").read_text())
    then, columns = kept["logs"][name], kept["columns"]
    found = to_builtins(statement(audited(log), BOOK, None))
    assert run_digest(log) == then["run_digest"]
    assert {key: found[key] for key in then["statement"]} == then["statement"]
    assert tables(log, columns) == then["tables"]


@pytest.mark.parametrize(("version", "name"), CASES)
def test_every_service_recalls_a_log_of_a_release(version: str, name: str) -> None:
    for service in RANK:
        lived = DeciderRunner(service, BOOK, decider(service))
        intake = Ingress(BOOK, "paper", reads_signals=service == "signal")
        reading = Recovery(service, BOOK, intake)
        commits = 0
        for message in decoded(logs_of(version)[name]):
            commits += reading.is_own(message)
            for (_, _, question), answers in reading.take(message):
                lived.replay(question, answers)
        assert reading.n == commits


@pytest.mark.parametrize("version", RELEASES)
def test_the_chains_of_a_release_still_hold(version: str) -> None:
    for log in logs_of(version).values():
        previous: dict[str, str] = {}
        for stored, message in zip(log, decoded(log), strict=True):
            if message.commit is not None:
                domain = f"{message.subject.book}.{message.subject.service}"
                assert message.commit.previous == previous.get(domain, "")
                previous[domain] = digest(stored.payload)
