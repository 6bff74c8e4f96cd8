"""The smallest slice of a log that holds one decision: a state, a question, and the answers."""

from collections.abc import AsyncIterable, Callable
from typing import Any

from msgspec import Struct, structs

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet
from deadreckon.contracts.portfolio import ReportingConfigured
from deadreckon.replay.lookup import IdFinder, IdMatch
from deadreckon.replay.rerun.redecide import Redecider, redecide_question
from deadreckon.replay.rerun.states import copied
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import ChainLink, Decoding, Message
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.snapshots import encode_state
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import DECIDERS

Progress = Callable[[str, int, int], None]

# What is configured, and the field by which it is one thing among several.
CONFIGURATION_KEYS: dict[type[Event], str] = {
    LimitsSet: "",
    ProducerQuotaSet: "",
    StrategyConfigured: "strategy",
    InstrumentListed: "instrument",
    VenueConfigured: "venue",
    ReportingConfigured: "",
}


class NoDecisionError(UsageError):
    """You named something that no service has decided; the message says what it is."""


class Target(Struct, frozen=True):
    """A decision: the service, and where the log has its question; `id` is the answer, if any."""

    service: str
    sequence: int
    index: int
    id: str = ""


class DecisionSlice(Struct):
    """A question with all it takes to ask it again.

    `state` is encoded as it stood right before, at commit `n` of the service and what came since;
    `intake` and `links` as before the question's message. `commits` are the messages that hold the
    recorded answers; `settled` says that a commit covers it.
    """

    question: Recorded[Any]
    recorded: list[Recorded[Any]]
    redecider: Redecider
    state: bytes
    n: int
    intake: Ingress
    links: dict[str, ChainLink]
    asked_in: Stored
    commits: list[Stored]
    settled: bool
    configuration: list[Recorded[Any]]
    codes: list[str]


async def target(
    bus: Bus, text: str, service: str, book: str, mode: Mode, progress: Progress
) -> Target:
    """Find the decision that a text names, of the given service if one is given.

    Raises UnknownIdError, AmbiguousIdError or NoDecisionError.
    """
    finder = IdFinder(text, book, mode)
    decoding = Decoding()
    end = (await retry(bus.info)).last
    asked: dict[tuple[int, int], str] = {}  # the first service to answer a question
    async for stored in read_stored(bus, end, lambda done, of: progress("finding", done, of)):
        message = decoding.decode(stored)
        finder.fold(message)
        if message.commit is not None and message.subject.service in DECIDERS:
            for sequence, index, _ in message.commit.answers:
                asked.setdefault((sequence, index), message.subject.service)
    found = finder.found()
    stored_there = await retry(lambda: bus.message(found.sequence))
    if stored_there is None:
        raise NoDecisionError(f"message {found.sequence} cannot be read: the store is damaged")
    message = Decoding(from_start=False).decode(stored_there)
    author = message.subject.service
    if author in DECIDERS and service in ("", author):
        return _decided(message, found)
    answerer = service or asked.get((found.sequence, found.index), "")
    if not answerer:
        raise NoDecisionError(
            f"{found} came from outside, and no service answered it; name one with --service to "
            "have its silence in the bundle"
        )
    return Target(answerer, found.sequence, found.index)


def _decided(message: Message, found: IdMatch) -> Target:
    """Find the question to which a commit holds this answer."""
    end_of_answers = 0
    for sequence, index, count in message.commit.answers if message.commit else ():
        end_of_answers += count
        if found.index < end_of_answers:
            fact = message.facts[found.index]
            return Target(message.subject.service, sequence, index, fact.id)
    raise NoDecisionError(f"{found} is in no answer of its commit")


async def cut(bus: Bus, wanted: Target, book: str, mode: Mode, progress: Progress) -> DecisionSlice:
    """Replay the service up to the question. Raises NoDecisionError if it was never settled."""
    reading = _Reading(wanted, book, mode)
    end = (await retry(bus.info)).last
    log = read_stored(bus, end, lambda done, of: progress("recalling", done, of))
    found = await reading.through(log)
    if found is None:
        raise NoDecisionError(
            f"{wanted.service} is never asked the fact at {wanted.sequence}.{wanted.index}"
        )
    if not found.settled:
        _check_unanswered(found, wanted)
    return found


def _check_unanswered(found: DecisionSlice, wanted: Target) -> None:
    """Raise NoDecisionError unless no answer was due to a question that no commit covers."""
    runner = copied(found.redecider.runner, found.state)
    record, _, _ = redecide_question(runner, found.question, found.recorded)
    if record != found.recorded:
        raise NoDecisionError(
            f"the log ends before {wanted.service} has answered the fact at "
            f"{wanted.sequence}.{wanted.index}"
        )


class _Reading:
    """One reading of the log up to the commit that settles a question."""

    def __init__(self, wanted: Target, book: str, mode: Mode) -> None:
        self._wanted = wanted
        self._question_at = (wanted.sequence, wanted.index)
        self._decoding = Decoding()
        self._redecider = Redecider(wanted.service, book, decider(wanted.service), mode)
        self._configured: dict[tuple[type[Event], str], Recorded[Any]] = {}
        self._reporting = Ingress(book, mode, reads_signals=False)
        self._commits: list[Stored] = []
        self._codes: list[str] = []
        self._intake = self._redecider.ingress
        self._links: dict[str, ChainLink] = {}
        self._asked_in: Stored | None = None

    async def through(self, log: AsyncIterable[Stored]) -> DecisionSlice | None:
        """Return the slice once the question is settled; null when it never is."""
        async for stored in log:
            if stored.sequence == self._wanted.sequence:
                self._asked_in = stored
                self._intake = structs.replace(self._redecider.ingress)
                links = self._decoding.links.items()
                self._links = {f"{book}.{service}": link for (book, service), link in links}
            message = self._decoding.decode(stored)
            self._configure(message)
            self._keep_commit(stored, message)
            n = self._redecider.n
            if met := self._redecider.lead(message, *self._question_at):
                return self._slice(*met, n, settled=True)
        met = self._redecider.lead_at_end(*self._question_at)
        return self._slice(*met, self._redecider.n, settled=False) if met else None

    def _configure(self, message: Message) -> None:
        if message.sequence <= self._wanted.sequence:
            for record in self._reporting.records_of(message):
                field = CONFIGURATION_KEYS.get(type(record.event))
                if field is not None:
                    key = (type(record.event), getattr(record.event, field) if field else "")
                    self._configured[key] = record

    def _keep_commit(self, stored: Stored, message: Message) -> None:
        commit = message.commit
        if commit is None or not self._redecider.is_own(message):
            return
        if any((sequence, index) == self._question_at for sequence, index, _ in commit.answers):
            self._commits.append(stored)
            self._codes.append(commit.code)

    def _slice(
        self, question: Recorded[Any], recorded: list[Recorded[Any]], n: int, *, settled: bool
    ) -> DecisionSlice | None:
        if self._asked_in is None:
            return None
        return DecisionSlice(
            question=question,
            recorded=recorded,
            redecider=self._redecider,
            state=encode_state(self._redecider.runner.state),
            n=n,
            intake=self._intake,
            links=self._links,
            asked_in=self._asked_in,
            commits=self._commits,
            settled=settled,
            configuration=list(self._configured.values()),
            codes=sorted(set(self._codes)),
        )
