"""Settings of all tests: hypothesis without chance, the real tapes, the order of the files."""

import gc
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from deadreckon.runtime.process import log_lines
from tests.support.progress import Progress
from tests.support.workers import SINGLY, pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_make_scheduler"]

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
TAPES = ROOT.parent / "shared" / "tapes"
CASES = ROOT.parent / "shared" / "cases"
# Seconds before a test gives up waiting for what takes a few: nothing is measured by it, and on a
# machine that is ten times as busy everything takes ten times as long.
PATIENCE = 1_200.0

# Processes, servers, clusters, ten thousand messages: `just quick` leaves them out, and they come
# first where everything runs, so that the short files fill what is left of the workers' time.
SLOW_FOLDERS = ("end_to_end", "cluster", "fuzz")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the slow folders, and let them begin: behind the longest, since a worker
    that began one of those last would end alone."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return SLOW_FOLDERS.index(folder) if folder in SLOW_FOLDERS else len(SLOW_FOLDERS)

    def is_long(item: pytest.Item) -> bool:
        return item.nodeid.partition("::")[0] in SINGLY

    for item in items:
        if rank(item) < len(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (not is_long(item), rank(item)))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Name failures as they happen, where dots alone would be printed."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(terminal), "progress")


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests to no collector: it would look through them ever again,
    for a sixth of the whole run's CPU time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: object) -> None:
    """Say in every run whether the real tapes and the reported cases were there to run on."""
    for what, folder in (("real tapes", TAPES), ("reported cases", CASES)):
        there = "are used" if folder.is_dir() else "are NOT here: tests on them did not run"
        terminalreporter.write_line(f"{what} ({folder.name}/ beside the checkout) {there}")  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def log_lines_of_its_own() -> Iterator[None]:
    """Undo what a verb called in this process did to log lines, for the tests after it."""
    yield
    structlog.reset_defaults()
    log_lines.Logger.level, log_lines.Logger._configure = logging.NOTSET, None
