"""The line to a venue: asks until it answers, and records when it goes silent and comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import structlog

from deadreckon.contracts.event import Event
from deadreckon.contracts.venues import VenueConnectionChanged, VenueReportRefused
from deadreckon.services.venue.in_flight import venue_name
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.reports import report_refusal
from deadreckon.venues.port import (
    MalformedReportError,
    RejectedError,
    ThrottledError,
    UnansweredError,
)

EDGE = True

WAIT_FIRST = 0.05  # seconds before a request is tried again; doubles up to WAIT_LAST
WAIT_LAST = 2.0
DOWN_AFTER = 3  # requests without an answer in a row before the venue counts as away
REFUSALS_MAX = 50  # refused reports without a place that are recorded in a row; more are counted

T = TypeVar("T")

log = structlog.get_logger()


def backoff(tries: int) -> float:
    """Seconds to wait after so many tries in vain."""
    wait: float = WAIT_FIRST * 2 ** min(tries, 10)
    return min(wait, WAIT_LAST)


class VenueLink:
    """Whether the venue answers, as the log knows it; `outages` counts how often it went away."""

    def __init__(self, logbook: VenueJournal) -> None:
        self._logbook = logbook
        self.outages = 0
        self._silences = 0
        self._refusals: dict[tuple[str, str, str], bool] = {}

    async def insist(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, for as long as it takes; only for what changes nothing."""
        tries = 0
        while True:
            try:
                answer = await request()
            except ThrottledError as error:
                log.info("venue_throttles", asked=what, wait_seconds=error.wait)
                await asyncio.sleep(error.wait)
                continue
            except MalformedReportError as error:
                await self.refuse(what, error)
            except (UnansweredError, RejectedError) as error:
                await self.silent(str(error))
            else:
                await self.heard()
                return answer
            await asyncio.sleep(backoff(tries))
            tries += 1

    async def heard(self) -> None:
        """The venue answered."""
        self._silences = 0
        self._refusals.clear()
        if not self._logbook.desk.connected:
            log.info("venue_answers_again", venue=venue_name(self._logbook.desk))
            await self._say_connected(True, "it answers again")

    async def silent(self, reason: str) -> None:
        """It did not."""
        self._silences += 1
        if self._silences >= DOWN_AFTER and self._logbook.desk.connected:
            self.outages += 1
            log.error("venue_away", venue=venue_name(self._logbook.desk), reason=reason)
            await self._say_connected(False, reason[:200])

    async def _say_connected(self, connected: bool, reason: str) -> None:
        venue = venue_name(self._logbook.desk)
        await self._logbook.publish([VenueConnectionChanged(venue, connected, reason)])

    async def refuse(self, what: str, error: MalformedReportError) -> None:
        """Record what could not be read."""
        venue = venue_name(self._logbook.desk)
        report = report_refusal(venue, "malformed", f"{what}: {error}"[:200], error.evidence)
        await self._logbook.publish(self.news([report]))

    def news(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events without refusals that were recorded before: a broken venue repeats itself."""
        return (event for event in events if self._is_news(event))

    def _is_news(self, event: Event) -> bool:
        if not isinstance(event, VenueReportRefused) or event.place:
            return True
        key = (event.rule, event.reason, event.evidence)
        if key not in self._refusals and len(self._refusals) < REFUSALS_MAX:
            self._refusals[key] = True
            return True
        log.warning("venue_report_refused_again", rule=event.rule, reason=event.reason)
        return False
