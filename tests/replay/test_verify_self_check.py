"""What holds the views against the log never ends the stack that it looks after."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.views import ViewRebuilt
from deadreckon.replay.verify import self_check
from deadreckon.replay.verify.self_check import SelfCheck
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process import child_process
from deadreckon.runtime.process.background_jobs import NOT_STARTED, VerbResult, run_verb

DIFFERS = (
    '{"sequence":7,"agree":false,"differences":[{"projection":"audit","table":"cash","key":["a"],'
    '"column":"amount","stored":"1","expected":"2","note":"x"}]}'
)


def check(bus: MemoryBus, data: Path) -> SelfCheck:
    return SelfCheck(data, bus, None, mode="paper", every_seconds=60, now=lambda: 5)


async def test_two_stacks_on_one_log_both_say_what_they_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(verb: str, *words: str) -> VerbResult:
        return (
            VerbResult(1, DIFFERS, "") if verb == "verify" else VerbResult(0, '{"sequence":7}', "")
        )

    monkeypatch.setattr(self_check, "run_verb", found)
    bus = MemoryBus()
    for each in (check(bus, tmp_path), check(bus, tmp_path)):
        await each.check()
    commits = [decode_commit(stored.payload) for stored in bus.log.messages]
    assert [commit.n for commit in commits] == [1, 2, 3, 4]
    record = [event for commit in commits for event in commit.events]
    assert [event.type for event in record] == ["views.view_differed", "views.view_rebuilt"] * 2
    assert len({event.id for event in record}) == 4
    assert ViewRebuilt("audit", 7, record[2].id).differed == record[3].cause


async def test_a_program_that_cannot_be_started_is_a_verb_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        child_process, "dies_with_parent", lambda command: [str(tmp_path / "nothing")]
    )
    done = await run_verb("verify")
    assert done.code == NOT_STARTED
    with capture_logs() as logged:
        await check(MemoryBus(), tmp_path).check()
    assert [line["event"] for line in logged] == ["views_not_compared"]
    assert "No such file" in logged[0]["reason"]
