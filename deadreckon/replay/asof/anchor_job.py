"""Background job that keeps the as-of anchors of a running stack near the end of its log."""

import asyncio
from pathlib import Path

from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.background_jobs import run_verb

FIRST_CHECK_SECONDS = 45.0  # seconds after the start: trading comes first, and sealing before this
CHECK_SECONDS = 60.0  # seconds between two checks of the log's length
GROWTH_MESSAGES = (
    5_000  # messages after which a child process is worth it: well under a second of a query
)

log = log_lines.Logger()


class AnchorJob:
    """Runs `dr replay asof` in a child process whenever the log has grown, so that later queries
    find anchors. A failed run is repeated at the next check."""

    def __init__(self, data: Path, nats: str | None, bus: Bus) -> None:
        self.sequence = 0  # the last message covered by an anchor of this process
        self._words = ["--known", "then", "--data", str(data), *(["--nats", nats] if nats else [])]
        self._bus = bus

    async def run(self) -> None:
        """Keep the anchors current until cancelled."""
        await asyncio.sleep(FIRST_CHECK_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(CHECK_SECONDS)

    async def look(self) -> None:
        """Extend the anchors if the log has grown enough since the last time."""
        try:
            last = (await retry(self._bus.info)).last
        except HoleError as error:  # the archive is not reachable; the log itself continues
            log.warning("anchors_not_kept", reason=str(error), next_try_seconds=CHECK_SECONDS)
            return
        if last - self.sequence >= GROWTH_MESSAGES and await self._bring_up(last):
            self.sequence = last

    async def _bring_up(self, last: int) -> bool:
        done = await run_verb("replay", "asof", str(last), *self._words)
        if done.code:
            log.warning("anchors_not_kept", reason=done.reason, next_try_seconds=CHECK_SECONDS)
        return not done.code
