"""Keeps the metrics fold across restarts: one small file, behind the log by a bounded bit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.projections.metrics import fold as metrics
from deadreckon.projections.metrics.fold import MetricsState
from deadreckon.projections.metrics.series import Series
from deadreckon.projections.sinks.atomic_files import replace_bytes
from deadreckon.projections.sinks.sink import (
    FORMAT,
    DamagedError,
    NewerFormatError,
    SupersededError,
)

# A killed process folds at most so many messages again; writing at every flush would cost more.
MESSAGES_PER_SAVE = 50_000

_encode = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode

# In the order of the fold, which forgets the oldest trades first. To sort a hundred thousand that
# were read sorted, and a few behind them, took most of a minute in which nothing else could run.
_encode_saved = msgspec.json.Encoder(decimal_format="string").encode


class _Stamped(Struct):
    format: int
    place: int = 0


class Saved(Struct):
    """The content of the file: the fold's state at `place`."""

    place: int
    state: MetricsState
    format: int = FORMAT


class MetricsFile:
    """Folds every message of the log into the metrics; readers see them as of the last flush.

    Raises NewerFormatError or DamagedError for a file it cannot trust, and SupersededError at the
    next flush once somebody else has put another in its place.
    """

    name = "metrics"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _identity(path)
        saved = read(path)
        self.place = saved.place
        self._state = saved.state
        self._saved = saved.place
        self._visible = b""
        self._show()

    @property
    def visible(self) -> Series:
        """The series as of the last flush: a copy that nobody changes."""
        return msgspec.json.decode(self._visible, type=Series)

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Fold the facts of one message."""
        for record in facts:
            self._state = metrics.evolve(self._state, record)
        self.place = sequence
        due = sequence - self._saved >= MESSAGES_PER_SAVE
        if due and not self._is_superseded():  # the next flush says so
            self.save()

    def flush(self) -> None:
        """Show what was folded. Raises SupersededError."""
        self._check()
        self._show()

    def close(self) -> None:
        """Show and save what was folded."""
        self._show()
        self.save()

    def _show(self) -> None:
        self._visible = _encode(metrics.settled(self._state, self.place))

    def save(self) -> None:
        """Save what was folded, so that a start need not fold it again."""
        if self.place != self._saved:
            self._check()
            replace_bytes(self.path, _encode_saved(Saved(self.place, self._state)))
            self._file = _identity(self.path)
            self._saved = self.place

    def _is_superseded(self) -> bool:
        return _identity(self.path) != self._file

    def _check(self) -> None:
        if self._is_superseded():
            raise SupersededError(f"{self.path} was replaced: open it anew")


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from another that took its name; null when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def read(path: Path) -> Saved:
    """The saved fold; an empty one when there is no file."""
    try:
        content = path.read_bytes()
        _stamp(path, content)
        return msgspec.json.decode(content, type=Saved)
    except FileNotFoundError:
        return Saved(0, metrics.initial())
    except msgspec.MsgspecError as error:
        raise DamagedError(f"{path}: {error}; `dr rebuild metrics` makes it anew") from error


def place(path: Path) -> int:
    """The place of the saved fold, without reading the rest; 0 when there is no file."""
    try:
        return _stamp(path, path.read_bytes()).place
    except FileNotFoundError:
        return 0
    except msgspec.MsgspecError as error:
        raise DamagedError(f"{path}: {error}; `dr rebuild metrics` makes it anew") from error


def _stamp(path: Path, content: bytes) -> _Stamped:
    stamp = msgspec.json.decode(content, type=_Stamped)
    if stamp.format > FORMAT:
        raise NewerFormatError(
            f"{path} has format {stamp.format}, this program knows up to {FORMAT}: "
            "use the newer program"
        )
    return stamp
