"""History of bench runs, one line of JSON each, for comparison with later runs."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.tools.bench.figures import Figure
from deadreckon.tools.bench.machine import Machine

FigureKey = tuple[str, str]  # measure and name of a figure


class BenchRun(Struct, frozen=True):
    """Run of the bench: start time (RFC 3339), code version, machine and figures.

    `seconds` is the duration. `reached` is false when a mark was missed.
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
    """Return the last figures from an equal machine and the same thoroughness (`quick`).

    Lines that cannot be parsed are skipped: an older version may have written them.
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
    """Divide a figure by an earlier one: their ratios if both have one, else their values.

    Ratios hardly depend on the machine's other load.
    """
    if now.ratio and before.ratio:
        return now.ratio / before.ratio
    return now.value / before.value if before.value else 1.0
