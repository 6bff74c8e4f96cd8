"""A process that crashes leaves the Python stacks of all its threads in a file beside its log."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deadreckon.runtime.process import crash_stacks
from deadreckon.runtime.process.source_tree import ROOT

CRASH = """
import sys, threading
from pathlib import Path
from deadreckon.runtime.process import log_lines

log_lines.configure(Path(sys.argv[1]) / "risk.log")
if sys.argv[2:]:
    import ctypes
    def waiting_for_the_end(): threading.Event().wait()
    threading.Thread(target=waiting_for_the_end, daemon=True).start()
    ctypes.string_at(0)
"""


def run(folder: Path, *words: str, program: str = CRASH) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(folder), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_crash_leaves_the_stacks_of_all_threads_beside_the_log(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    assert crash_stacks.found(tmp_path) == []
    assert run(tmp_path, "crash").returncode == -signal.SIGSEGV
    (file,) = crash_stacks.found(tmp_path)
    assert file.name == "risk.crash"
    stacks = file.read_text()
    assert "Fatal Python error: Segmentation fault" in stacks
    assert "in waiting_for_the_end" in stacks
    assert "in string_at" in stacks


def test_the_next_start_names_the_file_until_it_is_deleted(tmp_path: Path) -> None:
    run(tmp_path, "crash")
    log = tmp_path / "risk.log"
    for times in (1, 2):
        run(tmp_path)
        assert log.read_text().count("crashed_before") == times
        assert str(tmp_path / "risk.crash") in log.read_text()
    (tmp_path / "risk.crash").unlink()
    run(tmp_path)
    assert log.read_text().count("crashed_before") == 2


def test_a_verb_says_it_on_standard_error_also_without_one(tmp_path: Path) -> None:
    crash = "import ctypes, sys; from deadreckon.runtime.process import crash_stacks\n"
    crash += "crash_stacks.report_on_stderr(); ctypes.string_at(0)"
    assert "in string_at" in run(tmp_path, program=crash).stderr
    closed = "import sys; sys.stderr = None\n" + crash
    assert run(tmp_path, program=closed).returncode == -signal.SIGSEGV
