"""History of bench runs, one line of JSON each, for comparison with later runs."""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon import __version__
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.tools.bench.figures import Figure


class Machine(Struct, frozen=True):
    """Machine: cores available to the process, processor, system and Python version."""

    cores: int
    processor: str
    system: str
    python: str


def this_machine() -> Machine:
    """Describe the machine under this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        processor=_processor(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def code_version() -> str:
    """Return the program's version, in a checkout with its commit (+ for uncommitted edits)."""
    if not (ROOT / ".git").exists():
        return __version__
    try:
        found = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__} {found.stdout.strip()}"


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
