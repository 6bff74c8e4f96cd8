"""The crash test as a verb runs it: acts until the plan is done, each in a folder of its own."""

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, structs

from deadreckon.replay.tapes.synthetic import Recipe, synthesise
from deadreckon.runtime import logs
from deadreckon.runtime.folder import Folder
from deadreckon.stack.crashtest.act import Act, Outcome
from deadreckon.stack.crashtest.conductor import Show
from deadreckon.stack.crashtest.inspection import inspect
from deadreckon.stack.crashtest.plan import Kill, make_plan
from deadreckon.stack.crashtest.reference import Reference, undisturbed
from deadreckon.stack.crashtest.report import Report, Row
from deadreckon.stack.crashtest.stage import Stage

INSTRUMENT = "BTCUSDT-PERP.PAPER"
SOURCE = Path(__file__).resolve().parents[3]


class Wish(Struct, frozen=True):
    """What the caller of `dr crashtest` asked for; `folder` is where the runs lie."""

    kills: int
    seed: int
    venue: str
    steps: list[str]
    rows: int
    folder: Path


async def crashtest(wish: Wish, told: Callable[[Outcome | None], None]) -> Report:
    """Kill as planned, and report. `told` hears of every kill (null: of what else was done)."""
    logs.configure(wish.folder / "crashtest.log", logging.WARNING)
    begun = time.monotonic()
    tape = wish.folder / "tape.parquet"
    synthesise(Recipe(seed=wish.seed, bars=wish.rows), INSTRUMENT, tape)
    show = Show(wish.folder / "undisturbed", tape, wish.seed, processes=False, venue=wish.venue)
    reference = await undisturbed(show, show.data)
    kills = deque(make_plan(wish.steps, wish.kills, wish.seed))
    report = Report({name: Row(name) for name in wish.steps})
    data, number = show.data, 0
    while kills and not report.findings:
        number += 1
        before = len(kills)
        data = wish.folder / f"act-{number}" / "data"
        await _act(structs.replace(show, data=data, processes=True), reference, kills, report, told)
        if len(kills) == before:
            report.missed = sorted({each.step for each in kills})
            break
        if not report.findings:
            shutil.rmtree(data.parent)
        if kills:
            kills.append(_sooner(kills.popleft()))
    report.seconds = time.monotonic() - begun
    report.folder = "" if report.clean else str(data.parent)
    return report


async def _act(
    show: Show,
    reference: Reference,
    kills: deque[Kill],
    report: Report,
    told: Callable[[Outcome | None], None],
) -> None:
    show.data.parent.mkdir(parents=True)
    act = Act(Stage(show, SOURCE), reference, told)
    findings = await act.play(kills)
    if not findings:
        findings = await inspect(Folder(show.data).check(), reference)
        logs.configure(show.data.parent.parent / "crashtest.log", logging.WARNING)
    report.note(act.outcomes, findings)
    told(None)


def _sooner(missed: Kill) -> Kill:
    """The tape ended before this one: at the next one it comes as soon as it can."""
    return structs.replace(missed, nth=1)
