"""A view is certified only where it was compared: at the end of the log."""

import shutil
from pathlib import Path

import pytest

from deadreckon.archive.open_log import stack_bus
from deadreckon.contracts.subjects import operator_subject
from deadreckon.projections.store import NAMES
from deadreckon.replay.verify.job import rebuild, verify
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process.folder import Folder
from deadreckon.tools.doctor import examine

ENTRIES = 5

pytestmark = pytest.mark.slow


async def compared(folder: Folder) -> dict[str, tuple[str, str]]:
    """Sequence and end of each view that is behind; nothing else differs."""
    document = await verify(folder.root, NAMES, None, shows=False)
    assert document.agree is (not document.differences)
    assert {it.column for it in document.differences} <= {"sequence"}
    return {it.projection: (it.stored, it.expected) for it in document.differences}


async def test_a_view_that_lacks_messages_is_no_view_that_agrees(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run").create()
    async with stack_bus(folder, None) as bus:
        operator = as_role(bus, "stack")
        for _ in range(ENTRIES):
            await operator.append(operator_subject("desk", "stack"), b"no fact")

    await rebuild(folder.root, NAMES, None, shows=False)
    assert await compared(folder) == {}
    shutil.rmtree(folder.root / "lake")
    findings = [finding async for finding in examine(folder.root, None)]

    assert any("lake at 0 of 5: behind" in finding.seen for finding in findings)
    assert not (folder.root / "lake").exists()
    document = await verify(folder.root, NAMES, None, shows=False)
    assert [it.projection for it in document.differences] == ["lake"]

    await rebuild(folder.root, NAMES, None, shows=False)
    async with stack_bus(folder, None) as bus:
        await as_role(bus, "stack").append(operator_subject("desk", "stack"), b"no fact")
    behind = (str(ENTRIES), str(ENTRIES + 1))
    assert await compared(folder) == dict.fromkeys(NAMES, behind)
