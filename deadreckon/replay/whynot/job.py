"""Job of `dr replay whynot`: replays a folder's log up to the end of a window."""

from pathlib import Path

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode
from deadreckon.formatting.nearest import nearest_name
from deadreckon.replay.opening import Progress, open_log
from deadreckon.replay.whynot.tracker import Window, WindowTracker
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.reading import read_messages
from deadreckon.services.catalogue import BOOK


class UnknownInstrumentError(UsageError):
    """You named an instrument that the log does not know; the message suggests one it does."""


class UnknownStrategyError(UsageError):
    """You named a strategy that the log does not know; the message suggests one it does."""


async def whynot(
    data: Path, window: Window, nats: str | None, *, shows: bool, book: str = BOOK
) -> WindowTracker:
    """Track a window of a folder's log. Raises UnknownInstrumentError, UnknownStrategyError."""
    async with open_log(data, nats, "whynot", shows=shows) as opened:
        tracker = await track_window(opened.bus, window, opened.progress, book)
    check_strategy(tracker)
    return tracker


def check_strategy(tracker: WindowTracker) -> None:
    """Refuse a window of a strategy that the log does not name. Raises UnknownStrategyError."""
    name, known = tracker.window.strategy, tracker.strategy_names
    if name is not None and name not in known:
        near = nearest_name(name, known)
        raise UnknownStrategyError(f"the log does not name a strategy {name} by then; {near}")


async def track_window(
    bus: Bus, window: Window, progress: Progress, book: str = BOOK, mode: Mode = "paper"
) -> WindowTracker:
    """Track a window of an open log. Raises UnknownInstrumentError."""
    tracker = WindowTracker(window, book, mode)
    end = (await retry(bus.info)).last
    async for message in read_messages(bus, end, lambda done, of: progress("replaying", done, of)):
        tracker.take(message)
        if tracker.is_done:
            break
    tracker.end()
    if window.instrument not in tracker.instruments:
        near = nearest_name(window.instrument, tracker.instruments)
        raise UnknownInstrumentError(f"the log does not name {window.instrument} by then; {near}")
    return tracker
