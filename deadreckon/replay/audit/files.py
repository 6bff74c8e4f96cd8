"""A statement's files: in the form that their names ask for, whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.archive.manifests import ArchiveError
from deadreckon.archive.segments import Archive
from deadreckon.contracts.errors import UsageError
from deadreckon.replay.audit.statement.document import VenueStatement
from deadreckon.replay.audit.statement.markdown import markdown
from deadreckon.replay.audit.statement.page import page

Document = dict[str, Any]
FILE_BYTES_MAX = 512 * 1024 * 1024  # of a venue's statement; it is read whole


class StatementError(UsageError):
    """You asked for a statement that cannot be made or written; the message says why."""


class StatementRequest(Struct, frozen=True):
    """Files to write, by their suffix, and a venue's statement to compare with (null: none)."""

    outputs: Sequence[Path] = ()
    venue: VenueStatement | None = None

    @property
    def anything(self) -> bool:
        """Whether more is asked for than figures."""
        return bool(self.outputs) or self.venue is not None


def _pretty(document: Document) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


FORMS: dict[str, Callable[[Document], str]] = {
    ".html": page,
    ".md": markdown,
    ".json": _pretty,
}


def statement_request(outputs: Sequence[Path], venue_statement: str | None) -> StatementRequest:
    """What is asked for, checked before a long log is read for it. Raises StatementError."""
    for path in outputs:
        if path.suffix not in FORMS:
            raise StatementError(f"{path}: name it {', '.join(FORMS)}; the suffix says the form")
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise StatementError(f"{path}: it is a folder, or its folder does not exist")
    if venue_statement is None:
        return StatementRequest(outputs)
    return StatementRequest(outputs, _venue_statement(venue_statement))


def _venue_statement(told: str) -> VenueStatement:
    """FILE, or VENUE=FILE where there is no file of that whole name."""
    venue, separator, name = told.partition("=")
    if not separator or Path(told).exists():
        venue, name = "", told
    path = Path(name)
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise StatementError(f"{path} has more than {FILE_BYTES_MAX:,} bytes: give it in parts")
        return VenueStatement(path.read_bytes(), venue)
    except OSError as error:
        raise StatementError(f"{path}: {error.strerror}; give a CSV file") from error


def write_statements(document: Document, outputs: Sequence[Path]) -> list[Document]:
    """Write the files; what each is: its path, bytes and SHA-256. Raises StatementError."""
    told = []
    for path in outputs:
        content = FORMS[path.suffix](document).encode("utf-8", "replace")
        unfinished = path.with_name(f".{path.name}.part")
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
        except OSError as error:
            raise StatementError(f"{path}: {error.strerror}") from error
        digest = hashlib.sha256(content).hexdigest()
        told.append({"path": str(path), "bytes": len(content), "sha256": digest})
    return told


def seal_status(root: Path, document: Document) -> Document:
    """What the folder's archive has sealed of the statement's messages, if anything.

    It stands beside the statement, not in it: who seals a day later makes no other statement.
    """
    first, last = document["first_sequence"], document["last_sequence"]
    try:
        manifests = Archive(root).manifests
    except ArchiveError as error:
        return {"sealed": False, "agrees": None, "says": str(error)}
    within = [one for one in manifests if one.first <= last and one.last >= first]
    if not within:
        return {"sealed": False, "agrees": None, "says": "the archive has sealed nothing of it"}
    exact = next((one for one in within if (one.first, one.last) == (first, last)), None)
    numbers = f"{within[0].number} to {within[-1].number}"
    if exact is None:
        whole = within[0].first <= first and within[-1].last >= last
        reach = "all" if whole else "a part"
        says = f"{reach} of it lies in sealed ranges {numbers}; `dr archive verify` checks them"
        return {"sealed": whole, "agrees": None, "says": says}
    agrees = exact.root == document["root"]
    word = "the same root" if agrees else f"ANOTHER ROOT: {exact.root}"
    return {"sealed": True, "agrees": agrees, "says": f"sealed range {exact.number} has {word}"}
