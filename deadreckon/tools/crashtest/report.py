"""Result of a crash test: a row for every step, and every difference found."""

from statistics import median
from typing import Any

from msgspec import Struct, to_builtins

from deadreckon.tools.crashtest.log_tally import Discrepancy
from deadreckon.tools.crashtest.plan import KILL_STEPS
from deadreckon.tools.crashtest.scenario import KillOutcome


class StepRow(Struct):
    """One step: how often killed there (`twice` of them again while recalling), what it cost."""

    step: str
    kills: int = 0
    twice: int = 0
    lost: int = 0
    doubled: int = 0
    differs: int = 0
    seconds: list[float] = []

    @property
    def clean(self) -> bool:
        """True when nothing was lost or doubled and every digest is the undisturbed one."""
        return not (self.lost or self.doubled or self.differs)


class CrashReport(Struct):
    """All rows, findings in words, and the kills that the tape was too short for."""

    rows: dict[str, StepRow]
    findings: list[str] = []
    missed: list[str] = []
    seconds: float = 0.0
    folder: str = ""  # where the run with a difference lies

    @property
    def kills(self) -> int:
        """Number of kills, second ones included."""
        return sum(row.kills + row.twice for row in self.rows.values())

    @property
    def clean(self) -> bool:
        """True when every kill happened and changed nothing."""
        return not self.findings and not self.missed

    def note(self, outcomes: list[KillOutcome], findings: list[Discrepancy]) -> None:
        """Add a scenario: its kills, and its findings, each assigned to the kill before it."""
        for outcome in outcomes:
            row = self.rows[outcome.kill.step]
            row.kills += 1
            row.twice += outcome.again
            row.seconds.append(outcome.seconds)
            for finding in outcome.findings:
                self._blame(outcome, finding)
        for finding in findings:
            before = [outcome for outcome in outcomes if outcome.row <= finding.row]
            self._blame(next(reversed(before or outcomes), None), finding)

    def _blame(self, outcome: KillOutcome | None, finding: Discrepancy) -> None:
        where = "no kill"
        if outcome is not None:
            row = self.rows[outcome.kill.step]
            setattr(row, finding.kind, getattr(row, finding.kind) + 1)
            where = f"{outcome.kill.step} {outcome.kill.service} at row {outcome.row}"
        self.findings.append(f"{finding.kind}: {finding.what} (after {where})")

    def document(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "kills": self.kills,
            "seconds": round(self.seconds, 1),
            "kills_per_second": round(self.kills / self.seconds, 2) if self.seconds else 0,
            "clean": self.clean,
            "steps": [self._step(row) for row in self.rows.values()],
            "missed": self.missed,
            "findings": self.findings,
            "folder": self.folder,
        }

    def _step(self, row: StepRow) -> dict[str, Any]:
        times = row.seconds or [0.0]
        plain: dict[str, Any] = to_builtins(row)
        del plain["seconds"]
        plain["meaning"] = KILL_STEPS[row.step].meaning
        plain["restart_median"] = round(median(times), 2)
        plain["restart_longest"] = round(max(times), 2)
        return plain
