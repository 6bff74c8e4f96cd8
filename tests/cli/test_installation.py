"""The first call of `dr`: what it says while it installs, also in a pipe, and when that fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

COLLECTED = """\
for number in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "Collecting package-$number==1 (from -r x)"; done
"""
FAKE = """\
#!/bin/sh
case "$*" in
*" install "*)
    {pip}
    ;;
*) exec {python} "$@" ;;
esac
"""


def first_call(folder: Path, pip: str) -> subprocess.CompletedProcess[str]:
    """Call `dr version` in a pipe, where the Python of its environment has another pip."""
    program = folder / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(FAKE.format(pip=pip, python=sys.executable))
    program.chmod(0o755)
    return subprocess.run(
        [str(ROOT / "dr"), "version"],
        env=os.environ | {"DR_VENV": str(folder / "venv")},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_first_call_says_how_far_it_is_in_a_pipe(tmp_path: Path) -> None:
    done = first_call(tmp_path, f"{COLLECTED}echo 'Installing collected packages: package-1'")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("deadreckon ")
    lines = done.stderr.splitlines()
    total = lines[0].split()[2]
    assert lines == [
        f"dr: installing {total} pinned packages",
        f"dr: 10 of {total}: package-10==1",
        "dr: unpacking",
        "dr: compiling",
    ]


@pytest.mark.slow
def test_unpacking_that_takes_its_time_is_told_meanwhile(tmp_path: Path) -> None:
    pip = "echo 'Installing collected packages: package-1'; sleep 12"
    done = first_call(tmp_path, pip)
    assert done.returncode == 0, done.stderr
    assert "dr: unpacking: 0 of " in done.stderr


def test_an_installation_that_fails_ends_in_the_words_of_pip(tmp_path: Path) -> None:
    done = first_call(tmp_path, "echo 'ERROR: no space left'; exit 1")
    assert done.returncode == 3
    assert "dr: cannot install: ERROR: no space left" in done.stderr
