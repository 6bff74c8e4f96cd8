"""Playing a tape in one process, compared with the same number of bare fsynced publishes."""

import time
from contextlib import AsyncExitStack

from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.node.demo import Demo, DemoPlan
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.runner import stored_views
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.tools.bench.appending import bare_publish
from deadreckon.tools.bench.figures import Figure, rate, slower
from deadreckon.tools.bench.fixture import CaseError, Fixture, TemporaryStack
from deadreckon.tools.bench.recording import synthetic_tape

# Real data, if any, is next to the checkout; it is not part of this repository.
REAL = ROOT.parent / "shared/tapes/btc-perp-20211231-20220201_1m.csv"
INSTRUMENT = "BTCUSD-PERP.PAPER"
MARK = 3.0  # times as long as the bare publishes
INVENTED_BARS = 20_000


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure a tape with fsync and views; half of the bare publishes run before, half after."""
    async with fixture.temporary_stack("limit") as bare, fixture.temporary_stack("play") as target:
        what, tape = _tape(fixture, target.folder)
        fixture.tell(f"{what}: {tape.header.rows:,} rows")
        before = await bare_publish(bare.bus, tape.header.rows // 2)
        seconds, messages = await _play(target, tape)
        after = await bare_publish(bare.bus, messages - len(before))
    limit = (sum(before) + sum(after)) / 1000
    name = "as many bare fsynced publishes as the log has messages"
    return [
        slower(f"{what}, fsync on", seconds, limit, name, MARK, unit="s"),
        rate("rows a second", tape.header.rows / seconds, "rows/s"),
    ]


def _tape(fixture: Fixture, folder: Folder) -> tuple[str, Tape]:
    folder.tapes.mkdir()
    if REAL.exists() and not fixture.quick:
        return "a month of real bars", load_or_import(REAL, INSTRUMENT, folder.tapes)
    bars = fixture.size(INVENTED_BARS, 3_000)
    return f"{bars:,} invented bars", synthetic_tape(folder.tapes / "tape.parquet", bars)


async def _play(target: TemporaryStack, tape: Tape) -> tuple[float, int]:
    """Play the tape; returns its seconds and the number of messages in the log."""
    plan = DemoPlan()
    async with AsyncExitStack() as stack:
        stored = stack.enter_context(stored_views(target.folder))
        verdicts = await stack.enter_async_context(verdicts_published(target.bus, plan.book))
        seen = (LiveViewFold(), verdicts)
        demo = Demo(plan, target.folder, tape, target.bus, stored, seen)
        await stack.enter_async_context(demo)
        begun = time.perf_counter()
        await demo.play(lambda _: None)
        seconds = time.perf_counter() - begun
        if not demo.player.played.ended:
            raise CaseError("stopped while the tape played; nothing was measured")
    return seconds, (await target.bus.info()).last
