"""Keeps the as-of anchors of a running stack near the end of its log, in a process of its own."""

import asyncio
from pathlib import Path

import structlog

from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.process.background_jobs import run_verb

FIRST_CHECK_SECONDS = 45.0  # seconds after the start: trading comes first, and sealing before this
CHECK_SECONDS = 60.0  # seconds between two looks at the log's length
GROWTH_MESSAGES = (
    5_000  # messages after which it is worth a process: well under a second of a question
)

log = structlog.get_logger()


class AnchorJob:
    """Asks `dr replay asof` for the end of the log whenever that has moved on, so that whoever
    asks for a place later finds anchors there. A run that fails is tried again at the next look.
    """

    def __init__(self, data: Path, nats: str | None, bus: Bus) -> None:
        self.place = 0  # the last message known to be anchored by this process
        self._words = ["--known", "then", "--data", str(data), *(["--nats", nats] if nats else [])]
        self._bus = bus

    async def run(self) -> None:
        """Keep them until cancelled."""
        await asyncio.sleep(FIRST_CHECK_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(CHECK_SECONDS)

    async def look(self) -> None:
        """Bring them up, if the log has grown enough since the last time."""
        try:
            last = (await retry(self._bus.info)).last
        except HoleError as error:  # of an archive that is away; the log itself goes on
            log.warning("anchors_not_kept", reason=str(error), next_try_seconds=CHECK_SECONDS)
            return
        if last - self.place >= GROWTH_MESSAGES and await self._bring_up(last):
            self.place = last

    async def _bring_up(self, last: int) -> bool:
        done = await run_verb("replay", "asof", str(last), *self._words)
        if done.code:
            log.warning("anchors_not_kept", reason=done.reason, next_try_seconds=CHECK_SECONDS)
        return not done.code
