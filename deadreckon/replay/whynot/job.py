"""Job of `dr replay whynot`: replays a folder's log up to the end of a window."""

from pathlib import Path

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode
from deadreckon.replay.opening import progress_bar
from deadreckon.replay.why.job import Progress
from deadreckon.replay.whynot.tracker import Window, WindowTracker
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.strategies.loading import use_folder


class UnknownInstrumentError(UsageError):
    """You named an instrument that the log does not know; the message lists those it does."""


async def whynot(
    data: Path, window: Window, nats: str | None, *, shows: bool, book: str = BOOK
) -> WindowTracker:
    """Track a window of a folder's log. Raises UnknownInstrumentError."""
    folder = Folder(data).check()
    use_folder(data)
    log_lines.configure(folder.logs / "whynot.log")
    async with open_bus(folder, nats) as bus:
        with progress_bar(shows) as progress:
            return await track_window(bus, window, progress, book)


async def track_window(
    bus: Bus, window: Window, progress: Progress, book: str = BOOK, mode: Mode = "paper"
) -> WindowTracker:
    """Explain an id or a figure of an open log."""
    listener = WindowTracker(window, book, mode)
    end = (await retry(bus.info)).last
    async for message in read_messages(
        bus, end, lambda done, of: progress("living it again", done, of)
    ):
        listener.take(message)
        if listener.is_done:
            break
    listener.end()
    if window.instrument not in listener.instruments:
        known = ", ".join(listener.instruments) or "none"
        raise UnknownInstrumentError(
            f"by then the log had said nothing of {window.instrument}; it knows {known}"
        )
    return listener
