"""Stacks that end under load: the process ends by itself, and no thread outlives the stack."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deadreckon.runtime.process.source_tree import ROOT
from tests.support import endings

pytestmark = pytest.mark.slow

DEMO = """
import sys, threading
from deadreckon.__main__ import main

try:
    main()
finally:
    left = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    print("threads left:", left, file=sys.stderr)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_a_stack_that_ends_under_load_leaves_no_thread_behind(seed: int, tmp_path: Path) -> None:
    assert endings.failure(seed, tmp_path) == ""


def test_a_demo_with_its_gateway_and_views_leaves_no_thread_behind(tmp_path: Path) -> None:
    words = ("demo", "--data", str(tmp_path / "run"), "--for", "3", "--web-port", "0", "--json")
    ended = subprocess.run(
        [sys.executable, "-c", DEMO, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "threads left: []" in ended.stderr


def test_a_thread_that_is_left_behind_fails_the_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = threading.Event()
    forgotten = threading.Thread(target=end.wait, name="forgotten")

    async def leave_one(*_: object) -> None:
        forgotten.start()

    monkeypatch.setattr(endings, "_round", leave_one)
    monkeypatch.setattr(gc, "set_threshold", lambda _: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    with pytest.raises(SystemExit, match="forgotten"):
        endings.play_round(1, tmp_path)
    end.set()
    forgotten.join()
