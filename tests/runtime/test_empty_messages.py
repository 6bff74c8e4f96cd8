"""Every kind of message costs a reader the same; an empty one could end an answer to it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deadreckon.archive.open_log import stack_bus
from deadreckon.contracts.subjects import commit_subject
from deadreckon.runtime.log import jetstream_reader
from deadreckon.runtime.log.jetstream_api import JetStreamApi
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
    assert "reader_hole" not in faults


async def test_a_flood_of_empty_messages_leaves_no_reader_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them costs a reader its place, of which a server keeps only so many."""
    monkeypatch.setattr("tests.runtime.test_empty_messages.PAYLOADS", [b"", b"x"] * 150)

    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert found == [b"", b"x"] * 150
    assert faults == {}


KINDS = {
    "good": b'{"id":"s","strategy":"x","instrument":"X","side":"buy","quantity":"1","at":"now"}',
    "garbage": b"x",
    "empty": b"",
    "blank": b"  ",
    "no object": b"[]",
    "deep": b"[" * 500 + b"]" * 500,
    "batch of nothing": b"[" + b",".join([b"{}"] * 500) + b"]",
    "not UTF-8": b"\xff\xfe" * 50,
}
EACH = 200


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_message_costs_a_reader_as_many_requests_as_a_good_one(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.runtime.test_empty_messages.PAYLOADS", [KINDS[kind]] * EACH)
    asked: Counter[str] = Counter()
    create, order = JetStreamApi.create_consumer, JetStreamReader._order_more

    async def created(api: JetStreamApi, name: str, wanted: dict[str, Any]) -> str:
        asked["consumers"] += 1
        return await create(api, name, wanted)

    async def ordered(reader: JetStreamReader) -> None:
        before = reader._on_order
        await order(reader)
        asked["orders"] += (reader._on_order - before) // jetstream_reader.BATCH

    monkeypatch.setattr(JetStreamApi, "create_consumer", created)
    monkeypatch.setattr(JetStreamReader, "_order_more", ordered)

    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert len(found) == EACH
    assert faults == {}
    assert asked["consumers"] == 1
    assert asked["orders"] <= 2  # before the first message, and behind it


async def test_orders_follow_each_other_through_a_log_of_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream_reader, "BATCH", 40)
    many = [b"" if number % 3 == 0 else b"%d" % number for number in range(500)]
    monkeypatch.setattr("tests.runtime.test_empty_messages.PAYLOADS", many)

    found, faults = await read_all(Folder(tmp_path / "run").create())

    assert found == many
    assert faults == {}


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
