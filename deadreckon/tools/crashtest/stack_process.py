"""The process a crash test kills: a whole stack on a tape with a script, reported line by line.

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

from deadreckon.archive.open_log import open_bus, stack_bus
from deadreckon.contracts.event import Mode
from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.marketdata.tapes.tape import BarRow, open_tape
from deadreckon.node.demo import Demo, DemoPlan
from deadreckon.node.demo_setup import setup_facts
from deadreckon.node.simulated_venue import ExchangeSettings, exchange_for, own_exchange
from deadreckon.projections.stored_views import StoredViews, stored_views
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role
from deadreckon.runtime.server.rights import OPERATOR
from deadreckon.runtime.service.turns import Round, TurnTaker
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.crashtest.inputs import OPERATOR_NAME, PRODUCER, make_inputs
from deadreckon.tools.crashtest.scripted_turns import OnSettled, ScriptedRound
from deadreckon.tools.crashtest.state_check import recovered_states
from deadreckon.venues.simulated.adapter import SERVICE
from deadreckon.venues.simulated.exchange import faults as exchange
from deadreckon.venues.simulated.exchange.faults import Faults

MODULE = "deadreckon.tools.crashtest.stack_process"
SIM = "sim"
MODE: Mode = "paper"


class StackStatus(Struct, omit_defaults=True):
    """Status line of the process: its progress, and what it was asked for."""

    rows: int  # settled; the end of the tape counts as one: services know more after it
    cues: int
    opened: bool = False  # the next bar; its fills are settled too
    states: dict[str, str] | None = None
    recalled: dict[str, str] | None = None  # the same services, recovered from the log alone
    ended: bool = False


class RunSettings(Struct, frozen=True):
    """Which folder, tape and script; `processes` as in `dr demo --processes six`, `memory` as in
    `--bus memory`."""

    data: Path
    tape: Path
    seed: int
    venue: str
    processes: bool = False
    memory: bool = False
    faults: exchange.FaultPlan | None = None  # what goes wrong at the exchange, besides kills

    @property
    def edge(self) -> str:
        """The service of the venue that the stack trades at; empty for the paper venue."""
        return SERVICE if self.venue == SIM else ""


def command(settings: RunSettings) -> list[str]:
    """Return the command that runs its process."""
    argument = msgspec.json.encode(settings, enc_hook=str).decode()
    return [sys.executable, "-m", MODULE, argument]


def scripted_demo(
    settings: RunSettings,
    bus: Bus,
    folder: Folder,
    stored: StoredViews | None,
    connections: Mapping[str, Bus],
    on_settled: OnSettled,
) -> Demo:
    """Build a demo whose turns have the script's cues between them."""
    plan = DemoPlan(processes=settings.processes, memory=settings.memory, edge=settings.edge)
    tape = open_tape(settings.tape)

    def rounds(players: Sequence[TurnTaker], feed: Feed) -> Round:
        return ScriptedRound(
            players,
            feed,
            bus=bus,
            book=plan.book,
            connections=connections,
            script=make_inputs(tape, plan.book, settings.seed),
            rows=lambda: demo.player.played.rows + demo.player.played.ended,
            on_settled=on_settled,
        )

    demo = Demo(plan, folder, tape, bus, stored, rounds=rounds)
    return demo


async def run_scripted(settings: RunSettings) -> None:
    """Play to the end, or until this process is asked to end."""
    folder = Folder(settings.data).create()
    log_lines.configure(folder.logs / "demo.log")
    asked = await _questions()
    at = StackStatus(0, 0)

    async def on_settled(rows: int, cues: int, turns: ScriptedRound) -> None:
        at.rows, at.cues, at.states, at.recalled = rows, cues, None, None
        at.opened = demo.player.played.opened
        if asked.any():
            at.states = await turns.states()
            if settings.venue == SIM:
                at.recalled = await recovered_states(bus, turns.tail, demo.plan.services, BOOK)
        _say(at)

    async with AsyncExitStack() as stack:
        stack.enter_context(folder.alone())
        await stack.enter_async_context(exchange_running(settings, folder))
        bus = await stack.enter_async_context(
            stack_bus(folder, None, venues=[settings.edge] if settings.edge else [])
        )
        stored = stack.enter_context(stored_views(folder))
        connections = await stack.enter_async_context(_connections(folder))
        demo = await stack.enter_async_context(
            scripted_demo(settings, bus, folder, stored, connections, on_settled)
        )
        await demo.play(lambda _: None)
        at.ended = demo.player.played.ended
    _say(at)


@asynccontextmanager
async def exchange_running(settings: RunSettings, folder: Folder) -> AsyncIterator[None]:
    """Run the exchange that the stack trades at, if it does."""
    if settings.venue != SIM:
        yield
        return
    tape = open_tape(settings.tape)
    first = next(tape.rows())
    assert isinstance(first, BarRow)
    wanted = ExchangeSettings(seed=str(settings.seed), faults=Faults(plan=settings.faults))
    async with own_exchange(folder, exchange_for(setup_facts(tape.header), first.close, wanted)):
        yield


@asynccontextmanager
async def _connections(folder: Folder) -> AsyncIterator[Mapping[str, Bus]]:
    """Open the connections of producer and operator, each with its own rights."""
    async with (
        open_bus(folder, role=OPERATOR) as operator,
        open_bus(folder, role=producer_role(PRODUCER)) as producer,
    ):
        yield connections_by_subject(operator, producer)


def connections_by_subject(operator: Bus, producer: Bus) -> Mapping[str, Bus]:
    """Map each subject of the script to the connection that may publish there."""
    return {
        operator_subject(BOOK, OPERATOR_NAME): operator,
        producer_subject(BOOK, PRODUCER): producer,
    }


def _say(line: StackStatus) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(line) + b"\n")


class _Asked(asyncio.Protocol):
    """Counter of the lines on standard input that are not answered yet."""

    def __init__(self) -> None:
        self._asked = 0

    def data_received(self, data: bytes) -> None:
        self._asked += data.count(b"\n")

    def any(self) -> bool:
        """Return True when there are unanswered requests; they count as answered now."""
        asked, self._asked = self._asked, 0
        return asked > 0


async def _questions() -> _Asked:
    asked = _Asked()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asked, sys.stdin)
    return asked


def main() -> None:
    """Run the stack that the only argument describes."""
    settings = msgspec.json.decode(
        sys.argv[1], type=RunSettings, dec_hook=lambda _, text: Path(text)
    )
    asyncio.run(run_scripted(settings))


if __name__ == "__main__":
    main()
