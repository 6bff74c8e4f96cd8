"""An empty message ends an answer between accounts; a reader there goes on without a pause."""

from pathlib import Path

import pytest

from deadreckon.archive.open_log import stack_bus
from deadreckon.contracts.subjects import commit_subject
from deadreckon.runtime.log import jetstream_reader
from deadreckon.runtime.log.jetstream_reader import JetStreamReader
from deadreckon.runtime.log.role_connections import RoleConnections, as_role
from deadreckon.runtime.process.folder import Folder

PAYLOADS = [b"1", b"", b"2", b"3", b"", b"", b"4", b"5", b""]


async def read_all(folder: Folder) -> tuple[list[bytes], dict[str, int]]:
    """Every payload as a role reads it that reaches the stream by imports, and what went wrong."""
    async with stack_bus(folder, None) as bus:
        risk = as_role(bus, "risk")
        for payload in PAYLOADS:
            await risk.append(commit_subject("desk", "risk", "events"), payload)
        reader = await bus.read(0)
        found: list[bytes] = []
        while len(found) < len(PAYLOADS):
            found += [stored.payload for stored in await reader.next(1.0)]
        await reader.close()
        assert isinstance(bus, RoleConnections)
        return found, dict(bus.faults)


async def test_nothing_behind_an_empty_message_is_lost_or_late(tmp_path: Path) -> None:
    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert found == PAYLOADS
    assert "reader_silence" not in faults
    assert "reader_kept_back" not in faults


async def test_a_flood_of_empty_messages_leaves_no_reader_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them costs a reader its place, and a server keeps only so many places."""
    monkeypatch.setattr("tests.runtime.test_empty_messages.PAYLOADS", [b"", b"x"] * 150)

    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert found == [b"", b"x"] * 150
    assert "reader_silence" not in faults


async def test_what_a_server_keeps_back_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other orders show signs of life meanwhile, so that silence alone does not tell."""
    monkeypatch.setattr(jetstream_reader, "HEARTBEAT", 1)
    hear = JetStreamReader._hear
    hidden = [3]

    def hear_some(
        reader: JetStreamReader, subject: bytes, reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        if payload == b"5" and hidden and hidden.pop():
            return
        hear(reader, subject, reply, payload, headers)

    monkeypatch.setattr(JetStreamReader, "_hear", hear_some)
    monkeypatch.setattr("tests.runtime.test_empty_messages.PAYLOADS", [b"1", b"2", b"5"])

    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert found == [b"1", b"2", b"5"]
    assert faults["reader_kept_back"] == 1
