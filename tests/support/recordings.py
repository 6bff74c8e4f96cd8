"""Runs that several files of tests begin with: made once a session, by the worker first to ask."""

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MADE = "made.json"  # beside the folder, once it is whole


def recorded(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]
) -> tuple[Path, Any]:
    """A folder that `make` filled and what it returned, as JSON has it; to be read or copied only.

    Workers have folders of their own beneath one of the session: the first to ask makes it, others
    wait for that.
    """
    own = factory.getbasetemp()
    shared = (own.parent if own.name.startswith("popen-") else own) / f"recorded-{name}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made, folder = shared / MADE, shared / "folder"
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one whose making failed
            folder.mkdir()
            made.write_text(json.dumps(make(folder)))
        return folder, json.loads(made.read_text())
