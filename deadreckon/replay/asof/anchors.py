"""Cache of the as-of fold: saved states (anchors) from which any sequence of the log is near.

`index.json` lists everything and is swapped last, so that all files it names are complete. An
anchor is a state without the trade ids by which repeated trades are recognised; instead the repeats
between two anchors are listed. The `tip` has all trade ids, and is where the next reading
continues.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from deadreckon.contracts.event import Mode
from deadreckon.replay.asof.fold import BookState, initial
from deadreckon.replay.asof.ids import ENTRY
from deadreckon.replay.asof.late import Late
from deadreckon.runtime.log.feed import ChainLink
from deadreckon.runtime.process import durable
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.ingress import Ingress

FORMAT = 1
INDEX = "index.json"
ANCHOR, IDS, TIP, TIP_IDS = ".anchor", ".ids", ".tip", ".tip.ids"

TIPS_KEPT = 2

MODULES = ("deadreckon.replay.asof.fold", "deadreckon.replay.asof.late")

T = TypeVar("T")

_encode = msgspec.json.Encoder(decimal_format="string").encode  # the order of dicts is kept


class AnchorsDamagedError(Exception):
    """The cache is damaged, or belongs to another log or program."""


class AnchorsNotKeptError(Exception):
    """The cache cannot be written: no space, or no permission."""


class Frame(Struct):
    """Everything needed to continue reading after a message: the state, the ingress and the
    domains' chains."""

    state: BookState
    intake: Ingress
    links: dict[str, ChainLink]  # by `book.service`
    # Of the tip: reported trades without a fill yet, with the venue's time.
    reported: dict[str, int] = {}


class Anchor(Struct, frozen=True):
    """A frame on disk after message `sequence`, at decision time `at`; `digest` is that of the
    message's bytes, `sha256` that of the file's. `repeats` are (sequence, index) of repeated
    trades since the anchor before it."""

    sequence: int
    at: int
    digest: str
    sha256: str
    repeats: list[tuple[int, int]] = []


class Index(Struct):
    """Index of the cache: its book and program, the anchors in log order, and the tip.

    `first_at` is the first decision time of the log (0: none yet).
    """

    format: int
    book: str
    mode: Mode
    code: str
    first_at: int = 0
    anchors: list[Anchor] = []
    late: list[Late] = []
    tip: Anchor | None = None


