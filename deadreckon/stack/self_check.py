"""Holds the views of a running stack against its log, again and again, and mends what differs.

Both are done by programs beside the stack, at the lowest priority: nobody who trades waits for it.
A view that was made anew is swapped in at once; who reads the old one keeps it.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from deadreckon import __version__
from deadreckon.contracts.codec import seal
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.subjects import SHARED
from deadreckon.contracts.views import VERIFIER, ViewDiffered, ViewRebuilt
from deadreckon.projections.comparison import Difference
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.domain import Domain
from deadreckon.runtime.leash import leashed

FIRST_SECONDS = 60.0  # after the start, unless they are compared more often than that
FOUND = (0, 1)  # exit codes of a comparison that was made
REASON = 500  # characters of what a program said that failed, the last ones
REMEDY = {"views": "lake"}  # DuckDB's views are made anew with what they show

log = structlog.get_logger()


class Compared(Struct):
    """What `dr verify --json` says."""

    sequence: int
    differences: list[Difference]


class SelfCheck:
    """Compares every `every_seconds`; says in the log what differed and what was made anew.

    `now` tells the decision time (nanoseconds UTC). `compared` counts comparisons.
    """

    def __init__(
        self,
        data: Path,
        bus: Bus,
        nats: str | None,
        *,
        mode: Mode,
        every_seconds: float,
        now: Callable[[], int],
    ) -> None:
        self.compared = 0
        self._domain = Domain(bus, SHARED, VERIFIER, __version__)
        self._where = ["--data", str(data), *(["--nats", nats] if nats else [])]
        self._mode = mode
        self._every = every_seconds
        self._now = now

    async def follow(self) -> None:
        """Go on comparing for as long as the stack runs."""
        await self._domain.recover()
        await asyncio.sleep(min(FIRST_SECONDS, self._every))
        while True:
            await self.check()
            await asyncio.sleep(self._every)

    async def check(self) -> None:
        """Compare once, and mend what differs."""
        code, said = await self._run("verify")
        found = _read(said) if code in FOUND else None
        if found is None:
            log.warning("views_not_compared", code=code, reason=said[-REASON:])
            return
        self.compared += 1
        log.info("views_compared", sequence=found.sequence, differences=len(found.differences))
        differed = {it.projection: await self._tell(it, found.sequence) for it in found.differences}
        if differed:
            await self._mend(differed)

    async def _tell(self, found: Difference, place: int) -> str:
        """Say a difference; the id of the event."""
        log.error("view_differs", place=place, **msgspec.to_builtins(found))
        event = ViewDiffered(
            view=found.projection,
            place=place,
            table=found.table,
            key=list(found.key),
            column=found.column,
            stored=found.stored,
            expected=found.expected,
            reason=found.note,
        )
        return await self._say(event, None)

    async def _mend(self, differed: dict[str, str]) -> None:
        names = sorted({REMEDY.get(name, name) for name in differed} - {"all"})  # all: no log
        code, said = await self._run("rebuild", *names) if names else (1, "the log was cut")
        if code:
            log.error("views_not_rebuilt", views=names, reason=said[-REASON:])
            return
        place = msgspec.json.decode(said)["sequence"]
        for name, event_id in differed.items():
            log.warning("view_rebuilt", view=name, place=place)
            await self._say(ViewRebuilt(name, place, event_id), event_id)

    async def _say(self, event: Event, cause: str | None) -> str:
        domain = self._domain
        name = derive_id(f"{VERIFIER} {domain.previous}", VERIFIER, domain.n)
        said: Recorded[Any] = Recorded(
            id=name,
            at=self._now(),
            book=SHARED,
            mode=self._mode,
            source=VERIFIER,
            cause=cause,
            root=cause or name,
            event=event,
        )
        place = domain.sequence
        await domain.append((place + 1, place, 0), [], [seal(said)])
        return name

    async def _run(self, *words: str) -> tuple[int, str]:
        """The exit code of a verb, and what it printed, or its errors."""
        polite = shutil.which("nice")
        command = [*([polite, "-n", "19"] if polite else []), sys.executable, "-m", "deadreckon"]
        child = await asyncio.create_subprocess_exec(
            *leashed([*command, *words, *self._where, "--json"]),
            env=dict(os.environ, PYTHONPATH=_root(), PYTHONSAFEPATH="1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = await child.communicate()
        except asyncio.CancelledError:
            child.kill()
            await child.wait()
            raise
        code = child.returncode or 0
        told = output if code in FOUND and output else errors
        return code, told.decode("utf-8", "replace").strip()


def _read(said: str) -> Compared | None:
    """What a comparison found; null for a program that ended otherwise than it should."""
    try:
        return msgspec.json.decode(said, type=Compared)
    except msgspec.MsgspecError:
        return None


def _root() -> str:
    return str(Path(__file__).resolve().parents[2])
