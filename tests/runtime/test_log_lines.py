"""Log lines are for people; nothing may fail because one could not be written."""

import io
import json
import sys
from pathlib import Path

import pytest
import structlog

from deadreckon.runtime.process import log_lines

FULL = Path("/dev/full")


def test_a_line_goes_to_stderr_as_it_is_now_even_where_another_was_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passing = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", passing)
        log_lines.configure()
    passing.close()
    structlog.get_logger().error("still_heard", reason="story")
    record = json.loads(capsys.readouterr().err)
    assert (record["event"], record["level"], record["reason"]) == ("still_heard", "error", "story")


def test_lines_of_a_stack_are_json_in_its_folder(tmp_path: Path) -> None:
    log_lines.configure(tmp_path / "logs" / "demo.log")
    structlog.get_logger().info("recalled", service="risk", sequence=7)
    (line,) = (tmp_path / "logs" / "demo.log").read_text().splitlines()
    assert json.loads(line)["sequence"] == 7
    log_lines.configure()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_line_that_the_disk_does_not_take_is_lost_and_nothing_else() -> None:
    log_lines.configure(FULL)
    structlog.get_logger().error("log_away", reason="no space left on device")
    log_lines.configure()
