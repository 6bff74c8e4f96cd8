"""Journal of a publisher: what it has folded of the log, and its own commits behind a fence."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from deadreckon.contracts.envelope import Envelope
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import ChainLinks, Feed, Message
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import killpoints, log_lines
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery
from deadreckon.runtime.service.snapshot_file import LogPosition
from deadreckon.runtime.service.snapshots import Snapshots, StateAtCommit, state_digest

REST_FACTS = 100  # since the last snapshot, for one at the end: fewer are folded in no time
REPLAYED_AT_ONCE = 2_000  # facts; a connection that is not looked after for seconds is given up
MESSAGES_AT_ONCE = 500  # between two looks at the event loop, so that nobody starves

log = log_lines.Logger()

AnswerCount = tuple[int, int, int]  # an input's sequence and index, and how many answers it has


class Fold(Protocol):
    """State that recorded facts move."""

    state: Any

    def resume(self, state: Any) -> None:
        """Go on from a state that was read from a snapshot."""
        ...

    def replay(self, question: Recorded[Any], answers: Iterable[Recorded[Any]]) -> None:
        """Move the state by a recorded fact and what was recorded in answer to it."""
        ...


class Journal(ABC):
    """Journal of a publisher: what it has folded of the log, and its own commits.

    `position` is the last message wholly behind it; `part` counts facts of the next one that are
    behind it too. `at_work` is true once it goes on from its own last commit by itself; until then
    it only folds what was recorded, and its state is the one at that commit.
    """

    counts_answers: ClassVar[bool] = True  # whether its events answer single inputs

    def __init__(
        self,
        name: str,
        fold: Fold,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        modules: Sequence[str],
        snapshots: Snapshots | None = None,
        reads_signals: bool = False,
        domain_book: str | None = None,
    ) -> None:
        written = domain_book or book  # the book that it writes in, if not the one it reads
        self.name = name
        self.fold = fold
        self.ingress = Ingress(book, mode, reads_signals=reads_signals)
        self.recovery = Recovery(name, written, self.ingress, counts_answers=self.counts_answers)
        self.bus = as_role(bus, name)
        self.domain = Domain(bus, written, name, code)
        self.feed = feed
        self.ready = False
        self.at_work = False  # until then the state stands at the last commit
        self.position = 0
        self.part = 0
        self.facts = 0  # folded since the last snapshot
        self.busy = asyncio.Lock()  # held from the first fact of a commit until it is stored
        self._committed = 0  # last input covered by our commits
        self._committed_part = 0
        self.snapshot_store = (
            snapshots.snapshot_store(name, book, mode, modules, type(fold.state))
            if snapshots
            else None
        )
        feed.follow(name)

    @property
    def state(self) -> Any:
        """Its state: plain data, a function of the log alone."""
        return self.fold.state

    @property
    def committed(self) -> int:
        """The last input that our commits cover."""
        return self._committed

    @property
    def at(self) -> int:
        """Decision time (nanoseconds UTC) at the position."""
        return self.ingress.now

    # Up to our own last commit: what was recorded is what happened.

    async def restore(self) -> None:
        """Continue from the newest snapshot that fits; to be called before the feed starts.

        Raises SnapshotAheadError when the log was cut.
        """
        found = await self.snapshot_store.load(self.feed.bus) if self.snapshot_store else None
        if found is None:
            return
        at = found.position
        self.fold.resume(found.state)
        self.ingress = found.ingress
        self.recovery = self.recovery.continued(self.ingress, at.n, at.covered)
        self.position = self._committed = at.covered
        self.feed.follow(self.name, at.covered, found.links)
        log.info("restored", service=self.name, place=at.covered, commits=at.n)

    async def replay(self) -> None:
        """Fold the log up to our own last commit; nothing is decided or sent.

        A standby that takes over calls it again: it goes on from where `follow_recorded` led it.
        """
        await self.domain.recover()
        self.feed.require(self.domain.sequence)
        while self.position < self.domain.sequence:
            await self.feed.reach(self.position + 1)
            self._replay_some(min(MESSAGES_AT_ONCE, self.domain.sequence - self.position))
            killpoints.passed("recall", self.name)
            await self.done()
        self.ready = True
        log.info("recalled", service=self.name, sequence=self.position, commits=self.domain.n)

    def _replay_some(self, most: int) -> None:
        enough = self.facts + REPLAYED_AT_ONCE
        for message in self.feed.since(self.position, most):
            self.follow_recorded(message)
            if self.facts > enough:
                break

    def follow_recorded(self, message: Message) -> None:
        """Fold the next message as `replay` does, with the answers that some instance of this
        publisher has recorded; what no commit covers yet waits. A standby calls it directly.

        Raises RecoveryError for damage in our own domain.
        """
        for (_, _, question), answers in self.recovery.take(message):
            self.fold.replay(question, answers)
            self.facts += 1
        self.position = message.sequence
        self._committed, self._committed_part = self.recovery.committed, self.recovery.part

    async def done(self) -> None:
        """Release the messages behind the position, and let other tasks run."""
        self.feed.done(self.name, self.position)
        await asyncio.sleep(0)

    def is_own(self, message: Message) -> bool:
        """Tell whether this publisher wrote the message."""
        return self.recovery.is_own(message)

    # Our own commits.

    async def append(self, envelopes: list[Envelope], answers: Sequence[AnswerCount] = ()) -> None:
        """Store the next commit, which covers every input up to the position, trying for as long as
        it takes; `answers` counts the events that answer each input.

        Raises FencedOutError: from then on nothing may be sent.
        """
        await self.append_upto(self.position, self.part, envelopes, answers)

    async def append_upto(
        self,
        position: int,
        part: int,
        envelopes: list[Envelope],
        answers: Sequence[AnswerCount],
    ) -> None:
        """Store a commit that covers inputs up to message `position` and `part` facts of the next
        one; see `append`."""
        await self.domain.append((self._committed + 1, position, part), [*answers], envelopes)
        self._committed, self._committed_part = position, part

    @abstractmethod
    async def record_progress(self) -> None:
        """Commit the position that was read, if no commit holds it; `busy` must be held."""

    async def state_at_commit(self) -> StateAtCommit:
        """Return the state at our own last commit, once no commit is in the making; another
        instance that has taken the same commit has the same.

        At work, inputs that were not answered are recorded by progress first.
        """
        async with self.busy:
            if self.at_work:
                await self.record_progress()
            n = self.domain.n if self.at_work else self.recovery.n
            digest = state_digest(self.state)
            return StateAtCommit(n, self._committed, self._committed_part, digest)

    # Snapshots: what a start need not fold again.

    @property
    def snapshot_is_due(self) -> bool:
        """True when enough was folded since the last snapshot."""
        store = self.snapshot_store
        return store is not None and self.facts >= store.facts_between

    def links_here(self) -> ChainLinks | None:
        """Return the chain ends at the position; null if no snapshot can be taken: between the
        facts of one message, before damage, and as long as recorded inputs wait."""
        if not self.at_work or self.part or self.recovery.waiting:
            return None
        return self.feed.links_at(self.position)

    async def keep_snapshot(self) -> None:
        """Record the position that was read, and take a snapshot there."""
        async with self.busy:
            if self.snapshot_store is None or self.links_here() is None:
                return
            await self.record_progress()
            links = self.links_here()
            if links is not None:
                self.write_snapshot(links)

    def write_snapshot(self, links: ChainLinks) -> None:
        """Take a snapshot of the state, which is that at the commit just stored."""
        token = self.domain
        at = LogPosition(token.sequence, token.previous, token.n, self.position)
        if self.snapshot_store is not None:
            self.snapshot_store.keep(at, self.ingress, links, self.state)
        self.facts = 0

    async def rest(self) -> None:
        """Write a snapshot that spares the next start some work, at an orderly end."""
        if self.snapshot_store is not None:
            if self.facts >= REST_FACTS:
                await self.keep_snapshot()
            await self.snapshot_store.written()
