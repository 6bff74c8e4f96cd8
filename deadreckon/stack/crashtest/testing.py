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
from deadreckon.stack.crashtest.plan import OTHER_CODE, Kill, make_plan
from deadreckon.stack.crashtest.program import HASTY, OTHER_DECIDER, Edit, copy_program
from deadreckon.stack.crashtest.reference import Reference, undisturbed
from deadreckon.stack.crashtest.report import Report, Row
from deadreckon.stack.crashtest.stage import Stage

INSTRUMENT = "BTCUSDT-PERP.PAPER"


class Wish(Struct, frozen=True):
    """What the caller of `dr crashtest` asked for; `folder` is where the runs lie."""

    kills: int
    seed: int
    venue: str
    steps: list[str]
    rows: int
    folder: Path
    edits: tuple[Edit, ...] = ()  # faults to be found


async def crashtest(wish: Wish, told: Callable[[Outcome | None], None]) -> Report:
    """Kill as planned, and report. `told` hears of every kill (null: of what else was done)."""
    logs.configure(wish.folder / "crashtest.log", logging.WARNING)
    begun = time.monotonic()
    tape = wish.folder / "tape.parquet"
    synthesise(Recipe(seed=wish.seed, bars=wish.rows), INSTRUMENT, tape)
    show = Show(wish.folder / "undisturbed", tape, wish.seed, processes=False, venue=wish.venue)
    reference = await undisturbed(show, show.data)
    source = copy_program(wish.folder / "program", [*HASTY, *wish.edits])
    other = copy_program(wish.folder / "other", [*HASTY, *wish.edits, OTHER_DECIDER])
    kills = deque(make_plan(wish.steps, wish.kills, wish.seed))
    report = Report({name: Row(name) for name in wish.steps})
    data, number = show.data, 0
    while kills and not report.findings:
        number += 1
        before = len(kills)
        data = wish.folder / f"act-{number}" / "data"
        stage = Stage(structs.replace(show, data=data, processes=True), source)
        act = Act(stage, other, reference, told)
        await _play(act, data, reference, kills, report)
        told(None)
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


async def _play(
    act: Act, data: Path, reference: Reference, kills: deque[Kill], report: Report
) -> None:
    data.parent.mkdir(parents=True)
    findings = await act.play(kills)
    if not findings:
        last = act.outcomes[-1] if act.outcomes else None
        changed = last.row if last and last.kill.step == OTHER_CODE else None
        findings = await inspect(Folder(data).check(), reference, changed)
        logs.configure(data.parent.parent / "crashtest.log", logging.WARNING)
    report.note(act.outcomes, findings)


def _sooner(missed: Kill) -> Kill:
    """The tape ended before this one: at the next one it comes as soon as it can."""
    return structs.replace(missed, nth=1)
