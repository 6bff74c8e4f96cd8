"""Compares the views of a running stack with its log at intervals, and rebuilds what differs.

Both are background jobs (runtime/process/background_jobs.py). A view that was made anew is swapped
in at once; a reader of the old one keeps it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from deadreckon import __version__
from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.subjects import SHARED
from deadreckon.contracts.views import VERIFIER, ViewDiffered, ViewRebuilt
from deadreckon.projections.comparison import TableDifference
from deadreckon.projections.verification import SEQUENCE
from deadreckon.replay.verify.document import VerifyDocument
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, FencedOutError
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.background_jobs import run_verb

FIRST_SECONDS = 60.0  # after the start, unless they are compared more often than that
FOUND = (0, 1)  # exit codes of a comparison that was made
REMEDY = {"views": "lake"}  # DuckDB's views are made anew with what they show

log = log_lines.Logger()


class SelfCheck:
    """A comparison every `every_seconds`; publishes what differed and what was rebuilt.

    `now` returns the decision time (nanoseconds UTC). `compared` counts comparisons.
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
        self._where = ["--data", str(data), *(["--nats", nats] if nats else []), "--json"]
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
        """Compare once, and rebuild what differs."""
        done = await run_verb("verify", *self._where)
        found = _read(done.output) if done.code in FOUND else None
        if found is None:
            log.warning("views_not_compared", code=done.code, reason=done.reason)
            return
        self.compared += 1
        log.info("views_compared", sequence=found.sequence, differences=len(found.differences))
        differed = {}
        for it in found.differences:
            if it.column == SEQUENCE:  # it will have caught up by the next comparison
                log.warning("view_behind", view=it.projection, at=it.stored, end=it.expected)
            else:
                differed[it.projection] = await self._report(it, found.sequence)
        if differed:
            await self._mend(differed)

    async def _report(self, found: TableDifference, sequence: int) -> str:
        """Publish a difference; returns the id of the event."""
        log.error("view_differs", place=sequence, **msgspec.to_builtins(found))
        event = ViewDiffered(
            view=found.projection,
            place=sequence,
            table=found.table,
            key=list(found.key),
            column=found.column,
            stored=found.stored,
            expected=found.expected,
            reason=found.note,
        )
        return await self._publish(event, None)

    async def _mend(self, differed: dict[str, str]) -> None:
        names = sorted({REMEDY.get(name, name) for name in differed} - {"all"})  # all: no log
        if not names:
            return
        done = await run_verb("rebuild", *names, *self._where)
        if done.code:
            log.error("views_not_rebuilt", views=names, reason=done.reason)
            return
        sequence = msgspec.json.decode(done.output)["sequence"]
        for name, event_id in differed.items():
            log.warning("view_rebuilt", view=name, place=sequence)
            await self._publish(ViewRebuilt(name, sequence, event_id), event_id)

    async def _publish(self, event: Event, cause: str | None) -> str:
        """Publish after whatever another stack on the same log has published of its own views."""
        while True:
            try:
                return await self._append(event, cause)
            except FencedOutError:
                await self._domain.recover()

    async def _append(self, event: Event, cause: str | None) -> str:
        domain = self._domain
        name = derive_id(f"{VERIFIER} {domain.previous}", VERIFIER, domain.n)
        record: Recorded[Any] = Recorded(
            id=name,
            at=self._now(),
            book=SHARED,
            mode=self._mode,
            source=VERIFIER,
            cause=cause,
            root=cause or name,
            event=event,
        )
        sequence = domain.sequence
        await domain.append((sequence + 1, sequence, 0), [], [wrap(record)])
        return name


def _read(record: str) -> VerifyDocument | None:
    """Read the result of a comparison; null for a program that failed."""
    try:
        return msgspec.json.decode(record, type=VerifyDocument)
    except msgspec.MsgspecError:
        return None
