"""Secrets of a data folder: found in what is to leave it, and made unreadable."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from deadreckon.replay.bundle.file import Stripped
from deadreckon.runtime.server.server_files import ServerFiles

LENGTH_MIN = 8  # characters: what is shorter keeps nobody out, and occurs by chance
FILE_MAX = 64 * 1024  # bytes; a key is smaller
NAMED = ("*.nk", "*.key", "*.pem", "*.seal", "*.seed", "*.token", "key", "token", "secret")
BLOT = b"*"  # as long as what it hides, so that everything around it stays where it is


class Secrets:
    """The secrets of a folder, by the file in which they lie."""

    def __init__(self, data: Path) -> None:
        self._known = dict(_secrets(data))
        self.stripped: list[Stripped] = []

    @property
    def count(self) -> int:
        """Number of secrets that are searched for."""
        return len(self._known)

    def strip(self, part: str, content: bytes) -> bytes:
        """Blank every secret in the content, and count what was found."""
        for (file, _), text in self._known.items():
            for form in _forms(text):
                times = content.count(form)
                if times:
                    content = content.replace(form, BLOT * len(form))
                    self.stripped.append(Stripped(file, part, times))
        return content

    def strip_all(self, parts: Mapping[str, bytes]) -> dict[str, bytes]:
        """Strip the secrets of several parts."""
        return {name: self.strip(name, content) for name, content in parts.items()}


def _secrets(data: Path) -> Iterator[tuple[tuple[str, int], str]]:
    for path in sorted(_files(data)):
        name = path.relative_to(data).as_posix() if path.is_relative_to(data) else path.name
        try:
            text = path.read_text("utf-8", "replace") if path.stat().st_size <= FILE_MAX else ""
        except OSError:
            continue  # gone since, or nobody's business of whoever runs this
        lines = [line for line in text.splitlines() if not line.startswith("-----")]
        words = [word for line in lines for word in line.split() if len(word) >= LENGTH_MIN]
        yield from (((name, number), word) for number, word in enumerate(words))


def _files(data: Path) -> Iterator[Path]:
    """Yield the files that keep a secret: the credentials, keys by their names, and those elsewhere
    that the folder names."""
    files = ServerFiles(data)
    found = {path for path in files.credentials.folder.rglob("*") if path.is_file()}
    for pattern in NAMED:
        found |= {path for path in data.rglob(pattern) if path.is_file()}
    yield from found
    for path in sorted(data.rglob("*.json")):
        yield from _named_in(path)


def _named_in(path: Path) -> Iterator[Path]:
    """Yield the key files that a small settings file refers to."""
    try:
        document = msgspec.json.decode(path.read_bytes()) if _is_small(path) else None
    except (OSError, msgspec.MsgspecError):
        return
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
            for name in ("key", "key_file"):
                named = value.get(name)
                if isinstance(named, str) and named.startswith("/") and Path(named).is_file():
                    yield Path(named)
        elif isinstance(value, list):
            pending += value


def _is_small(path: Path) -> bool:
    return path.stat().st_size <= FILE_MAX


def _forms(text: str) -> list[bytes]:
    """Return a secret in every form in which it may be written: plain, JSON, base64 and hex."""
    plain = text.encode()
    escaped = msgspec.json.encode(text)[1:-1]
    coded = base64.b64encode(plain).rstrip(b"=")
    return list(dict.fromkeys([plain, escaped, coded, plain.hex().encode()]))
