"""Services die, are stopped and come back: one writes at a time, and nothing is lost or doubled."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from select import select
from typing import Any

import msgspec
import pytest

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.subjects import status_subject
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.snapshots import StateAtCommit
from deadreckon.runtime.service.standby import LivenessReply
from deadreckon.services.catalogue import RANK
from deadreckon.tools.drill import miscounts
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import INSTRUMENT, Dr, page, until

WHO = ("--actor", "ann", "--reason", "drill", "--data", "desk")
KILLS = 15


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a verb prints; fails with its errors when it has ended."""
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.readline() or pytest.fail(process.stderr.read()[-2000:])


def up_without_risk(dr: Dr) -> None:
    services = [name for name in RANK if name != "risk"]
    (dr.folder / "desk.toml").write_text(
        f'data = "desk"\nclock_seconds = 0.2\nservices = {json.dumps(services)}\n'
    )
    process = dr.start("up", "--config", "desk.toml", "--no-web", "--json")
    assert json.loads(line(process))["nats"]


def risk(dr: Dr, *more: str) -> subprocess.Popen[str]:
    return dr.start("run", "risk", "--data", "desk", "--json", *more)


def hears(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The next thing that an instance tells of itself must be this."""
    published: dict[str, Any] = json.loads(line(process))
    assert published["event"] == event, published
    return published


def check_log(folder: Path) -> None:
    """Every chain is whole, and every question was answered once, as today's code answers it."""

    async def check() -> None:
        async with open_bus(Folder(folder).check()) as bus:
            damage = [each.damage async for each in read_messages(bus) if each.damage]
            assert damage == []
            assert await miscounts(bus, RANK) == []

    asyncio.run(check())


def test_of_two_that_are_at_work_one_writes_and_the_other_stands_by_and_takes_over(dr: Dr) -> None:
    up_without_risk(dr)
    first = risk(dr)
    hears(first, "at_work")
    first.send_signal(signal.SIGSTOP)  # it says nothing, as one that is cut off
    second = risk(dr)
    hears(second, "at_work")
    first.send_signal(signal.SIGCONT)

    dr.run("halt", *WHO)
    fenced, writer = shut_out(first, second)
    hears(fenced, "fenced_out")
    assert hears(fenced, "ready")["n"] >= 1

    writer.send_signal(signal.SIGKILL)
    assert hears(fenced, "took_over")["n"] >= 1
    dr.run("resume", *WHO)
    check_log(dr.folder / "desk")


def test_a_rival_of_one_that_is_at_work_does_not_say_so_and_stands_by(dr: Dr) -> None:
    up_without_risk(dr)
    first = risk(dr)
    hears(first, "at_work")
    rival = risk(dr)
    assert hears(rival, "fenced_out")["reason"] == "risk is at work elsewhere"
    assert hears(rival, "ready")["n"] >= 1
    dr.run("halt", *WHO)

    first.send_signal(signal.SIGKILL)
    assert hears(rival, "took_over")["n"] >= 1
    dr.run("resume", *WHO)
    check_log(dr.folder / "desk")


def shut_out(
    first: subprocess.Popen[str], second: subprocess.Popen[str]
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Which of the two was fenced out, and which one writes; nobody can say beforehand."""
    assert first.stdout is not None
    assert second.stdout is not None
    readable, _, _ = select([first.stdout, second.stdout], [], [], PATIENCE)
    assert len(readable) == 1
    return (first, second) if readable[0] is first.stdout else (second, first)


def test_one_that_was_stopped_comes_back_and_cannot_write(dr: Dr) -> None:
    up_without_risk(dr)
    old = risk(dr)
    hears(old, "at_work")
    dr.run("halt", *WHO)
    standby = risk(dr, "--standby")
    assert len(hears(standby, "ready")["digest"]) == 64

    old.send_signal(signal.SIGSTOP)
    behind = hears(standby, "took_over")["n"]
    dr.run("resume", *WHO)
    old.send_signal(signal.SIGCONT)
    hears(old, "fenced_out")
    assert hears(old, "ready")["n"] > behind
    dr.run("halt", *WHO)
    assert standby.poll() is None
    check_log(dr.folder / "desk")


def test_a_standby_whose_state_differs_ends_with_one_and_does_not_take_over(dr: Dr) -> None:
    up_without_risk(dr)

    async def lie(request: bytes) -> bytes:
        """As an instance that runs other code would."""
        return msgspec.json.encode(LivenessReply(StateAtCommit(0, 0, 0, "f" * 64)))

    async def stand_beside() -> subprocess.Popen[str]:
        async with open_bus(Folder(dr.folder / "desk").check(), None, "risk") as bus:
            await bus.serve(status_subject("desk", "risk"), lie)
            standby = risk(dr, "--standby")
            await asyncio.to_thread(standby.wait, PATIENCE)
            return standby

    standby = asyncio.run(stand_beside())
    assert standby.returncode == 1
    assert standby.stdout is not None
    assert standby.stderr is not None
    (line,) = standby.stdout.read().splitlines()  # it was never ready
    assert not json.loads(line)["ok"]
    assert "risk differs from the instance at work at commit 0" in standby.stderr.read()


def test_the_drill_takes_over_within_its_goal_and_loses_nothing(dr: Dr) -> None:
    found = dr.json("drill", "takeover", "--services", "risk")
    assert found["clean"]
    assert [each["how"] for each in found["takeovers"]] == ["killed", "stopped"]
    assert found["takeovers"][1]["fenced"] is True
    assert all(each["lost"] == each["doubled"] == 0 for each in found["takeovers"])


def test_the_drill_refuses_what_it_cannot_rehearse(dr: Dr) -> None:
    record = dr.run("drill", "takeover", "--services", "clock", code=2)
    assert "name some of signal, risk, router, fill, portfolio" in record


def test_services_killed_at_random_while_a_tape_plays_change_nothing(dr: Dr) -> None:
    """Each in a process of its own, each killed several times; the digest is the undisturbed."""
    words = ("tape", "synth", "--seed", "7", "--bars", "600", "--output", "short.parquet")
    dr.run(*words, "--instrument", INSTRUMENT)
    undisturbed = dr.play("calm", Path("short.parquet"))
    demo = ("demo", "--tape", "short.parquet", "--no-web", "--data", "killed", "--json")
    process = dr.start(*demo, "--processes", "six")
    kills = kill_at_random(dr.folder / "killed" / "logs" / "demo.log", process)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    summary = json.loads(output)
    assert kills >= KILLS
    assert summary["digest"] == undisturbed["digest"]
    assert summary["pnl"] == undisturbed["pnl"]


def kill_at_random(log: Path, process: subprocess.Popen[str]) -> int:
    """Kill service after service at random moments, until there were enough or the run is over."""
    until(lambda: log.exists() and alive(log), "the services to start")
    chance = random.Random(7)
    kills = 0
    while process.poll() is None and kills < KILLS:
        time.sleep(chance.uniform(0.02, 0.3))
        name, pid = chance.choice(sorted(alive(log).items()))
        try:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        except ProcessLookupError:
            continue
        until(partial(is_back, log, name, pid), f"{name} to be back")
    return kills


def is_back(log: Path, name: str, dead: int) -> bool:
    return alive(log)[name] != dead


def alive(log: Path) -> dict[str, int]:
    """The process of each service, as the supervisor's log tells."""
    record = [json.loads(each) for each in log.read_text().splitlines()]
    return {each["service"]: each["pid"] for each in record if each["event"] == "service_started"}


def test_a_stack_of_processes_says_which_of_them_does_not_answer(dr: Dr) -> None:
    (dr.folder / "desk.toml").write_text('data = "desk"\nprocesses = true\n')
    process = dr.start("up", "--config", "desk.toml", "--web-port", "0", "--json")
    web = json.loads(line(process))["web"]

    def health() -> dict[str, Any]:
        published: dict[str, Any] = page(f"{web}/health").json()
        return published

    until(lambda: not health()["trouble"], "every service to answer")
    assert set(health()["services"]) == set(RANK)
    pid = alive_in(process_log := dr.folder / "desk" / "logs" / "risk.log")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: re.search("not answering: .*risk", health()["reason"]), "word of risk's silence")
    assert not health()["services"]["risk"]["ready"]
    assert health()["trading"]["conditions"][0]["condition"] == "recovering"
    assert page(f"{web}/readyz").status_code == 503
    os.kill(pid, signal.SIGCONT)
    until(lambda: not health()["trouble"], "risk to answer again")

    os.kill(pid, signal.SIGKILL)
    until(lambda: process_log.read_text().count("at_work") == 2, "risk to be back")
    until(lambda: not health()["trouble"], "risk to answer again")
    assert health()["services"]["risk"]["ends"] == 1
    figures = page(f"{web}/metrics").text
    assert 'deadreckon_service_ends_total{service="risk"} 1.0' in figures
    assert 'deadreckon_service_behind{service="risk"}' in figures


def alive_in(log: Path) -> int:
    """The process that is at work, as a service's own log tells."""
    lives = [json.loads(life) for life in log.read_text().splitlines()]
    pids: list[int] = [life["pid"] for life in lives if life["event"] == "at_work"]
    return pids[-1]


def test_a_stack_of_processes_outlives_each_of_them(dr: Dr) -> None:
    (dr.folder / "desk.toml").write_text('data = "desk"\nprocesses = true\n')
    process = dr.start("up", "--config", "desk.toml", "--no-web", "--json")
    line(process)
    log = dr.folder / "desk" / "logs" / "risk.log"
    until(lambda: log.exists() and "at_work" in log.read_text(), "risk to be at work")
    os.kill(alive_in(log), signal.SIGKILL)
    until(lambda: log.read_text().count("at_work") == 2, "risk to be back")
    record = dr.json("halt", *WHO)
    assert record["acknowledged"]

    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    ended = [json.loads(record) for record in errors.splitlines() if "service_ended" in record]
    assert [(end["service"], end["code"]) for end in ended] == [("risk", -9)]
