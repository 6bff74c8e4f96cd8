"""Files of a statement, in the form that their suffixes name, written whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.archive.manifests import ArchiveError
from deadreckon.archive.segments import Archive
from deadreckon.contracts.errors import UsageError
from deadreckon.replay.audit.document import FullStatement, SealStatus, WrittenFile
from deadreckon.replay.audit.statement.document import VenueStatement
from deadreckon.replay.audit.statement.markdown import markdown
from deadreckon.replay.audit.statement.page import page

FILE_BYTES_MAX = 512 * 1024 * 1024  # of a venue's statement; it is read whole


class StatementError(UsageError):
    """You asked for a statement that cannot be made or written; the message says why."""


class StatementRequest(Struct, frozen=True):
    """Files to write, by their suffix, and a venue's statement to compare with (null: none)."""

    outputs: Sequence[Path] = ()
    venue: VenueStatement | None = None

    @property
    def anything(self) -> bool:
        """True when more is asked for than figures."""
        return bool(self.outputs) or self.venue is not None


def _pretty(document: FullStatement) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


FORMS: dict[str, Callable[[FullStatement], str]] = {
    ".html": page,
    ".md": markdown,
    ".json": _pretty,
}


def statement_request(outputs: Sequence[Path], venue_statement: str | None) -> StatementRequest:
    """Check what is asked for before a long log is read for it. Raises StatementError."""
    for path in outputs:
        if path.suffix not in FORMS:
            raise StatementError(f"{path}: name it {', '.join(FORMS)}; the suffix says the form")
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise StatementError(f"{path}: it is a folder, or its folder does not exist")
    if venue_statement is None:
        return StatementRequest(outputs)
    return StatementRequest(outputs, _venue_statement(venue_statement))


def _venue_statement(argument: str) -> VenueStatement:
    """Read FILE, or VENUE=FILE where there is no file of that whole name."""
    venue, separator, name = argument.partition("=")
    if not separator or Path(argument).exists():
        venue, name = "", argument
    path = Path(name)
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise StatementError(f"{path} has more than {FILE_BYTES_MAX:,} bytes: give it in parts")
        return VenueStatement(path.read_bytes(), venue)
    except OSError as error:
        raise StatementError(f"{path}: {error.strerror}; give a CSV file") from error


def write_statements(document: FullStatement, outputs: Sequence[Path]) -> list[WrittenFile]:
    """Write each file in its form; returns path, size and SHA-256. Raises StatementError."""
    files = []
    for path in outputs:
        content = FORMS[path.suffix](document).encode("utf-8", "replace")
        unfinished = path.with_name(f".{path.name}.part")
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
        except OSError as error:
            raise StatementError(f"{path}: {error.strerror}") from error
        digest = hashlib.sha256(content).hexdigest()
        files.append(WrittenFile(str(path), len(content), digest))
    return files


def seal_status(root: Path, document: FullStatement) -> SealStatus:
    """Compare the statement's messages with the sealed ranges of an archive, if there are any.

    The status is not part of the full statement: sealing a day later must not change its bytes.
    """
    first, last = document.first_sequence, document.last_sequence
    try:
        manifests = Archive(root).manifests
    except ArchiveError as error:
        return SealStatus(sealed=False, agrees=None, says=str(error))
    within = [one for one in manifests if one.first <= last and one.last >= first]
    if not within:
        says = "the archive has sealed nothing of it"
        return SealStatus(sealed=False, agrees=None, says=says)
    exact = next((one for one in within if (one.first, one.last) == (first, last)), None)
    numbers = f"{within[0].number} to {within[-1].number}"
    if exact is None:
        whole = within[0].first <= first and within[-1].last >= last
        reach = "all" if whole else "a part"
        says = f"{reach} of it lies in sealed ranges {numbers}; `dr archive verify` checks them"
        return SealStatus(sealed=whole, agrees=None, says=says)
    agrees = exact.root == document.root
    word = "the same root" if agrees else f"ANOTHER ROOT: {exact.root}"
    says = f"sealed range {exact.number} has {word}"
    return SealStatus(sealed=True, agrees=agrees, says=says)
