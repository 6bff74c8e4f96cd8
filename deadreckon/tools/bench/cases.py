"""Cases of the bench by name, and running some or all of them."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import structs

from deadreckon.tools.bench import (
    appending,
    bulk,
    folding,
    memory,
    pipeline,
    replaying,
    restart,
    soak,
)
from deadreckon.tools.bench.figures import Figure
from deadreckon.tools.bench.fixture import Fixture, bench_fixture
from deadreckon.tools.bench.history import BenchRun, code_version, this_machine

Case = Callable[[Fixture], Awaitable[list[Figure]]]
Notify = Callable[[str, str], None]  # the case's name, and its current activity

CASES: dict[str, Case] = {
    "append": appending.measure,
    "decode": folding.measure_decode,
    "fold": folding.measure_fold,
    "bulk": bulk.measure,
    "replay": replaying.measure_replay,
    "latency": pipeline.measure_latency,
    "sustained": pipeline.measure_sustained,
    "play": replaying.measure_play,
    "memory": memory.measure,
    "restart": restart.measure_restart,
    "takeover": restart.measure_takeover,
    "soak": soak.measure,
}
ON_DEMAND = ("soak",)  # cases that take hours


async def run_cases(
    names: Sequence[str], data: Path, quick: bool, tell: Notify, events: int | None = None
) -> BenchRun:
    """Run the named cases, or all that take minutes, one after the other."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    begun = time.monotonic()
    figures: list[Figure] = []
    for name in names or (each for each in CASES if each not in ON_DEMAND):
        tell(name, "begins")
        with bench_fixture(data, quick, partial(tell, name), events) as fixture:
            found = await CASES[name](fixture)
        figures += [structs.replace(figure, measure=name) for figure in found]
    return BenchRun(
        at=at,
        code=code_version(),
        quick=quick,
        machine=this_machine(),
        seconds=round(time.monotonic() - begun, 1),
        reached=all(figure.reached is not False for figure in figures),
        figures=figures,
    )
