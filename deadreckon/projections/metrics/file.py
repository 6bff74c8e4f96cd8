"""File of the metrics fold, kept across restarts a bounded number of messages behind the log."""

import hashlib
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

# A killed process folds at most this many messages again; writing at every flush would cost more.
MESSAGES_PER_SAVE = 50_000

# A fold saved in another shape counts as none: the log is folded anew.
SHAPE = hashlib.sha256(msgspec.json.encode(msgspec.json.schema(MetricsState))).hexdigest()

_encode = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode

# In the order of the fold, which forgets the oldest trades first. Sorting a hundred thousand of
# them at every save blocked the process for most of a minute.
_encode_saved = msgspec.json.Encoder(decimal_format="string").encode


class _Stamped(Struct, rename={"sequence": "place"}):
    format: int
    sequence: int = 0
    shape: str = ""


class Saved(Struct, rename={"sequence": "place"}):
    """Contents of the file: the fold's state at a sequence."""

    sequence: int
    state: MetricsState
    format: int = FORMAT
    shape: str = SHAPE


class MetricsFile:
    """Metrics fold with its file; readers see the series as of the last flush.

    Raises NewerFormatError or DamagedError for a file that cannot be trusted, and SupersededError
    at the next flush after another process replaced the file.
    """

    name = "metrics"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _identity(path)
        saved = read(path)
        self.sequence = saved.sequence
        self._state = saved.state
        self._saved = saved.sequence
        self._visible = b""
        self._show()

    @property
    def visible(self) -> Series:
        """The series as of the last flush: a copy that nothing changes."""
        return msgspec.json.decode(self._visible, type=Series)

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Fold the events of one message."""
        for record in facts:
            self._state = metrics.evolve(self._state, record)
        self.sequence = sequence
        due = sequence - self._saved >= MESSAGES_PER_SAVE
        if due and not self._is_superseded():  # the next flush raises it
            self.save()

    def flush(self) -> None:
        """Make what was folded visible. Raises SupersededError."""
        self._check()
        self._show()

    def close(self) -> None:
        """Make what was folded visible, and save it."""
        self._show()
        self.save()

    def _show(self) -> None:
        self._visible = _encode(metrics.settled(self._state, self.sequence))

    def save(self) -> None:
        """Save what was folded, so that the next start need not fold it again."""
        if self.sequence != self._saved:
            self._check()
            replace_bytes(self.path, _encode_saved(Saved(self.sequence, self._state)))
            self._file = _identity(self.path)
            self._saved = self.sequence

    def _is_superseded(self) -> bool:
        return _identity(self.path) != self._file

    def _check(self) -> None:
        if self._is_superseded():
            raise SupersededError(f"{self.path} was replaced: open it anew")


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Identify the file behind a path, to notice a replacement; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def read(path: Path) -> Saved:
    """Read the saved fold; an empty one when there is no file, or one of another shape."""
    try:
        content = path.read_bytes()
        if _stamp(path, content).shape != SHAPE:
            return Saved(0, metrics.initial())
        return msgspec.json.decode(content, type=Saved)
    except FileNotFoundError:
        return Saved(0, metrics.initial())
    except msgspec.MsgspecError as error:
        raise DamagedError(f"{path}: {error}; `dr rebuild metrics` makes it anew") from error


def read_sequence(path: Path) -> int:
    """Read the sequence of the saved fold alone; 0 when there is none that can be gone on with."""
    try:
        stamp = _stamp(path, path.read_bytes())
        return stamp.sequence if stamp.shape == SHAPE else 0
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
