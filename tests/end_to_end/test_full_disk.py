"""A data folder on a disk that takes nothing more: the stack says so, waits, and goes on."""

import json
import os
import resource
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from deadreckon.runtime.server.nats_server import running_server
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, page, until


def allow(pids: Iterable[int], size: int) -> None:
    """Let processes write files of so many bytes: of none, what they see is a failing disk. The
    server may be gone: its stack has noticed, and cannot start another yet."""
    for pid in pids:
        with suppress(ProcessLookupError):
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


def test_a_stack_outlives_a_full_disk_and_lacks_nothing_afterwards(dr: Dr) -> None:
    process = dr.start("up", "--data", "desk", "--web-port", "0", "--json")
    assert process.stdout is not None
    web = json.loads(process.stdout.readline())["web"]

    def health() -> Any:
        return page(f"{web}/health").json()

    until(lambda: not health()["trouble"], "a stack that is well")
    # The very first start makes files that there is no waiting for.
    until((dr.folder / "desk" / "analytics.duckdb").exists, "the views to be there")
    until(lambda: dr.json("status", "--data", "desk")["sequence"], "something in the views")
    server = running_server(dr.folder / "desk")
    assert server is not None
    everybody = [process.pid, server.pid]

    allow(everybody, 0)
    until(lambda: health()["trouble"], "word that it is not well")
    assert "the log has taken nothing for" in health()["reason"]
    assert health()["trading"]["conditions"][0]["condition"] == "log_away"
    assert process.poll() is None

    allow(everybody, resource.RLIM_INFINITY)
    until(lambda: not health()["trouble"], "a stack that is well again")
    before = health()["log"]["sequence"]
    until(lambda: health()["log"]["sequence"] > before + 1, "time to pass in the log")

    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    record = [json.loads(line)["event"] for line in errors.splitlines()]
    # Said once an outage that lasts; there may be a second one while the server is started anew.
    assert "nats_server_ended" in record, errors
    assert record.count("log_away") == record.count("log_back") <= 2, errors
    assert "agree with the log" in dr.run("verify", "--data", "desk")


def test_a_stack_can_be_ended_while_its_log_is_away(dr: Dr) -> None:
    process = dr.start("up", "--data", "desk", "--web-port", "0", "--json")
    assert process.stdout is not None
    web = json.loads(process.stdout.readline())["web"]
    until(lambda: not page(f"{web}/health").json()["trouble"], "a stack that is well")
    server = running_server(dr.folder / "desk")
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    until(lambda: page(f"{web}/health").json()["trouble"], "word that it is not well")

    process.send_signal(signal.SIGTERM)

    _, errors = process.communicate(timeout=PATIENCE)
    assert "ended_unsaid" in errors
    assert process.returncode == 0, errors
