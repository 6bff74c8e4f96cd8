"""Narration of a log: one line for each event, indented under its cause."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.timestamps import day_of
from deadreckon.formatting.events import describe
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.times import clock
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.ingress import Ingress

# A story is emitted once this many messages have come after its beginning. On a tape it is complete
# at the next row; live, an answer that takes longer begins a story of its own.
STORY_MESSAGES = 2_000

# Market events, which come all day; without an answer they are not worth a line.
MARKET_EVENTS = frozenset(
    {"BarClosed", "ClockTicked", "MarkUpdated", "QuoteUpdated", "TradePrinted"}
)

TIME_WIDTH = 8  # columns of HH:MM and a space
INDENT = "  "


class NarratedEvent(Struct, frozen=True):
    """One described event. `depth` counts its causes; `late` means that its cause was already
    emitted.

    `at` is its decision time (nanoseconds UTC, 0 before any clock), `who` its publisher. `sequence`
    and `index` locate it in the log for programs; the text never shows them.
    """

    at: int
    who: str
    text: str
    depth: int
    late: bool
    type: str
    id: str
    cause: str | None
    sequence: int
    index: int


class NarratedStory(Struct):
    """A described event with everything that followed from it, in log order."""

    first: NarratedEvent
    branches: list["NarratedStory"] = []

    def __iter__(self) -> Iterator[NarratedEvent]:
        yield self.first
        for branch in self.branches:
            yield from branch

    @property
    def is_quiet(self) -> bool:
        """True for a market event that nothing followed from."""
        return not self.branches and self.first.type in MARKET_EVENTS


class Narrator:
    """Narrator of a log; it needs every message from the first on, so that names are stable."""

    def __init__(self, book: str, mode: Mode) -> None:
        self._ingress = Ingress(book, mode, reads_signals=True, restamps=False)
        self._names = Style()
        self._stories: deque[NarratedStory] = deque()  # stories not emitted yet, oldest first
        self._branches: dict[str, NarratedStory] = {}  # by event id, of these stories

    def fold(self, message: Message) -> Iterator[NarratedStory]:
        """Fold one message; yields the stories that are complete."""
        for record in self._ingress.records_of(message):
            self._add(record)
        yield from self._finished(message.sequence - STORY_MESSAGES)

    def finish(self) -> Iterator[NarratedStory]:
        """Yield the remaining stories."""
        yield from self._finished(None)

    def _add(self, record: Recorded[Any]) -> None:
        cause = None if record.cause is None else self._branches.get(record.cause)
        branch = NarratedStory(self._described(record, cause))
        if cause is not None:
            cause.branches.append(branch)
        else:
            self._stories.append(branch)
        self._branches.setdefault(record.id, branch)

    def _described(self, record: Recorded[Any], cause: NarratedStory | None) -> NarratedEvent:
        return NarratedEvent(
            at=record.at,
            who=record.source.removeprefix("op.").removeprefix("in."),
            text=describe(record, self._names),
            depth=0 if cause is None else cause.first.depth + 1,
            late=cause is None and record.cause is not None,
            type=type(record.event).__name__,
            id=record.id,
            cause=record.cause,
            sequence=record.sequence,
            index=record.index,
        )

    def _finished(self, before: int | None) -> Iterator[NarratedStory]:
        """Yield the stories that began before a message; None: all of them."""
        while self._stories and (before is None or self._stories[0].first.sequence < before):
            story = self._stories.popleft()
            for event in story:
                self._branches.pop(event.id, None)
            yield story


def narrated_stories(messages: Iterable[Message], book: str, mode: Mode) -> Iterator[NarratedStory]:
    """Yield every story of a log, oldest first."""
    narrator = Narrator(book, mode)
    for message in messages:
        yield from narrator.fold(message)
    yield from narrator.finish()


class StoryPage:
    """Formatter of stories as lines of text, with a heading for each day.

    A `quiet` page sums up market events that nothing followed from.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._today = ""
        self._quiet_rows: list[NarratedEvent] = []

    def add(self, story: NarratedStory) -> Iterator[str]:
        """Yield the lines of one more story, after those of the quiet rows before it."""
        if self._quiet and story.is_quiet and self._is_today(story.first):
            self._quiet_rows.append(story.first)
            return
        yield from self.finish()
        if not self._is_today(story.first):
            self._today = _day(story.first)
            yield self._today
        for event in story:
            yield _line(event)

    def finish(self) -> Iterator[str]:
        """Yield the line of the quiet rows at the end."""
        rows, self._quiet_rows = self._quiet_rows, []
        if len(rows) > 1:
            first, last = clock(rows[0].at), clock(rows[-1].at)
            yield f"{_column(first)}{len(rows)} rows of the market, until {last}"
        else:
            yield from map(_line, rows)

    def _is_today(self, event: NarratedEvent) -> bool:
        return _day(event) == self._today


def lines(stories: Iterable[NarratedStory]) -> Iterator[str]:
    """Yield the lines of all stories, with every market event."""
    page = StoryPage()
    for story in stories:
        yield from page.add(story)
    yield from page.finish()


def _day(event: NarratedEvent) -> str:
    return day_of(event.at) if event.at else "before any clock"


def _column(time: str) -> str:
    """Pad a time to its column; one that is longer keeps a space behind it."""
    return time.ljust(TIME_WIDTH) if len(time) < TIME_WIDTH else f"{time} "


def _line(event: NarratedEvent) -> str:
    is_dated = event.depth == 0 and event.at
    time = _column(clock(event.at) if is_dated else "")
    late = "(late) " if event.late else ""
    return f"{time}{INDENT * event.depth}{event.who}: {late}{event.text}"
