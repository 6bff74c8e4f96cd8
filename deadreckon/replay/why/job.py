"""Why, as a verb asks it: a folder's log read for the event, and again for what risk measured."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode
from deadreckon.replay.audit.job import progress_told
from deadreckon.replay.lookup import Finder, UnknownIdError
from deadreckon.replay.why.event_index import Chronicle
from deadreckon.replay.why.figure import Figure, Wanted, figure, wanted_figure
from deadreckon.replay.why.risk_recheck import Witness
from deadreckon.replay.why.tracing import Answer, answer, event_of, trace, wanted
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.reading import messages
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK

Progress = Callable[[str, int, int], None]


class Reason(Struct, frozen=True):
    """What was found: the story of an event, or a figure with what made it."""

    chronicle: Chronicle
    story: Answer | None = None
    figure: Figure | None = None


async def why(
    data: Path, text: str, nats: str | None, depth: int, *, shows: bool, book: str = BOOK
) -> Reason:
    """The reason behind an id or a figure of a folder's log.

    Raises UnknownIdError and AmbiguousIdError.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "why.log")
    async with open_bus(folder, nats) as bus:
        with progress_told(shows) as progress:
            return await reason(bus, text, depth, progress, book)


async def reason(
    bus: Bus, text: str, depth: int, progress: Progress, book: str = BOOK, mode: Mode = "paper"
) -> Reason:
    """The same of a log that is open."""
    sought = wanted_figure(text)
    if sought is not None:
        return await _figure(bus, sought, progress, book, mode)
    finder = Finder(text, book, mode)
    chronicle = Chronicle(finder, book, mode)
    end = (await retry(bus.info)).last
    async for message in messages(bus, end, lambda done, of: progress("reading", done, of)):
        chronicle.take(message)
    story = trace(chronicle, event_of(chronicle, finder.found()), depth)
    asked = wanted(chronicle, story)
    witness = Witness(set(asked), book, mode)
    if asked:
        async for message in messages(bus, end, lambda done, of: progress("asking risk", done, of)):
            witness.take(message)
            if witness.is_done:
                break
        else:
            witness.end()
    return Reason(chronicle, story=answer(chronicle, witness, story))


async def _figure(bus: Bus, sought: Wanted, progress: Progress, book: str, mode: Mode) -> Reason:
    last = (await retry(bus.info)).last
    if sought.at is not None and sought.at > last:
        raise UnknownIdError(f"the log ends at message {last}, before {sought.at}")
    chronicle = Chronicle(None, book, mode)
    end = last if sought.at is None else sought.at
    async for message in messages(bus, end, lambda done, of: progress("reading", done, of)):
        chronicle.take(message)
    return Reason(chronicle, figure=figure(chronicle, sought))
