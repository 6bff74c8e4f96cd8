"""The crash test as a verb runs it: acts until the plan is done, each in a folder of its own."""

import json
import logging
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from msgspec import Struct, structs

from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.node.simulated_venue import exchange_folder
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.tools.crashtest.inspection import inspect
from deadreckon.tools.crashtest.log_tally import Discrepancy
from deadreckon.tools.crashtest.plan import CHANGES, Kill, make_plan
from deadreckon.tools.crashtest.process_tree import ProcessTree
from deadreckon.tools.crashtest.program import HASTY, OTHER_DECIDER, Edit, copy_program
from deadreckon.tools.crashtest.reference import Reference, undisturbed
from deadreckon.tools.crashtest.report import CrashReport, StepRow
from deadreckon.tools.crashtest.scenario import KillOutcome, Scenario
from deadreckon.tools.crashtest.stack_process import SIM, RunSettings
from deadreckon.venues.simulated.exchange.admin_client import GroundTruth
from deadreckon.venues.simulated.exchange.faults import FaultKind, FaultPlan
from deadreckon.venues.simulated.exchange.process import ExchangeProcess

INSTRUMENT = "BTCUSDT-PERP.PAPER"
FAULTS_IN_A_MILLION = 20_000  # requests to the exchange, besides the kills

OnOutcome = Callable[[KillOutcome | None], None]  # of every kill; null: of what else was done


class CrashTestOptions(Struct, frozen=True):
    """What the caller of `dr crashtest` asked for; `folder` is where the runs lie."""

    kills: int
    seed: int
    venue: str
    steps: list[str]
    rows: int
    folder: Path
    edits: tuple[Edit, ...] = ()  # faults to be found


async def run_crashtest(wish: CrashTestOptions, told: OnOutcome) -> CrashReport:
    """Kill as planned until the plan is done or something was found, and report."""
    begun = time.monotonic()
    log_lines.configure(wish.folder / "crashtest.log", logging.WARNING)
    tape = wish.folder / "tape.parquet"
    synthesise(Recipe(seed=wish.seed, bars=wish.rows), INSTRUMENT, tape)
    show = RunSettings(wish.folder / "undisturbed", tape, wish.seed, wish.venue, memory=True)
    theatre = _Theatre(wish, show, await undisturbed(show, show.data), told)
    for processes in (True, False):
        await theatre.season(processes)
    theatre.report.seconds = time.monotonic() - begun
    return theatre.report


class _Theatre:
    """Where acts are played one after the other, with one reference to compare them with."""

    def __init__(
        self, wish: CrashTestOptions, show: RunSettings, reference: Reference, told: OnOutcome
    ) -> None:
        self.report = CrashReport({name: StepRow(name) for name in wish.steps})
        self._folder = wish.folder
        self._show = show
        self._reference = reference
        self._told = told
        self._acts = 0
        self._faults = exchange_faults(wish.seed) if wish.venue == SIM else None
        self._kills = make_plan(wish.steps, wish.kills, wish.seed)
        edits = [*HASTY, *wish.edits]
        self._program = copy_program(wish.folder / "program", edits)
        self._other = copy_program(wish.folder / "other", [*edits, OTHER_DECIDER])

    async def season(self, processes: bool) -> None:
        """All kills in which every service has a process of its own, or none."""
        kills = deque(each for each in self._kills if each.processes == processes)
        barren = 0  # acts in a row in which nothing could be killed
        while kills and not self.report.findings:
            before = len(kills)
            await self._act(kills, processes)
            barren = barren + 1 if len(kills) == before else 0
            if barren > len(kills):
                self.report.missed += sorted({each.step for each in kills})
                return
            if kills:
                kills.append(_sooner(kills.popleft()))

    async def _act(self, kills: deque[Kill], processes: bool) -> None:
        self._acts += 1
        data = self._folder / f"act-{self._acts}" / "data"
        data.parent.mkdir(parents=True)
        show = structs.replace(
            self._show, data=data, processes=processes, memory=False, faults=self._faults
        )
        act = Scenario(ProcessTree(show, self._program), self._other, self._reference, self._told)
        findings = await act.play(kills) or await self._inspect(data, act.outcomes)
        self.report.note(act.outcomes, findings)
        self._told(None)
        if self.report.findings:
            self.report.folder = str(data.parent)
        else:
            shutil.rmtree(data.parent)

    async def _inspect(self, data: Path, outcomes: list[KillOutcome]) -> list[Discrepancy]:
        last = outcomes[-1] if outcomes else None
        changed = last.row if last and last.kill.step in CHANGES else None
        folder = Folder(data).check()
        truth = await _truth(folder) if self._show.venue == SIM else None
        findings = await inspect(folder, self._reference, changed, truth)
        log_lines.configure(self._folder / "crashtest.log", logging.WARNING)
        return findings


def exchange_faults(seed: int) -> FaultPlan:
    """A little of everything that can go wrong, and nothing that takes seconds."""
    each = FAULTS_IN_A_MILLION // len(get_args(FaultKind))
    seconds: dict[FaultKind, float] = {"late": 0.05, "rate_limit": 0.02, "down": 0.1}
    return FaultPlan(f"crashtest-{seed}", dict.fromkeys(get_args(FaultKind), each), seconds)


async def _truth(folder: Folder) -> GroundTruth:
    """What the exchange of a run that is over knows."""
    where = exchange_folder(folder)
    seed = json.loads((where / "exchange.json").read_bytes())["seed"]
    async with ExchangeProcess(where, seed) as exchange, exchange.keeper() as keeper:
        return await keeper.truth()


def _sooner(missed: Kill) -> Kill:
    """The tape ended before this one: at the next one it comes as soon as it can."""
    return structs.replace(missed, nth=1)
