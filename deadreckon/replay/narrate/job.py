"""Job of `dr replay narrate`: a folder's log as stories, a day, a range or all of it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from deadreckon.contracts.event import Mode
from deadreckon.contracts.timestamps import day_of, format_timestamp
from deadreckon.replay.narrate.narrate import (
    STORY_MESSAGES,
    NarratedEvent,
    NarratedStory,
    Narrator,
    StoryPage,
)
from deadreckon.replay.opening import open_log
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.services.catalogue import BOOK


class StoryRange(msgspec.Struct, frozen=True):
    """Range of stories by where they begin: a UTC day, and first and last sequence; None for
    any."""

    day: str | None = None
    first: int = 1
    last: int | None = None

    def has(self, event: NarratedEvent) -> bool:
        """Return True when a story that begins with this event is in the range."""
        if event.sequence < self.first or (self.last is not None and event.sequence > self.last):
            return False
        return self.day is None or day_of(event.at) == self.day

    def is_behind(self, event: NarratedEvent) -> bool:
        """Return True when no later story can be in the range."""
        return self.day is not None and day_of(event.at) > self.day


async def narrate(
    data: Path,
    nats: str | None,
    part: StoryRange,
    show: Callable[[str], None],
    *,
    rows: bool,
    json: bool,
) -> None:
    """Show a folder's stories line by line. The log is read from its beginning, so that names
    are stable."""
    page = StoryPage(quiet=not rows)
    async with open_log(data, nats, "narrate", shows=False) as opened:
        async for story in stories(opened.bus, part):
            for line in map(event_json, story) if json else page.add(story):
                show(line)
    for line in page.finish():
        show(line)


async def stories(
    bus: Bus, part: StoryRange, book: str = BOOK, mode: Mode = "paper"
) -> AsyncIterator[NarratedStory]:
    """Yield the stories of a range of the log, oldest first."""
    narrator = Narrator(book, mode)
    end = (await bus.info()).last
    upto = end if part.last is None else min(end, part.last + STORY_MESSAGES)
    async for message in read_messages(bus, upto):
        for story in narrator.fold(message):
            if part.is_behind(story.first):
                return
            if part.has(story.first):
                yield story
    for story in narrator.finish():
        if part.has(story.first):
            yield story


def event_json(event: NarratedEvent) -> str:
    """Encode one event as a line of JSON; its time as RFC 3339, null before any clock."""
    fields = msgspec.structs.asdict(event)
    fields["at"] = format_timestamp(event.at) if event.at else None
    return msgspec.json.encode(fields).decode()
