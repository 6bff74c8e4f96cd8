"""A second instance of a service: it follows the log, is proved equal, and goes on when alone.

Who is active is a hint and may be wrong; the fence of the domain decides who writes (decision
0017). So a standby that takes over too early costs a replay, and never an answer given twice.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Struct

from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.subjects import status_subject
from deadreckon.contracts.units import described
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.snapshots import StateAtCommit

# A primary that was killed is not there at once, one that was stopped does not answer in time:
# both are gone after MISSES looks, within a second.
POLL_SECONDS = 0.2  # between two looks whether the primary is there, and for its answer
MISSES = 3  # looks in a row without an answer, and without a new commit in the domain
PROOF_SECONDS = (
    600.0  # between two proofs; each is a commit of the primary, if it had nothing to answer
)
PROOF_LOOKS = (
    25  # looks during which nothing is folded, so that the commit to compare is not passed
)
PROOF_WAIT = 5.0  # seconds for the commit of a proof to arrive; it is in the log already

log = log_lines.Logger()


class DivergedError(DifferenceError):
    """You run a standby whose state is not the primary's; the message has both digests."""


class LivenessRequest(Struct, frozen=True):
    """A standby's request whether the active service is alive."""

    prove: Annotated[bool, described("true also asks for a new digest of the service's state")]


class LivenessReply(Struct, frozen=True):
    """The active service's reply that it is alive."""

    latest: Annotated[
        StateAtCommit | None,
        described("digest of its state at a commit, when it was last asked for one; else null"),
    ] = msgspec.field(name="standing")
    position: Annotated[
        int, described("sequence up to which the service has answered every message")
    ] = 0


async def answer_liveness(service: LogService, book: str, bus: Bus) -> None:
    """Answer for ever that this service is at work.

    The answer never waits for the service, which may wait for the log: a digest that was asked
    for is sent with a later reply. Ends with the error of the service: it may be fenced out.
    """
    wanted = asyncio.Event()
    latest: StateAtCommit | None = None

    async def tell(request: bytes) -> bytes:
        if msgspec.json.decode(request, type=LivenessRequest).prove:
            wanted.set()
        return msgspec.json.encode(LivenessReply(latest, service.position))

    await as_role(bus, service.name).serve(status_subject(book, service.name), tell)
    while True:
        await wanted.wait()
        latest = await service.state_at_commit()
        wanted.clear()


async def answers_elsewhere(service: LogService, book: str, bus: Bus) -> bool:
    """Tell whether another instance of a service says that it is at work.

    One that was killed has nobody who answers, and one that is stopped does not in time: the fence
    decides then, as ever.
    """
    request = msgspec.json.encode(LivenessRequest(prove=False))
    for _ in range(MISSES):
        try:
            await as_role(bus, service.name).request(
                status_subject(book, service.name), request, POLL_SECONDS
            )
        except UnavailableError:
            continue
        return True
    return False


class Standby:
    """A service that only follows the log while another instance is at work."""

    def __init__(
        self,
        service: LogService,
        feed: Feed,
        bus: Bus,
        *,
        book: str,
        ready: Callable[[StateAtCommit], None],
    ) -> None:
        self._service = service
        self._feed = feed
        self._bus = as_role(bus, service.name)
        self._book = book
        self._ready = ready
        self._subject = status_subject(book, service.name)
        self._n = service.domain.n  # the primary's commits that we have folded
        self._sequence = service.domain.sequence  # where the last of them lies
        self._misses = 0
        self._looked = 0.0
        self._proof_due = 0.0

    async def until_alone(self) -> None:
        """Follow until the primary is gone; the service has been replayed before.

        `ready` is called each time that our state was found equal. Raises DivergedError when it was
        not: such a standby must never take over.
        """
        proving = 0  # looks left for the proof that is under way
        reply: LivenessReply | None = None
        while True:
            # Asked for only once, and of one who answers: one that was stopped and lives on would
            # record a proof that nobody waits for.
            due = reply is not None and not proving and self._now() >= self._proof_due
            proving = PROOF_LOOKS if due else max(proving - 1, 0)
            reply = await self._look(prove=due)
            if self._misses >= MISSES and await self._is_alone():
                return
            if proving and reply and reply.latest and reply.latest.n >= self._n:
                await self._prove(reply.latest)
                proving = 0
            if not proving:
                await self._catch_up()

    async def _look(self, *, prove: bool) -> LivenessReply | None:
        """Ask whether the primary is there, POLL_SECONDS after the last request."""
        await asyncio.sleep(max(self._looked + POLL_SECONDS - self._now(), 0))
        self._looked = self._now()
        request = msgspec.json.encode(LivenessRequest(prove))
        try:
            reply = await as_role(self._bus, self._service.name).request(
                self._subject, request, POLL_SECONDS
            )
        except UnavailableError:
            self._misses += 1
            return None
        self._misses = 0
        return msgspec.json.decode(reply, type=LivenessReply)

    async def _is_alone(self) -> bool:
        """Tell whether the domain has nothing new; unknown while the log is away."""
        try:
            tail = await self._bus.tail(self._service.domain.filter)
        except UnavailableError:
            self._misses = 0
            return False
        if tail is not None and tail.sequence > self._sequence:
            await self._catch_up()
            self._misses = 0
            return False
        return True

    async def _prove(self, theirs: StateAtCommit) -> None:
        """Fold up to exactly the primary's commit, and compare the digests."""
        while self._n < theirs.n:
            if not await self._feed.reach(self._service.position + 1, PROOF_WAIT):
                log.warning("proof_put_off", service=self._service.name, missing_commit=theirs.n)
                return
            self._fold_until(theirs.n)
        ours = await self._service.state_at_commit()
        if ours != theirs:
            log.error("standby_diverged", service=self._service.name, ours=ours, theirs=theirs)
            raise DivergedError(
                f"{self._service.name} differs from the instance at work at commit {theirs.n}: "
                f"{ours.digest[:16]} here, {theirs.digest[:16]} there; this standby will not take "
                "over: compare the versions of both, and `dr verify` the folder"
            )
        self._proof_due = self._now() + PROOF_SECONDS
        self._ready(ours)

    async def _catch_up(self) -> None:
        """Fold what is here."""
        while self._service.position < self._feed.last:
            self._fold_until(None)
            await asyncio.sleep(0)

    def _fold_until(self, n: int | None) -> None:
        """Fold some of what is here, at most up to and with the domain's commit `n`."""
        for message in self._feed.since(self._service.position):
            self._service.follow_recorded(message)
            self._note(message)
            if n is not None and self._n >= n:
                break
        self._feed.done(self._service.name, self._service.position)

    def _note(self, message: Message) -> None:
        subject = message.subject
        own = subject.service == self._service.name and subject.book == self._book
        if own and message.commit is not None:
            self._n, self._sequence, self._misses = message.commit.n, message.sequence, 0

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
