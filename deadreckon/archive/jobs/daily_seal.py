"""Seals each day of a running stack once it is over, in a process of its own."""

import asyncio
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from deadreckon.contracts.archive import SEALER
from deadreckon.contracts.codec import UndecodableError
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.background_jobs import run_verb

FIRST_CHECK_SECONDS = 30.0  # seconds after the start: trading comes first
LOOK = 60.0  # seconds between two looks whether a day is over

log = log_lines.Logger()


class ArchivePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The times at which a stack seals: `daily`, each day once it is over in the log, or `off`;
    null is daily where the log is the folder's own. Another one may have stacks, and a sealer,
    elsewhere."""

    seal: Literal["daily", "off"] | None = None


class _SealReport(Struct):
    """The part of `dr archive seal --json` that is used."""

    sealed: list[msgspec.Raw]
    last: int
    day: str


class DailySealer:
    """Looks whether a day is over, and then runs `dr archive seal`, which does nothing twice.

    `failures` counts runs that came to nothing; the next look tries again. `last` is the last
    sequence that was sealed, null until a run of this process has reported it.
    """

    def __init__(self, data: Path, nats: str | None, bus: Bus, policy: ArchivePolicy) -> None:
        self.failures = 0
        self.last: int | None = None
        self._words = ["--data", str(data), *(["--nats", nats] if nats else []), "--json"]
        self._bus = bus
        self._seals = policy.seal == "daily" or (policy.seal is None and nats is None)
        self._day = 0  # up to which nothing is left to seal, counted from 1970

    async def run(self) -> None:
        """Seal by the policy until cancelled."""
        if not self._seals:
            await asyncio.Event().wait()
        await asyncio.sleep(FIRST_CHECK_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Seal what is over, if a day has ended since the last time."""
        from deadreckon.archive.sealer import decision_time  # polars; not at the start

        try:
            today = await decision_time(self._bus) // DAY
        except (UndecodableError, HoleError) as error:  # an archive may be away for a while
            self._failed(str(error))
            return
        if today > self._day and await self._seal():
            self._day = today

    async def _seal(self) -> bool:
        done = await run_verb("archive", "seal", *self._words)
        if done.code:
            self._failed(done.reason)
            return False
        found = msgspec.json.decode(done.output, type=_SealReport)
        self.last = found.last
        log.info("archive_sealed", ranges=len(found.sealed), last=found.last, day=found.day)
        return True

    def _failed(self, reason: str) -> None:
        self.failures += 1
        log.error("archive_not_sealed", service=SEALER, reason=reason, next_try_seconds=LOOK)
