"""Bulk fold of archived fills, next to a bare scan, a fold one by one, and other libraries."""

import json
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import polars

from deadreckon.accounting import ledger
from deadreckon.accounting.columnar import fill_columns
from deadreckon.accounting.columnar.postings import book
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import write_log
from deadreckon.contracts.timestamps import day_of
from deadreckon.runtime.process.child_process import ChildProcess, dr_command, dr_environment
from deadreckon.tools.bench import archived, peers
from deadreckon.tools.bench.figures import Figure, bounded, duration, rate, slower
from deadreckon.tools.bench.fixture import CaseError, Fixture
from deadreckon.tools.bench.recording import BEGIN

LEAST = 5_000_000  # fills a second
SCANS = 2.0  # times a bare scan of the same columns
COLD_SECONDS = 3.0
TIMES = 5  # the best of so many: the machine's limit and ours, in turns
COLUMNS = (
    *("sequence", "strategy", "venue", "instrument", "fee_currency", "side", "trade_id"),
    *(f"{name}_{part}" for name in ("quantity", "price", "fee") for part in ("units", "scale")),
)


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure two kinds of fills, a day from the command line, and the folds that they are compared
    with."""
    found = []
    with fixture.folder("bulk") as folder:
        for name, ends in (("round trips", True), ("positions that never end", False)):
            fixture.tell(name)
            table = archived.fills(fixture.size(2_000_000, 20_000), ends=ends)
            path = archived.write(table, folder.root / "fills.parquet")
            found += _figures(fixture, name, path, table)
        fixture.tell("a day, cold")
        found.append(await _cold(fixture, folder.root, fixture.size(1_000_000, 5_000)))
    return found


def _figures(fixture: Fixture, name: str, path: Path, table: polars.DataFrame) -> list[Figure]:
    count = len(table)
    scans, folds = [], []
    for _ in range(fixture.size(TIMES, 2)):
        scans.append(duration(lambda: polars.read_parquet(path, columns=list(COLUMNS))))
        folds.append(duration(lambda: _bulk([path])))
    scan, fold = min(scans), min(folds)
    some = list(archived.records_of(table.head(fixture.size(200_000, 2_000))))
    live = len(some) / duration(lambda: _live(archived.opened(), some))
    ours = count / fold
    limit = "a bare scan of the same columns"
    figures = [
        rate(f"{name}: bulk fold", ours, "fills/s", LEAST, count / scan, limit),
        slower(f"{name}: bulk fold, time", fold * 1e3, scan * 1e3, limit, SCANS),
        rate(f"{name}: one at a time, live", live, "fills/s", None, ours, "the bulk fold"),
    ]
    for peer, apply in peers.found(fixture.tell).items():
        speed = apply(some[: fixture.size(peers.FILLS, 200)])
        figures.append(rate(f"{name}: {peer}", speed, "fills/s", None, ours, "the bulk fold"))
    return figures


def _bulk(paths: list[Path]) -> None:
    """Fold files as `dr replay pnl` does."""
    known = fill_columns.repetitions(paths)
    book(archived.opened(), fill_columns.read(paths).without(known), ())


def _live(into: Ledger, facts: peers.FillRows) -> None:
    for record in facts:
        ledger.evolve(into, record)


async def _cold(fixture: Fixture, root: Path, events: int) -> Figure:
    """Measure from the start of a process to the PnL of a day of so many events."""
    write_log(root / FOLDER, archived.day(events))
    words = ["replay", "pnl", day_of(BEGIN), "--data", str(root), "--json"]
    times = []
    for _ in range(fixture.size(3, 1)):
        begun = time.perf_counter()
        process = await ChildProcess.start(
            dr_command(*words), environment=dr_environment(), stdout=PIPE
        )
        printed, _ = await process.collect()
        times.append(time.perf_counter() - begun)
        if process.code or not json.loads(printed)["fills"]:
            raise CaseError(f"dr {' '.join(words)} ended with {process.code}")
    return bounded(f"PnL of a day of {events:,} events, cold", min(times), "s", COLD_SECONDS)
