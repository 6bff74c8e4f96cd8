"""Start of a demo as its options say, with its display while it runs."""

import sys
import time
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.open_log import stack_bus
from deadreckon.cli.terminal.screen import Screen, waiting_status
from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.rows import BarRow, QuoteRow, TradeRow
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape, open_tape
from deadreckon.node.demo import Demo, DemoPlan
from deadreckon.node.demo_setup import instrument, setup_facts
from deadreckon.node.demo_sizes import tape_sizes
from deadreckon.node.readiness import Readiness
from deadreckon.node.simulated_venue import (
    ExchangeSettings,
    check_venue,
    exchange_for,
    own_exchange,
)
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.stored_views import StoredViews, stored_views
from deadreckon.replay.audit.document import AuditDocument
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.venues.simulated.adapter import SERVICE
from deadreckon.venues.simulated.exchange.faults import Faults
from deadreckon.web.serving import gateway_served

SYNTHETIC_INSTRUMENT = "BTCUSDT.PAPER"  # the instrument of a demo that was given no tape


class DemoOptions(Struct, frozen=True):
    """Options of `dr demo`."""

    data: Path
    tape: Path | None
    instrument: str | None
    volume_unit: VolumeUnit | None
    speed: float | None
    seconds: float | None
    processes: bool
    memory: bool
    nats: str | None
    web_port: int | None
    quiet: bool
    venue: bool = False
    venue_seed: str | None = None
    venue_faults: Faults | None = None
    strategies: tuple[str, ...] = ()


async def run_demo(options: DemoOptions) -> AuditDocument:
    """Play the tape and return the statement of the log."""
    folder = Folder(options.data).create()
    log_lines.configure(folder.logs / "demo.log")
    tape = _tape(options, folder)
    plan = DemoPlan(
        speed=options.speed,
        seconds=options.seconds,
        processes=options.processes,
        memory=options.memory,
        edge=SERVICE if options.venue else "",
        strategies=options.strategies,
    )
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.alone())
        check_venue(folder, options.venue)
        if options.venue:
            await stack.enter_async_context(own_exchange(folder, _exchange(options, tape)))
        bus = await stack.enter_async_context(
            stack_bus(
                folder, options.nats, memory=options.memory, venues=[plan.edge] if plan.edge else []
            )
        )
        stored = None if options.memory else stack.enter_context(stored_views(folder))
        board = LiveViewFold()
        verdicts = await stack.enter_async_context(verdicts_published(bus, plan.book))
        demo = Demo(plan, folder, tape, bus, stored, (board, verdicts))
        url = await stack.enter_async_context(
            gateway_served(folder, _vitals(demo, stored), options.web_port)
        )
        with waiting_status("reading the log", shown=not options.quiet):
            await stack.enter_async_context(demo)
        begun, rows = time.monotonic(), demo.player.played.rows
        _say_sizes(demo, quiet=options.quiet)
        screen = Screen(board, lambda: demo.feed.last, rows, tape.header.rows, url)
        async with nullcontext() if options.quiet else screen:
            await demo.play(screen.update)
        for fault in await demo.code_faults():
            print(f"dr: {fault}", file=sys.stderr)
        with waiting_status("auditing the log", shown=not options.quiet):
            return await demo.summary(time.monotonic() - begun, demo.player.played.rows - rows)


def _say_sizes(demo: Demo, *, quiet: bool) -> None:
    """Print the sizes that a new demo begins with, and why its tape cannot trade."""
    if demo.player.played.rows:
        return
    if not quiet:
        print(f"dr: {demo.tape.header.instrument}: {demo.sizes.sentence()}", file=sys.stderr)
    if demo.sizes.fault:
        print(f"dr: this tape cannot trade: {demo.sizes.fault}", file=sys.stderr)


def _vitals(demo: Demo, stored: StoredViews | None) -> Readiness | None:
    plan = demo.plan
    if stored is None:
        return None
    return Readiness(
        plan.book,
        plan.mode,
        demo.feed,
        demo.views,
        stored,
        lambda: demo.watched,
        lambda: demo.ends,
    )


def _exchange(options: DemoOptions, tape: Tape) -> ExchangeSettings:
    """Return settings of an exchange whose prices begin at the tape's first price."""
    first = next(iter(tape.rows(0)))
    match first:
        case BarRow(close=price) | TradeRow(price=price) | QuoteRow(bid=price):
            settings = ExchangeSettings(seed=options.venue_seed, faults=options.venue_faults)
            sizes = tape_sizes(tape, instrument(tape.header))
            return exchange_for(setup_facts(tape.header, sizes=sizes), price, settings)


def _tape(options: DemoOptions, folder: Folder) -> Tape:
    """Open the given tape; without one, make a synthetic market and keep it in the folder."""
    if options.tape is None:
        path = folder.tapes / "synthetic.parquet"
        if not path.exists():
            folder.tapes.mkdir(parents=True, exist_ok=True)
            synthesise(
                Recipe(seed=7, bars=10_080), options.instrument or SYNTHETIC_INSTRUMENT, path
            )
        return open_tape(path)
    unit = {} if options.volume_unit is None else {"volume_unit": options.volume_unit}
    return load_or_import(options.tape, options.instrument, folder.tapes, **unit)
