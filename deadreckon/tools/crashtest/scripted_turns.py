"""Rounds of turns with cues between them: what the doors are told is a function of the tape too."""

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
]  # rows settled, cues said, by whom


class ScriptedRound(Round):
    """Says each cue once, when its row is settled, and lets all answer it before the next.

    After a crash the log tells which were said: payloads never repeat, and each is fenced.
    """

    def __init__(
        self,
        players: Sequence[TurnTaker],
        feed: Feed,
        *,
        bus: Bus,
        doors: Mapping[str, Bus],
        book: str,
        script: Sequence[ScriptedInput],
        rows: Callable[[], int],
        told: OnSettled,
    ) -> None:
        super().__init__(players, feed)
        self._bus = bus
        self._doors = doors  # by subject, each with the rights to say something there
        self._book = book
        self._script = script
        self._rows = rows
        self._told = told
        self._said: int | None = None  # null until the log was asked

    async def settle(self, after: str | None = None) -> None:
        """Go round until all are silent, also after each cue that is due."""
        if self._said is None:
            self._said, interrupted = await self._recover()
            after = None if interrupted else after
        await super().settle(after)
        await self._told(self._rows(), self._said, self)
        while self._said < len(self._script) and self._script[self._said].row <= self._rows():
            self.tail = await self._say(self._script[self._said])
            self._said += 1
            await super().settle()
            await self._told(self._rows(), self._said, self)

    async def states(self) -> dict[str, str]:
        """The digest of every service's state, when all are silent.

        One that was killed since has recalled up to what it said last, and must hear the rest.
        """
        found = {}
        for player in self._players:
            await player.take(self.tail)
            found[player.name] = await retry(player.state)
        return found

    async def _recover(self) -> tuple[int, bool]:
        """How many cues the log holds, and whether nobody has spoken since the last of them."""
        places = {cue.payload: number for number, cue in enumerate(self._script, 1)}
        record = last = 0
        for subject in sorted({cue.subject for cue in self._script}):
            tail = await self._tail(subject)
            if tail is not None:
                record = max(record, places[tail.payload])
                last = max(last, tail.sequence)
        spoken = await self._tail(f"log.{self._book}.*.events")
        return record, last > (spoken.sequence if spoken else 0)

    async def _say(self, cue: ScriptedInput) -> int:
        async def attempt() -> int:
            tail = await self._tail(cue.subject)
            if tail is not None and tail.payload == cue.payload:
                return tail.sequence  # an earlier attempt got there
            fence = Fence(cue.subject, tail.sequence if tail else 0)
            try:
                return await self._doors[cue.subject].append(cue.subject, cue.payload, fence)
            except (FencedError, DeniedError) as refusal:
                # A producer may not look who moved its fence; we look again ourselves.
                if cue.subject in str(refusal) and isinstance(refusal, DeniedError):
                    raise
                raise UnavailableError(f"{cue.subject}: {refusal}") from refusal

        return await retry(attempt)

    async def _tail(self, filter: str) -> Stored | None:
        return await retry(lambda: self._bus.tail(filter))
