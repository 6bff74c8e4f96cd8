"""The process a crash test kills: a whole stack on a tape with a script, told line by line.

Every settled point is one JSON line on standard output. A line on standard input asks for the
states of all services at the next settled point.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.replay.tapes.tape import open_tape
from deadreckon.runtime import logs
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.credentials import producer_role
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.leash import leashed
from deadreckon.runtime.rights import OPERATOR
from deadreckon.runtime.turns import Player, Round
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.crashtest.cued import CuedRound, Told
from deadreckon.stack.crashtest.script import DOOR, PRODUCER, write_script
from deadreckon.stack.demo import Demo, Plan
from deadreckon.stack.host import open_bus, stack_bus
from deadreckon.stack.views import StoredViews, stored_views

MODULE = "deadreckon.stack.crashtest.conductor"
LINE_BYTES = 1 << 20


class Line(Struct, omit_defaults=True):
    """What the conductor says: how far it is, and what it was asked for."""

    rows: int
    cues: int
    states: dict[str, str] | None = None
    ended: bool = False


class Show(Struct, frozen=True):
    """Which folder, tape and script; `processes` as in `dr demo --processes six`, `memory` as in
    `--bus memory`."""

    data: Path
    tape: Path
    seed: int
    venue: str
    processes: bool = False
    memory: bool = False


def command(show: Show) -> list[str]:
    """How its process is started, so that it never outlives the one that starts it."""
    words = msgspec.json.encode(show, enc_hook=str).decode()
    return leashed([sys.executable, "-m", MODULE, words])


def demo_of(
    show: Show,
    bus: Bus,
    folder: Folder,
    stored: StoredViews | None,
    doors: Mapping[str, Bus],
    told: Told,
) -> Demo:
    """A demo whose turns have the script's cues between them."""
    plan = Plan(processes=show.processes, memory=show.memory)
    tape = open_tape(show.tape)

    def rounds(players: Sequence[Player], feed: Feed) -> Round:
        return CuedRound(
            players,
            feed,
            bus=bus,
            book=plan.book,
            doors=doors,
            script=write_script(tape, plan.book, show.seed),
            rows=lambda: demo.player.played.rows,
            told=told,
        )

    demo = Demo(plan, folder, tape, bus, stored, rounds=rounds)
    return demo


async def conduct(show: Show) -> None:
    """Play to the end, or until somebody ends this process."""
    folder = Folder(show.data).create()
    logs.configure(folder.logs / "demo.log")
    asked = await _questions()
    at = Line(0, 0)

    async def told(rows: int, cues: int, turns: CuedRound) -> None:
        at.rows, at.cues, at.states = rows, cues, None
        if not asked.at_eof() and asked.get():
            at.states = await turns.states()
        _say(at)

    async with AsyncExitStack() as stack:
        stack.enter_context(folder.alone())
        bus = await stack.enter_async_context(stack_bus(folder, None))
        stored = stack.enter_context(stored_views(folder))
        doors = await stack.enter_async_context(_doors(folder))
        demo = await stack.enter_async_context(demo_of(show, bus, folder, stored, doors, told))
        await demo.play(lambda _: None)
        at.ended = demo.player.played.ended
    _say(at)


@asynccontextmanager
async def _doors(folder: Folder) -> AsyncIterator[Mapping[str, Bus]]:
    """Whoever speaks in the script, each with the rights of its own."""
    async with (
        open_bus(folder, role=OPERATOR) as operator,
        open_bus(folder, role=producer_role(PRODUCER)) as producer,
    ):
        yield doors_of(operator, producer)


def doors_of(operator: Bus, producer: Bus) -> Mapping[str, Bus]:
    """Who says what of the script."""
    return {operator_subject(BOOK, DOOR): operator, producer_subject(BOOK, PRODUCER): producer}


def _say(line: Line) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(line) + b"\n")


class _Asked(asyncio.Protocol):
    """Counts the lines on standard input that nobody has answered yet."""

    def __init__(self) -> None:
        self._asked = 0

    def data_received(self, data: bytes) -> None:
        self._asked += data.count(b"\n")

    def at_eof(self) -> bool:
        return not self._asked

    def get(self) -> int:
        asked, self._asked = self._asked, 0
        return asked


async def _questions() -> _Asked:
    asked = _Asked()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asked, sys.stdin)
    return asked


def main() -> None:
    """Conduct what the only argument says."""
    show = msgspec.json.decode(sys.argv[1], type=Show, dec_hook=lambda _, text: Path(text))
    asyncio.run(conduct(show))


if __name__ == "__main__":
    main()
