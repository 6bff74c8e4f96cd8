"""Nobody can put words into another's mouth, nor have the server keep readers without end."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deadreckon.node.producers import add_producer
from deadreckon.runtime.log.bus import DeniedError, UnavailableError
from deadreckon.runtime.log.connection import Connection
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.known_roles import KnownRoles
from deadreckon.runtime.server.nats_server import EmbeddedServer
from deadreckon.runtime.server.rights import own_roles
from deadreckon.runtime.server.server_files import ServerAddress
from tests.runtime.test_privileges import Everybody

ROLES = [*own_roles(KnownRoles()), "producer-evil", "producer-spy"]
OWNERS = {"provisioner", "keeper"}  # in the stream's account, under the API's own name
READS_AS = {"producer-spy": "producer-spy-0", "analyst": "analyst-0"}
FORGED = json.dumps({"signal_id": "v1", "outcome": "approved", "rule": "", "reason": "forged"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerAddress]:
    data = tmp_path_factory.mktemp("server")
    Folder(data).create()
    for name in ("evil", "victim"):
        add_producer(data, name, "desk", may_read=False)
    add_producer(data, "spy", "desk", may_read=True)
    async with EmbeddedServer(data) as server:
        maker = await server.address.endpoint.bus("provisioner")
        await maker.provision()
        await maker.close()
        yield server.address


@pytest_asyncio.fixture
async def everybody(address: ServerAddress) -> AsyncIterator[Everybody]:
    found = Everybody(address.endpoint)
    yield found
    await found.close()


def consumer(name: str, **more: object) -> bytes:
    config = {"name": name, "deliver_policy": "all", "ack_policy": "explicit", **more}
    return json.dumps({"stream_name": "LOG", "action": "create", "config": config}).encode()


async def forge(connection: Connection, role: str, victim: str) -> None:
    """Try all that a role may ask with the answer sent to a subject of another."""
    name = READS_AS.get(role, f"{role}-evil")
    place = consumer(name, ack_policy="none", deliver_policy="last")
    api = "$JS.API" if role in OWNERS else "jslog"
    own = [f"log.desk.in.{role.removeprefix('producer-')}", "log.desk.op.cli", "log.desk.op.stack"]
    requests = [
        *((subject, FORGED.encode()) for subject in own),
        (f"log.desk.{role}.events", FORGED.encode()),
        (f"log.shared.{role}.events", FORGED.encode()),
        ("turn.desk.risk", FORGED.encode()),
        ("standing.desk.risk", FORGED.encode()),
        (f"{api}.STREAM.INFO.LOG", b"{}"),
        (f"{api}.STREAM.MSG.GET.LOG", b'{"last_by_subj":"log.desk.in.evil"}'),
        (f"{api}.CONSUMER.CREATE.LOG.{name}", place),
        (f"{api}.CONSUMER.MSG.NEXT.LOG.{name}", b'{"batch":1,"expires":1000000000}'),
        (f"{api}.CONSUMER.DELETE.LOG.{name}", b""),
        (victim, FORGED.encode()),
    ]
    for subject, body in requests:
        await connection._publish(subject, body, victim, None)
        await connection.settle()


@pytest.mark.parametrize("role", [role for role in ROLES if role != "notifier"])
async def test_no_credential_can_have_anything_delivered_as_anothers_verdict(
    role: str, everybody: Everybody
) -> None:
    victim = await everybody.bus("producer-victim")
    notices = victim.listen("verdict.desk.victim")
    await notices.ready()
    evil = await everybody.bus("producer-evil")
    await evil.append("log.desk.in.evil", FORGED.encode())

    await forge((await everybody.bus(role))._connection, role, "verdict.desk.victim")

    # What the server was asked for before has been answered: the true notice comes alone.
    info = await (await everybody.bus("reader")).info()
    assert info.last
    await (await everybody.bus("notifier")).notify("verdict.desk.victim", b"true")
    assert await anext(notices) == b"true"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(notices), 0.3)


@pytest.mark.parametrize("role", sorted(READS_AS))
async def test_who_may_read_can_have_nothing_delivered_to_a_service(
    role: str, everybody: Everybody
) -> None:
    risk = await everybody.bus("risk")
    asked: list[bytes] = []

    async def answer(payload: bytes) -> bytes:
        asked.append(payload)
        return b"heard"

    await risk.serve("turn.desk.risk", answer)
    await forge((await everybody.bus(role))._connection, role, "turn.desk.risk")

    stack = await everybody.bus("stack")
    assert await stack.request("turn.desk.risk", b"true", 5.0) == b"heard"
    assert asked == [b"true"]
    assert risk.faults["reply_refused"] == 0


@pytest.mark.parametrize(
    "config",
    [
        {"inactive_threshold": 3_600_000_000_000},
        {"max_ack_pending": 1_001},
        {"inactive_threshold": 61_000_000_000, "durable_name": "analyst-1"},
    ],
)
async def test_a_reader_beyond_the_limits_is_refused(
    config: dict[str, object], everybody: Everybody
) -> None:
    connection = (await everybody.bus("analyst"))._connection
    subject = "jslog.CONSUMER.CREATE.LOG.analyst-1"
    made = await connection.request(subject, consumer("analyst-1", **config), 5.0)
    assert b"exceeds system limit" in made.payload


@pytest.mark.parametrize("role", ["analyst", "producer-spy", "risk", "operator"])
async def test_a_durable_reader_is_forgotten_like_any_other(
    role: str, everybody: Everybody
) -> None:
    connection = (await everybody.bus(role))._connection
    name = f"{role}-2"
    subject = f"jslog.CONSUMER.CREATE.LOG.{name}"
    made = await connection.request(subject, consumer(name, durable_name=name), 5.0)
    config = json.loads(made.payload)["config"]
    assert config["inactive_threshold"] == 60_000_000_000
    assert config["max_ack_pending"] == 1_000
    assert await (await everybody.bus("provisioner")).api.lasting_consumers() == []
    await connection.request(f"jslog.CONSUMER.DELETE.LOG.{name}", b"", 5.0)


@pytest.mark.parametrize("role", sorted(READS_AS))
async def test_readers_of_one_credential_are_no_more_than_it_has_names(
    role: str, everybody: Everybody
) -> None:
    """Whoever takes them all keeps its own credential out, and nobody else."""
    bus = await everybody.bus(role)
    connection = bus._connection
    for number in range(64):
        name = f"{role}-{number}"
        subject = f"jslog.CONSUMER.CREATE.LOG.{name}"
        answer = await connection.request(subject, consumer(name, mem_storage=True), 5.0)
        assert b'"error"' not in answer.payload
    with pytest.raises(DeniedError):
        await connection.request(f"jslog.CONSUMER.CREATE.LOG.{role}-64", consumer("x"), 5.0)
    with pytest.raises(UnavailableError, match="64 readers of this credential read at once"):
        await bus.read(0)
    other = await (await everybody.bus("reader")).read(0)
    assert await other.next(5.0)

    await connection.request(f"jslog.CONSUMER.DELETE.LOG.{role}-17", b"", 5.0)
    reader = await bus.read(0)
    assert await reader.next(5.0)
    for number in range(64):
        await connection.request(f"jslog.CONSUMER.DELETE.LOG.{role}-{number}", b"", 5.0)


async def test_two_readers_that_begin_alike_do_not_share_what_comes(everybody: Everybody) -> None:
    """Of one name the server would make one reader, and give each of them half of the log."""
    bus = await everybody.bus("analyst")
    ext = await everybody.bus("producer-evil")
    last = [await ext.append("log.desk.in.evil", b"{}") for _ in range(10)][-1]
    readers = await asyncio.gather(*(bus.read(0) for _ in range(12)))
    for reader in readers:
        found = 0
        while found < last:
            found += len(await reader.next(5.0))
        assert found == last
        await reader.close()
