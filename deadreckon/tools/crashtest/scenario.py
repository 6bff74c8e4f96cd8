"""One playing of the tape, with as many kills as the plan has for it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from deadreckon.runtime.process.killpoints import STEPS
from deadreckon.tools.crashtest import plan
from deadreckon.tools.crashtest.log_tally import Discrepancy, differing
from deadreckon.tools.crashtest.plan import Kill
from deadreckon.tools.crashtest.process_tree import ProcessTree, StuckError, kill
from deadreckon.tools.crashtest.reference import Reference

# Kills that are orders too, though their names are no steps.
ORDERS = {
    plan.IN_FLIGHT: "commit@{each.service}:{each.nth} {server}",
    plan.OTHER_CODE: "settled:1",
    plan.OTHER_ANSWER: "commit@risk:1",
}
CALM = 1  # rows to go on undisturbed after a kill


class KillOutcome(Struct):
    """Result of a kill: the tape's row, seconds until everything ran again, and `again` when the
    restarted process was killed too."""

    kill: Kill
    row: int
    seconds: float
    again: bool
    findings: list[Discrepancy]


class Scenario:
    """Playing of the tape with planned kills; a kill beyond the tape's end stays in the plan."""

    def __init__(
        self,
        processes: ProcessTree,
        other: Path,
        reference: Reference,
        on_outcome: Callable[[KillOutcome], None],
    ) -> None:
        self.outcomes: list[KillOutcome] = []
        self._other = other  # where the program lies that goes on after a change of code
        self._processes = processes
        self._reference = reference
        self._on_outcome = on_outcome

    async def play(self, kills: deque[Kill]) -> list[Discrepancy]:
        """Strike until the tape or the plan ends; what no single kill explains.

        Once another program has gone on nothing can be compared with the undisturbed run any more.
        """
        last = False
        try:
            await self._processes.start()
            while kills and not last and (outcome := await self._one(kills[0])) is not None:
                last = kills.popleft().step in plan.CHANGES
                self.outcomes.append(outcome)
                self._on_outcome(outcome)
            await self._processes.until(lambda: False, "the end of the tape")
            code = await self._processes.ended()
        except StuckError as error:
            return [self._finding(str(error))]
        finally:
            await self._processes.close()
        if code == 0 and self._processes.at.ended:
            return []
        return [self._finding(f"the stack ended by itself with code {code}")]

    def _finding(self, what: str) -> Discrepancy:
        return Discrepancy("differs", self._processes.at.rows, what)

    async def _one(self, order: Kill) -> KillOutcome | None:
        """Strike once, and see that all is as before; null when the tape ended before that."""
        processes = self._processes
        begin = processes.at.rows + CALM
        if order.step in plan.CHANGES:  # much must be decided before, and much be left
            begin = max(begin, self._reference.account.rows // 2)
        await processes.until(lambda: processes.at.rows >= begin, "the tape to go on")
        if processes.over or not await self._strike(order):
            return None
        begun, row = time.monotonic(), processes.at.rows
        if order.step in plan.CHANGES:
            processes.source = self._other
        again = await self._revive(order)
        findings = [] if order.step == plan.OTHER_ANSWER else await self._compare_states()
        if order.where == "service":
            again = again and not processes.withdraw()  # a life that had nothing to recall goes on
        return KillOutcome(order, row, time.monotonic() - begun, again, findings)

    async def _strike(self, order: Kill) -> bool:
        """Kill; true when the kill happened."""
        processes = self._processes
        if order.step in plan.AT_START:
            return await self._strike_start(order.step)
        if order.step in STEPS:
            where = f"@{order.service}" if order.service and order.step != "progress" else ""
            processes.command_at(f"{order.step}{where}:{order.nth}")
            return await self._obeyed(order)
        if order.step in ORDERS:
            processes.command_at(ORDERS[order.step].format(each=order, server=processes.server))
            return await self._obeyed(order)
        await asyncio.sleep(order.delay)
        match order.step:
            case plan.SERVICE:
                pid = processes.services.get(order.service)
                return pid is not None and kill(pid)
            case plan.SERVER:
                pid = processes.server
                return pid is not None and kill(pid)
            case plan.EXCHANGE:
                pid = processes.exchange
                return pid is not None and kill(pid)
            case plan.STACK:
                return processes.kill_stack()
            case _:
                return processes.kill_everything()

    async def _obeyed(self, order: Kill) -> bool:
        processes = self._processes
        await processes.until(
            lambda: not processes.order.exists(), f"somebody to come by {order.step}"
        )
        return not processes.withdraw()

    async def _strike_start(self, step: str) -> bool:
        """Kill services until one of them is killed at this step of its next life too."""
        processes = self._processes
        for service in plan.AT_START[step]:
            processes.command_at(f"{step}@{service}:1")
            kill(processes.services[service])
            await processes.states()
            if not processes.withdraw():
                return True
        return False

    async def _revive(self, order: Kill) -> bool:
        """Restart what nothing else restarts; true when it is to be killed a second time."""
        processes = self._processes
        if order.where == "service":
            if order.twice and order.service:
                processes.command_at(f"recall@{order.service}:1")
            return order.twice
        if order.where != "stack":
            return False
        await processes.ended()
        if order.twice:
            await processes.start()
            await asyncio.sleep(order.delay * 4)
            processes.kill_everything()
            await processes.ended()
        await processes.start()
        return order.twice

    async def _compare_states(self) -> list[Discrepancy]:
        """Compare all that services remember: counters, peaks, halts, brackets, cooldowns."""
        at = await self._processes.states()
        if at is None or at.states is None:
            return []
        wanted = at.recalled or self._reference.states[at.rows, at.opened, at.cues]
        names = differing(at.states, wanted)
        return [self._finding(f"the state of {name} after row {at.rows}") for name in names]