class Anchors:
    """Anchor cache of one book in a folder, which is created only when something is saved.

    Raises AnchorsDamagedError for files that cannot be used.
    """

    def __init__(self, folder: Path, book: str, mode: Mode) -> None:
        self.folder = folder
        self._whose = (book, mode, _program())
        self.index = Index(FORMAT, *self._whose)

    def load(self, *, reads: bool = True) -> None:
        """Read the index if there is one; begin with an empty one otherwise."""
        self.index = Index(FORMAT, *self._whose)
        path = self.folder / INDEX
        if not reads or not path.exists():
            return
        found = _decoded(_read(path), Index, path)
        if (found.format, found.code) != (self.index.format, self.index.code):
            raise AnchorsDamagedError("another program made them")
        if (found.book, found.mode) != (self.index.book, self.index.mode):
            raise AnchorsDamagedError(f"they are of book {found.book} in {found.mode}")
        self.index = found

    def clear(self) -> None:
        """Delete every file of the cache."""
        self.index = Index(FORMAT, *self._whose)
        (self.folder / INDEX).unlink(missing_ok=True)
        for suffix in (ANCHOR, IDS, TIP):
            for path in self.folder.glob(f"*{suffix}"):
                path.unlink(missing_ok=True)

    def frame(self, anchor: Anchor) -> Frame:
        """Read the frame of an anchor or of the tip."""
        path = self._file(anchor.sequence, TIP if anchor is self.index.tip else ANCHOR)
        content = _read(path)
        if hashlib.sha256(content).hexdigest() != anchor.sha256:
            raise AnchorsDamagedError(f"{path} is damaged: its checksum is another")
        return _decoded(content, Frame, path)

    def beginning(self) -> Frame:
        """Return the frame before the first message."""
        intake = Ingress(self.index.book, self.index.mode, reads_signals=True, restamps=False)
        return Frame(initial(), intake, {})

    def tip_ids(self) -> list[bytes]:
        """Read the id entries between the last anchor and the tip."""
        assert self.index.tip is not None
        content = _read(self._file(self.index.tip.sequence, TIP_IDS))
        return [content[start : start + ENTRY] for start in range(0, len(content), ENTRY)]

    def keep(
        self,
        frame: Frame,
        digest: str,
        ids: Sequence[bytes],
        repeats: Sequence[tuple[int, int]],
        *,
        tip: bool = False,
    ) -> int:
        """Write a frame; returns its length in bytes. It is visible after `swap`."""
        state = frame.state
        if not tip:
            state = structs.replace(state, ledger=structs.replace(state.ledger, trades={}))
            frame = Frame(state, frame.intake, frame.links)
        encoded = _encode(frame)
        anchor = Anchor(
            sequence=state.sequence,
            at=state.now,
            digest=digest,
            sha256=hashlib.sha256(encoded).hexdigest(),
            repeats=list(repeats),
        )
        _write(self._file(anchor.sequence, TIP if tip else ANCHOR), encoded)
        _write(self._file(anchor.sequence, TIP_IDS if tip else IDS), b"".join(sorted(ids)))
        if tip:
            self.index.tip = anchor
        else:
            self.index.anchors.append(anchor)
        return len(encoded)

    def swap(self) -> None:
        """Publish the saved frames, and delete old tips but the one before this, which a reader
        of the old index may still open."""
        _write(self.folder / INDEX, _encode(self.index))
        for suffix in (TIP, TIP_IDS):
            for path in sorted(self.folder.glob(f"*{suffix}"))[:-TIPS_KEPT]:
                path.unlink(missing_ok=True)

    def at_sequence(self, sequence: int) -> Anchor | None:
        """Return the last anchor at or before a message; None when there is none."""
        number = bisect_left(self.index.anchors, sequence + 1, key=lambda it: it.sequence)
        return self.index.anchors[number - 1] if number else None

    def at_time(self, at: int) -> Anchor | None:
        """Return the last anchor at or before a decision time; None when there is none."""
        found = reversed(self.index.anchors)  # in log order: time may have been taken back
        return next((anchor for anchor in found if anchor.at <= at), None)

    def repeats(self, anchor: Anchor | None) -> list[tuple[int, int]]:
        """Return (sequence, index) of repeated trades from an anchor (None: the beginning) to
        the next."""
        after = anchor.sequence if anchor else 0
        number = bisect_left(self.index.anchors, after + 1, key=lambda it: it.sequence)
        if number < len(self.index.anchors):
            return self.index.anchors[number].repeats
        return self.index.tip.repeats if self.index.tip else []

    def ids(self) -> Iterator[Path]:
        """Yield the files of ids, in log order."""
        for anchor in self.index.anchors:
            yield self._file(anchor.sequence, IDS)
        if self.index.tip:
            yield self._file(self.index.tip.sequence, TIP_IDS)

    def _file(self, sequence: int, suffix: str) -> Path:
        return self.folder / f"{sequence:016d}{suffix}"


def _program() -> str:
    """Hash the code that folds a frame, and its shape."""
    schema = msgspec.json.encode(msgspec.json.schema(Frame))
    return hashlib.sha256(fold_code(MODULES).encode() + schema).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AnchorsDamagedError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(content: bytes, shape: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise AnchorsDamagedError(f"{path} cannot be read: {error}") from error


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    try:
        durable.make_folders(path.parent)
        durable.replace(path, content)
    except OSError as error:
        raise AnchorsNotKeptError(f"{path}: {error.strerror}") from error
