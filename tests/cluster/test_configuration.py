"""A stream that would let an old fence token live again is refused, by every way in."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.contracts.subjects import domain
from deadreckon.runtime.log.bus import ConfigurationError, Fence
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.stream import configuration
from tests.cluster.conftest import ClusterLog
from tests.conftest import PATIENCE

SECOND = 1_000_000_000  # nanoseconds
ROOT = Path(__file__).resolve().parents[2]
RISK = domain("desk", "risk")

# What is wrong with a stream, and how one comes to be so.
FLIPPED: list[tuple[str, dict[str, Any]]] = [
    ("max_age", {"max_age": 10 * SECOND, "duplicate_window": SECOND}),
    ("max_msgs", {"max_msgs": 5}),
    ("max_bytes", {"max_bytes": 1_000_000}),
    ("max_msgs_per_subject", {"max_msgs_per_subject": 1}),
    ("max_msg_size", {"max_msg_size": 1_000}),
    ("max_consumers", {"max_consumers": 5}),
    ("discard", {"discard": "old"}),
    ("discard_new_per_subject", {"discard_new_per_subject": True, "max_msgs_per_subject": 5}),
    ("retention", {"retention": "workqueue"}),
    ("retention", {"retention": "interest"}),
    ("storage", {"storage": "memory"}),
    ("subjects", {"subjects": ["log.>"]}),
    ("deny_delete", {"deny_delete": False}),
    ("deny_purge", {"deny_purge": False}),
    ("allow_direct", {"allow_direct": False}),
    ("allow_rollup_hdrs", {"allow_rollup_hdrs": True, "deny_purge": False}),
    ("allow_msg_ttl", {"allow_msg_ttl": True}),
    ("subject_delete_marker_ttl", {"allow_msg_ttl": True, "subject_delete_marker_ttl": SECOND}),
    ("allow_msg_schedules", {"allow_msg_schedules": True, "discard": "old"}),
    ("allow_msg_counter", {"allow_msg_counter": True, "discard": "old"}),
    ("mirror", {"mirror": {"name": "OTHER"}, "subjects": None}),
    ("sources", {"sources": [{"name": "OTHER"}]}),
    ("subject_transform", {"subject_transform": {"src": "log.*.*.*", "dest": "log.x.y.z"}}),
    ("republish", {"republish": {"src": ">", "dest": "else.>"}}),
    ("first_seq", {"first_seq": 10}),
    ("consumer_limits", {"consumer_limits": {"inactive_threshold": SECOND}}),
    ("no_ack", {"no_ack": True}),
    ("persist_mode", {"persist_mode": "async"}),
]  # fmt: skip

# What only an update can bring, to a stream that was sound when it was created.
UPDATED = [("sealed", {"sealed": True}), ("allow_msg_ttl", {"allow_msg_ttl": True})]


async def keep(bus: JetStreamBus, verb: str, **changed: Any) -> None:
    """Create or update the stream as somebody else would."""
    wanted = {**configuration("LOG", 1), **changed}
    wanted = {field: value for field, value in wanted.items() if value is not None}
    answer = await bus.request(f"$JS.API.STREAM.{verb}.LOG", msgspec.json.encode(wanted), 5.0)
    assert b'"error"' not in answer, answer


@pytest.fixture
async def bus(one_server: ClusterLog) -> AsyncIterator[JetStreamBus]:
    await one_server.forget()
    yield await one_server.connect()
    await one_server.close()


@pytest.mark.parametrize(
    ("field", "changed"), FLIPPED, ids=lambda it: it if type(it) is str else ""
)
async def test_every_field_that_could_revive_a_token_is_refused_by_its_name(
    bus: JetStreamBus, field: str, changed: dict[str, Any]
) -> None:
    await keep(bus, "CREATE", **changed)

    with pytest.raises(ConfigurationError) as refused:
        await bus.provision()

    assert f"{field}: expected" in str(refused.value)


@pytest.mark.parametrize(
    ("field", "changed"), UPDATED, ids=lambda it: it if type(it) is str else ""
)
async def test_a_stream_that_was_changed_later_is_refused_at_the_next_start(
    bus: JetStreamBus, field: str, changed: dict[str, Any]
) -> None:
    await bus.provision()
    await keep(bus, "UPDATE", **changed)

    with pytest.raises(ConfigurationError, match=f"{field}: expected nothing, found True"):
        await bus.provision()


async def test_replicas_are_not_compressed(three_servers: ClusterLog) -> None:
    """Decision 0019: one that was killed and caught up would write what it cannot read."""
    await three_servers.forget()
    bus = await three_servers.connect()
    await keep(bus, "CREATE", num_replicas=3, compression="s2")

    with pytest.raises(ConfigurationError, match="compression: expected 'none', found 's2'"):
        await bus.provision()
    await three_servers.close()


async def test_the_server_itself_holds_on_to_the_protections_of_a_log(bus: JetStreamBus) -> None:
    await bus.provision()

    for protection in ("deny_delete", "deny_purge"):
        with pytest.raises(AssertionError, match="can not"):
            await keep(bus, "UPDATE", **{protection: False})


async def test_why_it_matters_a_tail_that_vanishes_lets_a_zombie_write(bus: JetStreamBus) -> None:
    """The ABA that the rules above shut out, shown on a stream that breaks one of them."""
    await keep(bus, "CREATE", deny_purge=False, deny_delete=False)
    zombie = Fence(RISK, await bus.append("log.desk.risk.events", b"of the zombie", Fence(RISK, 0)))
    successor = await bus.append("log.desk.risk.events", b"of its successor", zombie)

    await bus.request("$JS.API.STREAM.MSG.DELETE.LOG", b'{"seq":%d}' % successor, 5.0)

    assert await bus.append("log.desk.risk.events", b"a decision on a stale state", zombie) == 3
    with pytest.raises(ConfigurationError, match="deny_purge: expected True, found False"):
        await bus.provision()


@pytest.mark.parametrize(
    ("verb", "code"), [(["up", "--no-web"], 3), (["doctor"], 1), (["run", "risk"], 3)]
)
async def test_no_verb_trades_on_such_a_stream(
    bus: JetStreamBus, one_server: ClusterLog, tmp_path: Path, verb: list[str], code: int
) -> None:
    await keep(bus, "CREATE", allow_msg_ttl=True)
    made = ["demo", "--no-web", "--json", "--bus", "memory", "--for", "0.1"]  # a folder for doctor
    dr(*made, "--data", str(tmp_path / "data"))

    ended = dr(*verb, "--nats", one_server.servers, "--data", str(tmp_path / "data"))

    record = ended.stdout + ended.stderr
    assert "allow_msg_ttl: expected nothing, found True" in record.replace("\n", " ")
    assert ended.returncode == code


def dr(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb of the program, in a process of its own."""
    command = [sys.executable, "-m", "deadreckon", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
