"""On a tape the services answer in a fixed order, again and again until nobody has anything to say.

So a run is a function of its tape, in one process or in six, on JetStream or in memory.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from deadreckon.contracts.subjects import turn_subject
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.service import Service

TURN_WAIT = 600.0  # seconds a service of another process may take; fitting a model takes some


class TurnTaken(Struct, frozen=True):
    """What a service did with its turn: whether it said anything, and its last commit's place."""

    spoke: bool
    sequence: int


class Player(Protocol):
    """Who takes turns: a service in this process, or one in another."""

    name: str

    async def take(self, upto: int) -> TurnTaken:
        """Answer everything up to message `upto`."""
        ...


class LocalPlayer:
    """A service of this process."""

    def __init__(self, service: Service) -> None:
        self.name = service.name
        self._service = service

    async def take(self, upto: int) -> TurnTaken:
        """Answer everything up to message `upto`."""
        spoke = await self._service.take_turn(upto)
        return TurnTaken(spoke, self._service.domain.sequence)


class RemotePlayer:
    """A service of another process, asked over the bus."""

    def __init__(self, name: str, book: str, bus: Bus) -> None:
        self.name = name
        self._subject = turn_subject(book, name)
        self._bus = bus

    async def take(self, upto: int) -> TurnTaken:
        """Ask for the turn; raises UnavailableError when nobody answers in time."""
        reply = await self._bus.request(self._subject, str(upto).encode(), TURN_WAIT)
        return msgspec.json.decode(reply, type=TurnTaken)


async def serve_turns(service: Service, book: str, bus: Bus) -> None:
    """Let whoever conducts a tape give this service its turns."""

    async def take(request: bytes) -> bytes:
        spoke = await service.take_turn(int(request))
        return msgspec.json.encode(TurnTaken(spoke, service.domain.sequence))

    await bus.serve(turn_subject(book, service.name), take)


class Round:
    """Gives turns until all are silent. `tail` is the last message known to anybody here."""

    def __init__(self, players: Sequence[Player], feed: Feed) -> None:
        self._players = players
        self._feed = feed
        self._rank = {player.name: rank for rank, player in enumerate(players)}
        self.tail = 0

    async def settle(self, after: str | None = None) -> None:
        """Go round until everyone in a row was silent.

        A run that was cut off goes on with the service `after` that spoke last, as it would have.
        """
        rank = self._rank.get(after, 0) if after else 0
        silent = 0
        while silent < len(self._players):
            self.tail = max(self.tail, self._feed.last)
            taken = await self._players[rank].take(self.tail)
            self.tail = max(self.tail, taken.sequence)
            silent = 0 if taken.spoke else silent + 1
            rank = (rank + 1) % len(self._players)
