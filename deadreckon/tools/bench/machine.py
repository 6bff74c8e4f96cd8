"""Description of the machine on which a figure is measured."""

import os
import platform
import subprocess
from pathlib import Path

from msgspec import Struct

from deadreckon import __version__
from deadreckon.runtime.process.source_tree import ROOT


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
