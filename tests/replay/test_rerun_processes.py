"""What passes between a rerun and the process that asks: a task, the log as stored, and lines."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw, structs

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.rerun.job.checkout import OURS, Checkout, CheckoutError, checked_out
from deadreckon.replay.rerun.job.child import answer
from deadreckon.replay.rerun.job.feeding import explain, rerun_log
from deadreckon.replay.rerun.job.process import OtherCodeError
from deadreckon.replay.rerun.job.protocol import (
    Ended,
    Explained,
    RerunTask,
    ServiceStart,
    decode_line,
    encode_line,
    pack,
    pack_task,
    unpack,
    unpack_task,
)
from deadreckon.replay.rerun.redecide import FOREVER, Redecider, TimeSpan
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.recovery import RecoveryError
from deadreckon.runtime.service.snapshots import encode_state
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.tools.crashtest.program import copy_program
from tests.sessions.player import decoded
from tests.sessions.test_sessions import session

pytestmark = pytest.mark.slow


def task(**more: Any) -> RerunTask:
    signal: dict[str, Any] = {"services": list(RANK), "book": BOOK, "mode": "paper", "begin": 0}
    return RerunTask(**(signal | {"end": FOREVER} | more))


def record(signal: RerunTask, log: list[Stored]) -> Any:
    """What the other process would say; it takes a line to say it."""
    line = answer(signal, io.BytesIO(b"".join(map(pack, log))))
    return decode_line(encode_line(line))


def test_a_task_and_messages_come_through_as_they_are() -> None:
    log = [structs.replace(stored, stored_at=-1) for stored in session("stop_loss").log]
    signal = task(explains=("risk", 3, 0))
    source = io.BytesIO(pack_task(signal) + b"".join(map(pack, log)))
    assert unpack_task(source) == signal
    assert list(unpack(source)) == log


def test_a_message_that_is_cut_short_is_not_given() -> None:
    log = session("stop_loss").log
    content = b"".join(map(pack, log))
    assert list(unpack(io.BytesIO(content[:-1]))) == log[:-1]


def test_the_other_process_says_what_became_of_every_service() -> None:
    found = record(task(), session("stop_loss").log)
    assert isinstance(found, Ended)
    assert [tally.service for tally in found.tallies] == list(RANK)
    assert not any(tally.diverging for tally in found.tallies)


def test_a_log_that_contradicts_itself_is_not_asked() -> None:
    log = list(session("stop_loss").log)
    place = next(
        at for at, it in enumerate(decoded(log)) if it.subject.service == "risk" and it.facts
    )
    log[place] = structs.replace(log[place], payload=log[place].payload[:-1])
    with pytest.raises(RecoveryError, match=f"message {place + 1}"):
        record(task(services=["risk"]), log)


def test_a_service_goes_on_from_a_snapshots_state() -> None:
    log = session("cancel_and_replace").log
    place = next(
        message.sequence
        for message in decoded(log)
        if message.commit
        and message.subject.service == "risk"
        and message.commit.to == message.sequence - 1
        and message.sequence > len(log) // 3
    )
    leading = Redecider("risk", BOOK, decider("risk"), span=TimeSpan(FOREVER))
    decoding = Decoding()
    for stored in log[:place]:
        assert not list(leading.take(decoding.decode(stored)))
    links = {f"{book}.{service}": link for (book, service), link in decoding.links.items()}
    begun = ServiceStart(leading.n, place, leading.ingress, Raw(encode_state(leading.runner.state)))
    signal = task(services=["risk"], after=place, links=links, starts={"risk": begun})
    (part,) = record(signal, log[place:]).tallies
    (whole,) = record(task(services=["risk"]), log).tallies
    later = [it for message in decoded(log)[place:] for it in message.facts if it.source == "risk"]
    assert 0 < part.answers == len(later) < whole.answers
    assert not part.diverging


def first_wish(log: list[Stored]) -> Recorded[Any]:
    facts = [it for message in decoded(log) for it in message.facts]
    return next(it for it in facts if isinstance(it.event, SignalRaised))


def test_one_question_is_looked_at_alone() -> None:
    log = session("stop_loss").log
    signal = first_wish(log)
    found = record(task(explains=("risk", signal.sequence, signal.index), services=["risk"]), log)
    assert isinstance(found, Explained)
    assert found.effects is not None
    assert found.effects.by_recorded == found.effects.by_today
    assert any(change.path.startswith("/orders/") for change in found.effects.by_today)


async def test_two_processes_share_the_work_of_a_long_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadreckon.replay.rerun.job.feeding.SPLIT_FROM", 1)
    bus = MemoryBus(MemoryLog(list(session("stop_loss").log)))
    told_of: list[int] = []
    outcome = await rerun_log(bus, OURS, task(), lambda done, end: told_of.append(done))
    assert [tally.service for tally in outcome.tallies] == list(RANK)
    assert outcome.messages == told_of[-1] == len(bus.log.messages)
    assert outcome.tallies == record(task(), bus.log.messages).tallies


async def test_other_code_that_cannot_run_says_its_last_words(tmp_path: Path) -> None:
    root = copy_program(tmp_path / "broken", [])
    (root / "deadreckon" / "services" / "catalogue.py").write_text(
        "raise RuntimeError('half a file')"
    )
    bus = MemoryBus(MemoryLog(list(session("stop_loss").log)))
    code = Checkout(root, "broken", compiled=str(tmp_path / "compiled"))
    with pytest.raises(OtherCodeError, match="broken cannot be asked: RuntimeError: half a file"):
        await rerun_log(bus, code, task(), lambda done, end: None)


async def test_a_service_that_the_other_code_does_not_have_is_named(tmp_path: Path) -> None:
    bus = MemoryBus(MemoryLog(list(session("stop_loss").log)))
    with pytest.raises(OtherCodeError, match="no service that decides and is called hedger"):
        await rerun_log(bus, OURS, task(services=["hedger"]), lambda done, end: None)
    signal = first_wish(bus.log.messages)
    place = ("risk", signal.sequence, signal.index)
    (found,) = await explain(bus, [OURS], task(services=["risk"], explains=place, whole=True))
    assert found is not None
    assert len(found.paths) > len(found.before)


async def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="is no checkout"):
        async with checked_out(tmp_path, None):
            pass
    copy_program(tmp_path, [])
    shutil.rmtree(tmp_path / "deadreckon" / "replay" / "rerun")
    with pytest.raises(CheckoutError, match="is from before"):
        async with checked_out(tmp_path, None):
            pass


async def test_the_other_code_runs_with_this_interpreter_and_leaves_no_file(tmp_path: Path) -> None:
    copy_program(tmp_path / "other", [])
    before = sorted((tmp_path / "other").rglob("*"))
    bus = MemoryBus(MemoryLog(list(session("stop_loss").log)))
    async with checked_out(tmp_path / "other", None) as code:
        outcome = await rerun_log(bus, code, task(services=["router"]), lambda done, end: None)
        compiled = Path(code.compiled)
    assert outcome.hello.root == str(tmp_path / "other")
    assert sorted((tmp_path / "other").rglob("*")) == before
    assert not compiled.exists()


async def test_a_checkout_of_version_0_1_0_is_asked_by_its_own_module(tmp_path: Path) -> None:
    """Its process module was deadreckon.stack.rerun.child, with the same protocol."""
    copy_program(tmp_path, [])
    now = tmp_path / "deadreckon" / "replay" / "rerun" / "job" / "child.py"
    then = tmp_path / "deadreckon" / "stack" / "rerun" / "child.py"
    then.parent.mkdir(parents=True)
    for package in (then.parent, then.parent.parent):
        (package / "__init__.py").write_text("")
    now.rename(then)
    bus = MemoryBus(MemoryLog(list(session("stop_loss").log)))
    async with checked_out(tmp_path, None) as code:
        assert code.module == "deadreckon.stack.rerun.child"
        outcome = await rerun_log(bus, code, task(services=["router"]), lambda done, end: None)
    assert outcome.tallies[0].answers
    assert not outcome.tallies[0].diverging
