"""Every run of the bench as a line of a file, so that the next one can be compared with it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.tools.bench.figures import Figure
from deadreckon.tools.bench.machine import Machine

FigureKey = tuple[str, str]  # measure and name of a figure


class BenchRun(Struct, frozen=True):
    """One run: when it began (RFC 3339), of which code, on which machine, and what came out.

    `reached` is false when a mark was missed.
    """

    at: str
    code: str
    quick: bool
    machine: Machine
    seconds: float
    reached: bool
    figures: list[Figure]


def remember(path: Path, run: BenchRun) -> None:
    """Add a run to the history."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as lines:
        lines.write(msgspec.json.encode(run) + b"\n")


def last_figures(path: Path, quick: bool, machine: Machine) -> Mapping[FigureKey, Figure]:
    """What each figure was when it was last measured on the like of this machine, as thoroughly.

    Lines that this program cannot read are passed over: an older one may have written them.
    """
    found: dict[FigureKey, Figure] = {}
    if not path.exists():
        return found
    for line in path.read_bytes().splitlines():
        try:
            run = msgspec.json.decode(line, type=BenchRun)
        except msgspec.MsgspecError:
            continue
        if run.quick == quick and run.machine == machine:
            found |= {figure.key: figure for figure in run.figures}
    return found


def change(now: Figure, before: Figure) -> float:
    """How many times the earlier figure this one is: of the ratios where both have one, since
    these hardly depend on how busy the machine was; else of the values."""
    if now.ratio and before.ratio:
        return now.ratio / before.ratio
    return now.value / before.value if before.value else 1.0
