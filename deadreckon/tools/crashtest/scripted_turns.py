"""Rounds of turns with scripted inputs between them, each due after a row of the tape."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from deadreckon.runtime.log.bus import (
    Bus,
    DeniedError,
    Fence,
    FencedError,
    Stored,
    UnavailableError,
)
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.service.turns import Round, TurnTaker
from deadreckon.tools.crashtest.inputs import ScriptedInput

OnSettled = Callable[
    [int, int, "ScriptedRound"], Awaitable[None]
]  # rows settled, inputs published, the round


class ScriptedRound(Round):
    """Round that publishes each input once, when its row is settled, and waits for answers."""

    def __init__(
        self,
        players: Sequence[TurnTaker],
        feed: Feed,
        *,
        bus: Bus,
        connections: Mapping[str, Bus],
        book: str,
        script: Sequence[ScriptedInput],
        rows: Callable[[], int],
        on_settled: OnSettled,
    ) -> None:
        super().__init__(players, feed)
        self._bus = bus
        self._connections = connections  # by subject, each with the rights to publish there
        self._book = book
        self._script = script
        self._rows = rows
        self._on_settled = on_settled
        self._published: int | None = None  # null until the log was asked

    async def settle(self, after: str | None = None) -> None:
        """Go round until all are silent, also after each item that is due."""
        if self._published is None:
            self._published, interrupted = await self._recover()
            after = None if interrupted else after
        await super().settle(after)
        await self._on_settled(self._rows(), self._published, self)
        while (
            self._published < len(self._script)
            and self._script[self._published].row <= self._rows()
        ):
            self.tail = await self._publish(self._script[self._published])
            self._published += 1
            await super().settle()
            await self._on_settled(self._rows(), self._published, self)

    async def states(self) -> dict[str, str]:
        """Return the digest of every service's state, when all are quiet.

        A service killed since has recovered up to its last commit; it reads the rest first.
        """
        found = {}
        for player in self._players:
            await player.take(self.tail)
            found[player.name] = await retry(player.state)
        return found

    async def _recover(self) -> tuple[int, bool]:
        """Count the inputs in the log; also true when no service has committed since the last."""
        numbers = {item.payload: number for number, item in enumerate(self._script, 1)}
        published = last = 0
        for subject in sorted({item.subject for item in self._script}):
            tail = await self._tail(subject)
            if tail is not None:
                published = max(published, numbers[tail.payload])
                last = max(last, tail.sequence)
        committed = await self._tail(f"log.{self._book}.*.events")
        return published, last > (committed.sequence if committed else 0)

    async def _publish(self, item: ScriptedInput) -> int:
        async def attempt() -> int:
            tail = await self._tail(item.subject)
            if tail is not None and tail.payload == item.payload:
                return tail.sequence  # an earlier attempt got there
            fence = Fence(item.subject, tail.sequence if tail else 0)
            try:
                return await self._connections[item.subject].append(
                    item.subject, item.payload, fence
                )
            except (FencedError, DeniedError) as refusal:
                # A producer may not look who moved its fence; we look again ourselves.
                if item.subject in str(refusal) and isinstance(refusal, DeniedError):
                    raise
                raise UnavailableError(f"{item.subject}: {refusal}") from refusal

        return await retry(attempt)

    async def _tail(self, filter: str) -> Stored | None:
        return await retry(lambda: self._bus.tail(filter))
