"""Job of `dr replay why`: reads a folder's log for the event, and again for what risk measured."""

from pathlib import Path

from msgspec import Struct

from deadreckon.contracts.event import Mode
from deadreckon.replay.lookup import IdFinder, UnknownIdError
from deadreckon.replay.opening import Progress, open_log
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.figure import FigureQuery, ProfitFigure, compute_figure, parse_figure
from deadreckon.replay.why.risk_recheck import RiskRecheck
from deadreckon.replay.why.tracing import (
    Explanation,
    explanation,
    found_event,
    rechecked_events,
    trace,
)
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.reading import read_messages
from deadreckon.services.catalogue import BOOK


class WhyResult(Struct, frozen=True):
    """Result of `why`: the story of an event, or a figure with its flows."""

    history: EventHistory
    story: Explanation | None = None
    figure: ProfitFigure | None = None


async def why(
    data: Path, text: str, nats: str | None, depth: int, *, shows: bool, book: str = BOOK
) -> WhyResult:
    """Explain an id or a figure of a folder's log.

    Raises UnknownIdError and AmbiguousIdError.
    """
    async with open_log(data, nats, "why", shows=shows) as opened:
        return await find_reason(opened.bus, text, depth, opened.progress, book)


async def find_reason(
    bus: Bus, text: str, depth: int, progress: Progress, book: str = BOOK, mode: Mode = "paper"
) -> WhyResult:
    """Explain an id or a figure of an open log."""
    sought = parse_figure(text)
    if sought is not None:
        return await _figure(bus, sought, progress, book, mode)
    finder = IdFinder(text, book, mode)
    history = EventHistory(finder, book, mode)
    end = (await retry(bus.info)).last
    async for message in read_messages(bus, end, lambda done, of: progress("reading", done, of)):
        history.take(message)
    story = trace(history, found_event(history, finder.found()), depth)
    asked = rechecked_events(history, story)
    recheck = RiskRecheck(set(asked), book, mode)
    if asked:
        async for message in read_messages(
            bus, end, lambda done, of: progress("replaying risk", done, of)
        ):
            recheck.take(message)
            if recheck.is_done:
                break
        else:
            recheck.end()
    return WhyResult(history, story=explanation(history, recheck, story))


async def _figure(
    bus: Bus, sought: FigureQuery, progress: Progress, book: str, mode: Mode
) -> WhyResult:
    last = (await retry(bus.info)).last
    if sought.at is not None and sought.at > last:
        raise UnknownIdError(f"the log ends at message {last}, before {sought.at}")
    history = EventHistory(None, book, mode)
    end = last if sought.at is None else sought.at
    async for message in read_messages(bus, end, lambda done, of: progress("reading", done, of)):
        history.take(message)
    return WhyResult(history, figure=compute_figure(history, sought))
