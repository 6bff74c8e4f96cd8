"""Failures named as they happen, and tests that a run waits for."""

import threading
import time

import pytest

SILENCE_SECONDS = 60.0  # without any result before the tests that are under way are named


class Progress:
    """What a run says between its dots."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._begun: dict[str, float] = {}  # by test, while it runs
        self._heard = time.monotonic()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._break_silence, name="progress", daemon=True).start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Remember what is under way, on any worker."""
        with self._lock:
            self._begun[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Forget it."""
        with self._lock:
            self._begun.pop(nodeid, None)
            self._heard = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a failure with the line that says what it was; all of it follows at the end."""
        if report.failed and self._terminal.verbosity <= 0:  # else its name was printed already
            where = "" if report.when == "call" else f" ({report.when})"
            self._say(f"FAILED {report.nodeid}{where}: {summary(report)}", red=True)

    def pytest_sessionfinish(self) -> None:
        """End the watch."""
        self._ended.set()

    def _break_silence(self) -> None:
        while not self._ended.wait(SILENCE_SECONDS / 10):
            now = time.monotonic()
            with self._lock:
                under_way = {test: now - begun for test, begun in self._begun.items()}
                silent = now - self._heard > SILENCE_SECONDS and bool(under_way)
                self._heard = now if silent else self._heard
            if silent:
                tests = ", ".join(f"{test} ({took:.0f} s)" for test, took in under_way.items())
                self._say(f"under way: {tests}")

    def _say(self, line: str, **markup: bool) -> None:
        self._terminal.write("\n")  # dots leave a line unfinished
        self._terminal.write_line(line, **markup)


def summary(report: pytest.TestReport) -> str:
    """The first line of what was raised, or of what was said instead."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
