"""Verbs run to their end in a process of their own, forked from one that has imported them all."""

import multiprocessing
import os
import pkgutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

import deadreckon.cli
from deadreckon.runtime.process import killpoints

# Starting Python and importing is most of what a verb costs: the server does it once.
IMPORTED = [
    "deadreckon.__main__",
    "deadreckon.archive.open_log",
    "duckdb",
    *(module.name for module in pkgutil.walk_packages(deadreckon.cli.__path__, "deadreckon.cli.")),
]
# Whose answers are compared with each other: each has an interpreter of its own, started anew, so
# that an order that depends on its hash seed shows.
DECIDING = ("demo", "up", "run", "crashtest", "drill")


def may_be_forked(words: tuple[str, ...]) -> bool:
    """Whether nothing is lost when a verb is forked: it decides nothing."""
    return words[0] not in DECIDING or "--help" in words


def run_forked(
    words: tuple[str, ...], folder: Path, environment: Mapping[str, str], wait: float
) -> CompletedProcess[str]:
    """Run a verb in a folder to its end; what it wrote, and the code that it ended with."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)  # a server that runs already is not asked again
    with tempfile.TemporaryDirectory() as scratch:
        outputs = [Path(scratch, name) for name in ("out", "err")]
        process = context.Process(target=_play, args=(words, folder, dict(environment), outputs))
        process.start()
        process.join(wait)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutExpired(words, wait)
        output, errors = (path.read_text() for path in outputs)
        return CompletedProcess(words, process.exitcode, output, errors)


def _play(
    words: tuple[str, ...], folder: Path, environment: dict[str, str], outputs: list[Path]
) -> None:
    """Be the verb: what `python -m deadreckon` does once its imports are done."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout, sys.stderr = (path.open("w") for path in outputs)
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stderr.fileno(), 2)
    sys.argv = ["deadreckon", *words]
    if order := environment.get(killpoints.VARIABLE):  # it is read when the module is imported
        killpoints.armed = killpoints.Armed(order)
    from deadreckon.__main__ import main

    main()
