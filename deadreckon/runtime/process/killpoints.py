"""Steps at which a process ends itself, as by `kill -9`, when its environment orders it.

`DEADRECKON_KILL=STEP[@SERVICE]:NTH` ends the process at the NTH passing of the step. Written as
`@FILE` it names a file that may come and go and holds such an order: it is obeyed once, by the
first process to reach the step, and the file is gone then; a number after the order is the process
to end instead. Without the variable a step costs one comparison. `dr crashtest` gives the orders.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

VARIABLE = "DEADRECKON_KILL"

# Turns of the event loop in which the client's own task hands what was published to the system.
TURNS_TO_LEAVE = 4


class KillStep(Struct, frozen=True):
    """Step in the code: what has happened there, what has not, and in which process."""

    meaning: str
    where: str  # service, stack or venue


STEPS = {
    "recall": KillStep("in the middle of recall", "service"),
    "question": KillStep("a message was read, nothing is decided", "service"),
    "answer": KillStep("answers are decided, none has left", "service"),
    "commit": KillStep("a commit has left, its reply is not processed", "service"),
    "progress": KillStep("a progress commit has left, its reply is not processed", "service"),
    "stored": KillStep("a commit is acknowledged, nothing was read since", "service"),
    "turn": KillStep("a turn was taken, whoever gave it is not told", "service"),
    "opened": KillStep("the opening of a bar is stored, nobody had a turn", "stack"),
    "row": KillStep("a row of the tape is stored, nobody had a turn", "stack"),
    "settled": KillStep("all are silent, the next row is not stored", "stack"),
    "book-open": KillStep("inside the transaction of the audit book", "stack"),
    "book-done": KillStep("the audit book is written, the lake is not", "stack"),
    "lake-parts": KillStep("Parquet parts are written, no manifest names them", "stack"),
    "lake-manifest": KillStep("the new manifest lies beside the old, not renamed", "stack"),
    "lake-links": KillStep("links to merged parts are gone, the new part has none yet", "stack"),
    "lake-merge": KillStep("parts are merged, the manifest names the small ones", "stack"),
    "lake-done": KillStep(
        "the new manifest is in its place, nothing is merged or deleted", "stack"
    ),
    "snapshot-half": KillStep("half of a snapshot is written", "service"),
    "snapshot-whole": KillStep("a snapshot is written beside, not renamed", "service"),
    "snapshot-done": KillStep("a snapshot is in its place", "service"),
    "venue-intent": KillStep("`VenueRequestSending` is stored, the request has not left", "venue"),
    "venue-request": KillStep("the request has left, no reply was read", "venue"),
    "venue-reply": KillStep("the reply was read and is not recorded", "venue"),
    "venue-reconcile": KillStep("in the middle of asking the venue after a start", "venue"),
}

# Of the sealer, which no stack waits for: `dr crashtest` does not go through them.
SEAL_STEPS = {
    "archive-segment": KillStep("a segment of a range is in its place, others are not", "sealer"),
    "archive-segments": KillStep("every segment of a range is in its place, no manifest", "sealer"),
    "archive-manifest": KillStep("a manifest is in its place, the log does not say so", "sealer"),
    "archive-said": KillStep(
        "the log says that a range is sealed, the next is not begun", "sealer"
    ),
}

# Of `dr archive prune`, which no stack runs beside: `dr crashtest` does not go through them.
ROLL_STEPS = {
    "roll-begun": KillStep("word of the roll is written, nothing is done", "prune"),
    "roll-carried": KillStep("every domain has a commit in what stays", "prune"),
    "roll-sealed": KillStep("nobody can append any more, the end is not written down", "prune"),
    "roll-mirrored": KillStep("the copy has reached the end, it is not forced to disk", "prune"),
    "roll-copied": KillStep("the copy is proved and on disk, the old log is still there", "prune"),
    "roll-dropped": KillStep("the old log is gone, the new one is not begun", "prune"),
    "roll-refilled": KillStep("the new log has reached the end, it is not forced to disk", "prune"),
    "roll-back": KillStep("the new log is proved and on disk, and still a mirror", "prune"),
    "roll-released": KillStep("the new log takes commits, its copy is still there", "prune"),
    "roll-done": KillStep("the copy is gone, the word of the roll is still there", "prune"),
}


class KillOrderError(ValueError):
    """You wrote a DEADRECKON_KILL that is not an order; the message shows how one looks."""


class KillOrder(Struct, frozen=True):
    """Order to end at a passing of a step; an empty service means any, process 0 the one that
    passes."""

    step: str
    service: str
    nth: int
    process: int = 0


def read_order(text: str) -> KillOrder:
    """Parse a kill order. Raises KillOrderError.

    >>> read_order("commit@risk:3").nth
    3
    """
    words, _, process = text.strip().partition(" ")
    target, colon, nth = words.rpartition(":")
    step, _, service = target.partition("@")
    known = step in STEPS or step in SEAL_STEPS or step in ROLL_STEPS
    if not colon or not known or not nth.isdigit() or not f"{process}0".isdigit():
        raise KillOrderError(
            f"{VARIABLE}={text}: expected STEP[@SERVICE]:NTH; `dr crashtest --list`"
        )
    return KillOrder(step, service, int(nth), int(process or 0))


class Armed:
    """Counts passings of the step that its order names; a new order begins at 0."""

    def __init__(self, text: str) -> None:
        self._file = Path(text[1:]) if text.startswith("@") else None
        self._order = None if self._file else read_order(text)
        self._seen: tuple[int, int] | None = None
        self._passings = 0

    def passed(self, step: str, service: str) -> None:
        """End a process if this is the passing that the order means."""
        if self._file is not None:
            self._look(self._file)
        order = self._order
        if order is None or order.step != step or order.service not in ("", service):
            return
        self._passings += 1
        if self._passings == order.nth and self._claim():
            os.kill(order.process or os.getpid(), signal.SIGKILL)

    def _look(self, file: Path) -> None:
        try:
            status = file.stat()
            identity = status.st_ino, status.st_mtime_ns
            if identity != self._seen:
                self._seen, self._passings = identity, 0
                self._order = read_order(file.read_text())
        except FileNotFoundError:
            self._seen = self._order = None

    def _claim(self) -> bool:
        """Tell whether this process is the first to obey the order."""
        if self._file is None:
            return True
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True


armed = Armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def passed(step: str, service: str = "") -> None:
    """Note that this process is at a step that STEPS names; ends it if it is ordered to."""
    if armed is not None:
        armed.passed(step, service)


@contextmanager
def unarmed() -> Iterator[None]:
    """Ignore orders within this context: a reader passes the same steps as the writer."""
    global armed
    before, armed = armed, None
    try:
        yield
    finally:
        armed = before


async def left(subject: str) -> None:
    """Note the step of a message that was just handed to the client, once it has left."""
    parts = subject.split(".")
    if armed is not None and len(parts) == 4 and parts[0] == "log":
        for _ in range(TURNS_TO_LEAVE):
            await asyncio.sleep(0)
        step = "progress" if parts[3] == "progress" else "commit"
        armed.passed(step, parts[2])
