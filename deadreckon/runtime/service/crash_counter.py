"""Counter of crashes by event, so that a service that fails again and again halts the book."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.runtime.process import durable, log_lines

REPEATS = 3  # identical ends in a row before the book halts; one or two may be the machine's

log = log_lines.Logger()


class Crash(Struct, frozen=True):
    """Crash of a service: an exception while it answered an event."""

    service: str
    event_id: str
    event_type: str
    error: str


_LINES = msgspec.json.Decoder(Crash)


def _is_whole(path: Path) -> bool:
    """Tell whether a file ends with the end of a line, or is empty or missing."""
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


class CrashCounter:
    """Crashes as lines of a file beside the store; with no path nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def note(self, crash: Crash) -> None:
        """Add one line."""
        log.error("service_failed", **msgspec.structs.asdict(crash))
        if self._path is not None:
            # A line that a power cut has halved is ended, so that it does not damage this one.
            end = b"" if _is_whole(self._path) else b"\n"
            durable.append(self._path, end + msgspec.json.encode(crash) + b"\n")

    def repeated(self) -> Crash | None:
        """Return the crash with which the last REPEATS lives of a service ended alike, if they did.

        It is looked for among those of the service that failed last: services in processes of their
        own fail in turn.
        """
        if self._path is None or not self._path.exists():
            return None
        crashes = list(self._whole_lines(self._path))
        if not crashes:
            return None
        latest = [crash for crash in crashes if crash.service == crashes[-1].service][-REPEATS:]
        alike = len(latest) == REPEATS and all(crash == latest[0] for crash in latest)
        return latest[0] if alike else None

    def _whole_lines(self, path: Path) -> Iterator[Crash]:
        """Yield the crashes of a file, passing over lines that are not whole."""
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                yield _LINES.decode(line)
            except msgspec.MsgspecError as error:
                log.warning("crash_line_damaged", file=str(path), line=number, reason=str(error))

    def forget(self) -> None:
        """Forget earlier crashes, after an orderly end."""
        if self._path is not None:
            durable.remove(self._path)


class CrashGuard:
    """Context that notes the event in the crash counter when answering it fails; hides nothing."""

    def __init__(self, book: CrashCounter, service: str) -> None:
        self._book = book
        self._service = service
        self.question: Recorded[Any] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, Exception) and self.question is not None:
            self._book.note(
                Crash(
                    service=self._service,
                    event_id=self.question.id,
                    event_type=type(self.question.event).__name__,
                    error=f"{type(error).__name__}: {error}",
                )
            )
