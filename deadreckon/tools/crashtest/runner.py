"""The crash test as a verb runs it: one scenario after another until the plan is done."""

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
    """Options of `dr crashtest`; `folder` holds the runs."""

    kills: int
    seed: int
    venue: str
    steps: list[str]
    rows: int
    folder: Path
    edits: tuple[Edit, ...] = ()  # faults to be found


async def run_crashtest(options: CrashTestOptions, on_outcome: OnOutcome) -> CrashReport:
    """Kill as planned until the plan is done or something was found, and report."""
    begun = time.monotonic()
    log_lines.configure(options.folder / "crashtest.log", logging.WARNING)
    tape = options.folder / "tape.parquet"
    synthesise(Recipe(seed=options.seed, bars=options.rows), INSTRUMENT, tape)
    settings = RunSettings(
        options.folder / "undisturbed", tape, options.seed, options.venue, memory=True
    )
    runner = _Runner(options, settings, await undisturbed(settings, settings.data), on_outcome)
    for processes in (True, False):
        await runner.run_kills(processes)
    runner.report.seconds = time.monotonic() - begun
    return runner.report


class _Runner:
    """Runner of scenarios, one after another, each compared with one undisturbed reference."""

    def __init__(
        self,
        options: CrashTestOptions,
        settings: RunSettings,
        reference: Reference,
        on_outcome: OnOutcome,
    ) -> None:
        self.report = CrashReport({name: StepRow(name) for name in options.steps})
        self._folder = options.folder
        self._settings = settings
        self._reference = reference
        self._on_outcome = on_outcome
        self._scenarios = 0
        self._faults = exchange_faults(options.seed) if options.venue == SIM else None
        self._kills = make_plan(options.steps, options.kills, options.seed)
        edits = [*HASTY, *options.edits]
        self._program = copy_program(options.folder / "program", edits)
        self._other = copy_program(options.folder / "other", [*edits, OTHER_DECIDER])

    async def run_kills(self, processes: bool) -> None:
        """Run all kills in which every service has a process of its own, or none."""
        kills = deque(each for each in self._kills if each.processes == processes)
        idle = 0  # scenarios in a row in which nothing could be killed
        while kills and not self.report.findings:
            before = len(kills)
            await self._run_scenario(kills, processes)
            idle = idle + 1 if len(kills) == before else 0
            if idle > len(kills):
                self.report.missed += sorted({each.step for each in kills})
                return
            if kills:
                kills.append(_sooner(kills.popleft()))

    async def _run_scenario(self, kills: deque[Kill], processes: bool) -> None:
        self._scenarios += 1
        data = self._folder / f"scenario-{self._scenarios}" / "data"
        data.parent.mkdir(parents=True)
        settings = structs.replace(
            self._settings, data=data, processes=processes, memory=False, faults=self._faults
        )
        scenario = Scenario(
            ProcessTree(settings, self._program), self._other, self._reference, self._on_outcome
        )
        findings = await scenario.play(kills) or await self._inspect(data, scenario.outcomes)
        self.report.note(scenario.outcomes, findings)
        self._on_outcome(None)
        if self.report.findings:
            self.report.folder = str(data.parent)
        else:
            shutil.rmtree(data.parent)

    async def _inspect(self, data: Path, outcomes: list[KillOutcome]) -> list[Discrepancy]:
        last = outcomes[-1] if outcomes else None
        changed = last.row if last and last.kill.step in CHANGES else None
        folder = Folder(data).check()
        truth = await _truth(folder) if self._settings.venue == SIM else None
        findings = await inspect(folder, self._reference, changed, truth)
        log_lines.configure(self._folder / "crashtest.log", logging.WARNING)
        return findings


def exchange_faults(seed: int) -> FaultPlan:
    """Return a plan with a little of every fault, none of which takes seconds."""
    each = FAULTS_IN_A_MILLION // len(get_args(FaultKind))
    seconds: dict[FaultKind, float] = {"late": 0.05, "rate_limit": 0.02, "down": 0.1}
    return FaultPlan(f"crashtest-{seed}", dict.fromkeys(get_args(FaultKind), each), seconds)


async def _truth(folder: Folder) -> GroundTruth:
    """Read the ground truth of the exchange of a finished run."""
    where = exchange_folder(folder)
    seed = json.loads((where / "exchange.json").read_bytes())["seed"]
    async with ExchangeProcess(where, seed) as exchange, exchange.admin() as admin:
        return await admin.truth()


def _sooner(missed: Kill) -> Kill:
    """Kill at the first opportunity of the next tape: this one ended too early."""
    return structs.replace(missed, nth=1)
