"""Link to a venue: retries what changes nothing, and records when the venue is away and back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from deadreckon.contracts.event import Event
from deadreckon.contracts.venues import VenueConnectionChanged, VenueReportRefused
from deadreckon.runtime.process import log_lines
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
REFUSALS_MAX = 50  # refused reports that are no trades, recorded in a row; more are counted

T = TypeVar("T")

log = log_lines.Logger()


def backoff(tries: int) -> float:
    """Return the seconds to wait after so many failed tries."""
    wait: float = WAIT_FIRST * 2 ** min(tries, 10)
    return min(wait, WAIT_LAST)


class VenueLink:
    """Reachability of a venue, as the log knows it; `outages` counts how often it went away."""

    def __init__(self, journal: VenueJournal) -> None:
        self._journal = journal
        self.outages = 0
        self._unanswered = 0  # requests in a row
        self._refusals: dict[tuple[str, str, str], bool] = {}

    async def retry(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """Send a request until it is answered, however long it takes.

        Only for requests that change nothing at the venue.
        """
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
                await self.unanswered(str(error))
            else:
                await self.answered()
                return answer
            await asyncio.sleep(backoff(tries))
            tries += 1

    async def answered(self) -> None:
        """Note that the venue answered; record it when the venue had been away."""
        self._unanswered = 0
        self._refusals.clear()
        if not self._journal.state.connected:
            log.info("venue_answers_again", venue=venue_name(self._journal.state))
            await self._record_connection(True, "it answers again")

    async def unanswered(self, reason: str) -> None:
        """Note a request without an answer; record an outage at the third in a row."""
        self._unanswered += 1
        if self._unanswered >= DOWN_AFTER and self._journal.state.connected:
            self.outages += 1
            log.error("venue_away", venue=venue_name(self._journal.state), reason=reason)
            await self._record_connection(False, reason[:200])

    async def _record_connection(self, connected: bool, reason: str) -> None:
        venue = venue_name(self._journal.state)
        await self._journal.publish([VenueConnectionChanged(venue, connected, reason)])

    async def refuse(self, what: str, error: MalformedReportError) -> None:
        """Record a report that could not be read."""
        venue = venue_name(self._journal.state)
        report = report_refusal(venue, "malformed", f"{what}: {error}"[:200], error.evidence)
        await self._journal.publish(self.unrepeated([report]))

    def unrepeated(self, events: Iterable[Event]) -> Iterator[Event]:
        """Drop refusals that were recorded before: a broken venue repeats itself."""
        return (event for event in events if self._is_new(event))

    def _is_new(self, event: Event) -> bool:
        if not isinstance(event, VenueReportRefused) or event.number:
            return True
        key = (event.rule, event.reason, event.evidence)
        if key not in self._refusals and len(self._refusals) < REFUSALS_MAX:
            self._refusals[key] = True
            return True
        log.warning("venue_report_refused_again", rule=event.rule, reason=event.reason)
        return False
