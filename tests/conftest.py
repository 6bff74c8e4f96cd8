"""Settings of all tests: hypothesis without chance, the real tapes, the order of the folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
TAPES = ROOT.parent / "shared" / "tapes"
CASES = ROOT.parent / "shared" / "cases"

# Processes, servers, clusters, ten thousand messages: `just quick` leaves them out, and they come
# first where everything runs, so that the short files fill what is left of the workers' time.
SLOW_FOLDERS = ("end_to_end", "cluster", "fuzz")
# The longest of them before all others: a worker that began one of them last would end alone.
LONGEST = ("test_main_job.py", "test_crashtest.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the slow folders, and let them begin."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return SLOW_FOLDERS.index(folder) if folder in SLOW_FOLDERS else len(SLOW_FOLDERS)

    for item in items:
        if rank(item) < len(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (rank(item), item.path.name not in LONGEST))


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
