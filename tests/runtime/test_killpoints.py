"""A process ends itself at a named step when its environment says so, and never otherwise."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deadreckon.runtime.process import killpoints
from deadreckon.runtime.process.killpoints import KillOrder, KillOrderError, read_order
from tests.conftest import ROOT

PASSING = """
import sys
from deadreckon.runtime.process.killpoints import passed
for step, service in [("answer", "fill"), ("answer", "risk"), ("stored", "risk")] * 3:
    print(step, service, flush=True)
    passed(step, service)
"""


def ends(order: str | None) -> tuple[int, int]:
    """How a process that passes nine steps ends, and how many of them it came to."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    if order is not None:
        environment["DEADRECKON_KILL"] = order
    done = subprocess.run([sys.executable, "-c", PASSING], env=environment, stdout=subprocess.PIPE)
    return done.returncode, len(done.stdout.splitlines())


def test_without_an_order_a_step_is_nothing() -> None:
    assert killpoints.armed is None
    assert ends(None) == (0, 9)


def test_an_order_kills_at_its_passing_of_the_step_in_its_service() -> None:
    assert ends("answer@risk:2") == (-signal.SIGKILL, 5)
    assert ends("answer:2") == (-signal.SIGKILL, 2)
    assert ends("answer@risk:4") == (0, 9)


def test_an_order_in_a_file_is_obeyed_once(tmp_path: Path) -> None:
    order = tmp_path / "order"
    assert ends(f"@{order}") == (0, 9)
    order.write_text("stored@risk:1")
    assert ends(f"@{order}") == (-signal.SIGKILL, 3)
    assert not order.exists()
    assert ends(f"@{order}") == (0, 9)


def test_an_order_in_a_file_may_name_another_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        order = tmp_path / "order"
        order.write_text(f"answer@fill:2 {victim.pid}")
        assert ends(f"@{order}") == (0, 9)
        assert victim.wait(10) == -signal.SIGKILL


async def test_a_commit_is_told_from_progress_and_only_once_it_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, str]] = []

    class Watched:
        def passed(self, step: str, service: str) -> None:
            seen.append((step, service))

    monkeypatch.setattr(killpoints, "armed", Watched())
    leaving = asyncio.ensure_future(killpoints.left("log.desk.risk.events"))
    await asyncio.sleep(0)
    assert seen == []
    await leaving
    await killpoints.left("log.desk.fill.progress")
    await killpoints.left("turn.desk.fill")
    assert seen == [("commit", "risk"), ("progress", "fill")]


def test_an_order_that_is_none_is_refused() -> None:
    assert read_order("commit@risk:3 17") == KillOrder("commit", "risk", 3, 17)
    for text in ("", "commit", "commit:", "commit:x", "nowhere:1", "commit:1 x"):
        with pytest.raises(KillOrderError):
            read_order(text)
