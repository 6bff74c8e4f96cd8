"""Turns on a tape: services answer in a fixed order, round by round until none publishes.

So a run is a function of its tape, in one process or in six, on JetStream or in memory.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Struct

from deadreckon.contracts.subjects import turn_subject
from deadreckon.contracts.units import described
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.snapshots import state_digest

TURN_WAIT = 600.0  # seconds a service of another process may take; fitting a model takes some
ASK_FIRST = 0.25  # seconds before it is asked again, doubling up to ASK_LAST: it may have died
ASK_LAST = 5.0
NOBODY_WAIT = 0.05  # seconds before it is asked again where nobody answers at all
NO_TURN = 0  # asked up to here, a service only says where it stands
STATE_WAIT = 1.0  # seconds for that, which takes some milliseconds
STATE = b"state"  # asked this, it says the digest of its state


class TurnTaken(Struct, frozen=True):
    """A service's reply to its turn."""

    spoke: Annotated[bool, described("true when it published an event")]
    sequence: Annotated[int, described("sequence of the service's last commit")]
    awaits_price: Annotated[
        bool, described("true when it has an order that the next price may fill")
    ] = False


class TurnTaker(Protocol):
    """A service that takes turns, in this process or in another."""

    name: str

    async def state(self) -> str:
        """Return the digest of the service's state, a function of the log between two turns."""
        ...

    async def take(self, upto: int) -> TurnTaken:
        """Answer everything up to message `upto`."""
        ...


class LocalTurnTaker:
    """Turn taker in this process."""

    def __init__(self, service: LogService) -> None:
        self.name = service.name
        self._service = service

    async def take(self, upto: int) -> TurnTaken:
        """Answer everything up to message `upto`."""
        spoke = await self._service.take_turn(upto)
        return _taken(self._service, spoke)

    async def state(self) -> str:
        """Return the digest of the service's state, a function of the log between two turns."""
        return state_digest(self._service.state)


class RemoteTurnTaker:
    """Turn taker in another process, asked over the bus, and again when it does not answer.

    A process that ends in the middle of its turn never answers; the one that follows it does. A
    turn that was committed but not answered is recognised by the sequence of the last commit.
    """

    def __init__(self, name: str, book: str, bus: Bus) -> None:
        self.name = name
        self._subject = turn_subject(book, name)
        self._bus = bus
        self._sequence = 0

    async def stand(self) -> None:
        """Ask once for the service's position; raises UnavailableError without an answer."""
        self._sequence = (await self._request(NO_TURN, ASK_LAST)).sequence

    async def state(self) -> str:
        """Ask for the digest of its state; raises UnavailableError without an answer."""
        return (await self._bus.request(self._subject, STATE, STATE_WAIT)).decode()

    async def take(self, upto: int) -> TurnTaken:
        """Ask for the turn; raises UnavailableError without an answer within TURN_WAIT."""
        before = self._sequence
        taken, again = await self._ask(upto)
        self._sequence = taken.sequence
        untold = again and taken.sequence > before
        return TurnTaken(taken.spoke or untold, taken.sequence, taken.awaits_price)

    async def _ask(self, upto: int) -> tuple[TurnTaken, bool]:
        """Return the answer, and whether it took more than one request."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TURN_WAIT
        wait, again = ASK_FIRST, False
        while True:
            asked = loop.time()
            try:
                return await self._request(upto, wait), again
            except UnavailableError:
                if loop.time() > deadline:
                    raise
            again = True
            if loop.time() - asked < wait:
                await asyncio.sleep(NOBODY_WAIT)
            else:
                wait = min(2 * wait, ASK_LAST)

    async def _request(self, upto: int, wait: float) -> TurnTaken:
        reply = await self._bus.request(self._subject, str(upto).encode(), wait)
        return msgspec.json.decode(reply, type=TurnTaken)


async def answer_turns(service: LogService, book: str, bus: Bus) -> None:
    """Give this service its turns whenever they are requested, for ever.

    Ends with the error of the turn that failed: it has to end the process, and the bus would drop
    it.
    """
    asked: asyncio.Queue[tuple[int, asyncio.Future[TurnTaken]]] = asyncio.Queue()

    async def take(request: bytes) -> bytes:
        if request == STATE:
            return state_digest(service.state).encode()
        answer: asyncio.Future[TurnTaken] = asyncio.get_running_loop().create_future()
        asked.put_nowait((int(request), answer))
        return msgspec.json.encode(await answer)

    await as_role(bus, service.name).serve(turn_subject(book, service.name), take)
    while True:
        upto, answer = await asked.get()
        spoke = upto != NO_TURN and await service.take_turn(upto)
        killpoints.passed("turn", service.name)
        if not answer.done():
            answer.set_result(_taken(service, spoke))


def _taken(service: LogService, spoke: bool) -> TurnTaken:
    return TurnTaken(spoke, service.domain.sequence, service.awaits_price)


class Round:
    """Rounds of turns until no service publishes. `tail` is the last message known to them.

    `awaits_price` tells, once all are silent, whether an order waits for the next price. It is a
    function of the log up to there.
    """

    def __init__(self, players: Sequence[TurnTaker], feed: Feed) -> None:
        self._players = players
        self._feed = feed
        self._rank = {player.name: rank for rank, player in enumerate(players)}
        self.tail = 0
        self.awaits_price = False

    async def settle(self, after: str | None = None) -> None:
        """Give turns until every service in a row has published nothing.

        A run that was cut off goes on with the service `after` that published last, as it would
        have.
        """
        rank = self._rank.get(after, 0) if after else 0
        silent = 0
        awaiting: dict[int, bool] = {}
        while silent < len(self._players):
            self.tail = max(self.tail, self._feed.last)
            taken = await self._players[rank].take(self.tail)
            self.tail = max(self.tail, taken.sequence)
            awaiting[rank] = taken.awaits_price
            silent = 0 if taken.spoke else silent + 1
            rank = (rank + 1) % len(self._players)
        self.awaits_price = any(awaiting.values())
