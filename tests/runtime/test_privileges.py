"""Who may do what: every credential tries every kind of subject, on a server as a stack starts it.

What is expected stands here once more, in words of its own, not taken from the table of rights.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deadreckon.contracts.publishers import SERVICES
from deadreckon.node.producers import add_producer
from deadreckon.runtime.log.bus import DeniedError, Fence
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import Credential
from deadreckon.runtime.server.endpoint import Endpoint
from deadreckon.runtime.server.known_roles import KnownRoles
from deadreckon.runtime.server.nats_server import EmbeddedServer
from deadreckon.runtime.server.nkeys import new_seed
from deadreckon.runtime.server.rights import own_roles
from deadreckon.runtime.server.server_files import ServerAddress, change_known_roles

EDGES = ("venue-a", "venue-b")
WRITERS = [*(name for name in SERVICES if name != "venue-*"), *EDGES]
ROLES = [*own_roles(KnownRoles(venues=EDGES)), "producer-ext", "producer-trusted"]
READERS = {*WRITERS, "stack", "reader", "operator", "analyst", "producer-trusted"}
BOUNDED = {"analyst", "producer-trusted"}  # whose readers have names that are given
NOBODY: set[str] = set()

PUBLISHERS: dict[str, set[str]] = {
    # Domains: one writer each, in the books of this folder alone.
    **{
        f"log.desk.{name}.{kind}": {name}
        for name in WRITERS
        if name not in ("market", "clock", "sealer", "verifier")
        for kind in ("events", "progress")
    },
    "log.shared.market.events": {"market"},
    "log.shared.market.progress": {"market"},
    "log.shared.clock.events": {"clock"},
    "log.shared.sealer.events": {"sealer"},
    "log.shared.verifier.events": {"verifier"},
    "log.desk.market.events": NOBODY,
    "log.shared.risk.events": NOBODY,
    "log.other.risk.events": NOBODY,
    "log.desk.risk.anything": NOBODY,
    "log.desk.unheard-of.events": NOBODY,
    "log.desk.venue-c.events": NOBODY,  # nobody configured it
    # Doors.
    "log.desk.in.ext": {"producer-ext"},
    "log.desk.in.trusted": {"producer-trusted"},
    "log.desk.in.cli": {"producer-cli"},
    "log.desk.in.nobody": NOBODY,
    "log.other.in.ext": NOBODY,
    "log.desk.op.cli": {"operator"},
    "log.desk.op.stack": {"stack"},
    "log.desk.op.demo": {"stack"},
    "log.desk.op.supervisor": {"stack"},
    "log.desk.op.ext": NOBODY,
    # What nobody stores.
    "verdict.desk.ext": {"notifier"},
    "turn.desk.risk": {"stack"},
    "standing.desk.risk": {"risk", "stack", "operator"},
    "standing.desk.fill": {"fill", "stack", "operator"},
    "standing.desk.signal": {"signal", "stack", "operator"},
    "_INBOX.stack.x": {*WRITERS} - {"market", "clock", "sealer", "verifier"},
    "_INBOX.operator.x": {*WRITERS} - {"market", "clock", "sealer", "verifier"},
    "_INBOX.risk.x": {"risk"},
    "_INBOX.reader.x": NOBODY,
    "_INBOX.producer-ext.x": NOBODY,
    "_INBOX.x": NOBODY,
    # Reading the log.
    "jslog.STREAM.INFO.LOG": READERS,
    "jslog.STREAM.MSG.GET.LOG": READERS,
    "jslog.CONSUMER.CREATE.LOG.x": READERS - BOUNDED,
    "jslog.CONSUMER.MSG.NEXT.LOG.x": READERS - BOUNDED,
    "jslog.CONSUMER.DELETE.LOG.x": READERS - BOUNDED,
    "jslog.CONSUMER.CREATE.LOG.analyst-63": READERS - {"producer-trusted"},
    "jslog.CONSUMER.MSG.NEXT.LOG.analyst-63": READERS - {"producer-trusted"},
    "jslog.CONSUMER.DELETE.LOG.analyst-63": READERS - {"producer-trusted"},
    "jslog.CONSUMER.CREATE.LOG.analyst-64": READERS - BOUNDED,
    "jslog.CONSUMER.CREATE.LOG.producer-trusted-0": READERS - {"analyst"},
    "jslog.CONSUMER.DELETE.LOG.producer-trusted-0": READERS - {"analyst"},
    "jslog.CONSUMER.CREATE.LOG.x.log.desk.in.ext": NOBODY,
    "jslog.CONSUMER.NAMES.LOG": NOBODY,
    "jslog.CONSUMER.DURABLE.CREATE.LOG.x": NOBODY,
    "jslog.STREAM.DELETE.LOG": NOBODY,
    "jslog.DIRECT.GET.LOG": NOBODY,
    # JetStream itself.
    "$JS.API.STREAM.CREATE.LOG": {"provisioner"},
    "$JS.API.STREAM.UPDATE.LOG": {"provisioner"},
    "$JS.API.STREAM.INFO.LOG": {"provisioner", "keeper"},
    "$JS.API.STREAM.SNAPSHOT.LOG": {"keeper"},
    "$JS.API.STREAM.RESTORE.LOG": {"keeper"},
    "$JS.API.STREAM.MSG.GET.LOG": {"keeper"},
    "$JS.API.CONSUMER.CREATE.LOG.x": {"keeper"},
    "$JS.API.CONSUMER.MSG.NEXT.LOG.x": {"keeper"},
    "$JS.API.CONSUMER.DELETE.LOG.x": {"keeper", "provisioner"},
    "$JS.API.CONSUMER.LIST.LOG": {"provisioner"},
    "$JS.API.STREAM.DELETE.LOG": NOBODY,
    "$JS.API.STREAM.PURGE.LOG": NOBODY,
    "$JS.API.STREAM.MSG.DELETE.LOG": NOBODY,
    "$JS.API.STREAM.CREATE.OTHER": NOBODY,
    "$JS.API.STREAM.LEADER.STEPDOWN.LOG": NOBODY,
    "$JS.API.DIRECT.GET.LOG": NOBODY,
    "$JS.API.INFO": NOBODY,
    "$JS.ACK.LOG.x": NOBODY,
    "$SYS.REQ.SERVER.PING": NOBODY,
    "anything": NOBODY,
}

HEARERS: dict[str, set[str]] = {
    **{f"_INBOX.{role}.>": {role} for role in ROLES},
    "verdict.desk.ext": {"producer-ext"},
    "verdict.desk.trusted": {"producer-trusted"},
    "verdict.desk.*": NOBODY,
    "turn.desk.risk": {"risk"},
    "standing.desk.risk": {"risk"},
    "turn.>": NOBODY,
    "log.desk.in.ext": NOBODY,
    "log.desk.in.*": NOBODY,
    "log.>": NOBODY,
    "jslog.>": NOBODY,
    "_INBOX.>": NOBODY,
    "_INBOX.*.x": NOBODY,
    "_R_.>": NOBODY,
    "$JS.>": NOBODY,
    "$SYS.>": NOBODY,
    ">": NOBODY,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerAddress]:
    data = tmp_path_factory.mktemp("server")
    Folder(data).create()
    change_known_roles(Folder(data), lambda known: known.with_venue("venue-a"))
    change_known_roles(Folder(data), lambda known: known.with_venue("venue-b"))
    add_producer(data, "ext", "desk", may_read=False)
    add_producer(data, "trusted", "desk", may_read=True)
    async with EmbeddedServer(data) as server:
        maker = await server.address.endpoint.bus("provisioner")
        await maker.provision()
        await maker.close()
        yield server.address


class Everybody:
    """Connections in any role, closed in the end."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._entrance = endpoint
        self._buses: list[JetStreamBus] = []

    async def bus(self, role: str) -> JetStreamBus:
        bus = await self._entrance.bus(role)
        self._buses.append(bus)
        return bus

    async def last(self) -> int:
        """The log's last sequence."""
        return (await (await self.bus("reader")).info()).last

    async def reach(self, after: int, count: int) -> None:
        """Wait until so many messages follow one: who published did not wait for an answer."""
        reader = await (await self.bus("reader")).read(after)
        found = 0
        async with asyncio.timeout(60):
            while found < count:
                found += len(await reader.next(5))
        await reader.close()

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()


@pytest_asyncio.fixture
async def everybody(address: ServerAddress) -> AsyncIterator[Everybody]:
    found = Everybody(address.endpoint)
    yield found
    await found.close()


async def published(bus: JetStreamBus, subjects: list[str]) -> list[str]:
    """Publish to each of these; the ones that the server denied."""
    connection = bus._connection
    for subject in subjects:
        await connection.publish(subject, b"{}")
    await connection.settle()
    return [subject for subject in subjects if subject.lower() in connection._denied]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_publishes_what_is_its_own_and_nothing_else(
    role: str, everybody: Everybody
) -> None:
    bus = await everybody.bus(role)
    forbidden = [subject for subject, roles in PUBLISHERS.items() if role not in roles]
    allowed = [subject for subject, roles in PUBLISHERS.items() if role in roles]
    before = await everybody.last()

    assert await published(bus, forbidden) == forbidden
    assert await everybody.last() == before
    assert await published(bus, allowed) == []
    stored = sum(subject.startswith("log.") for subject in allowed)
    await everybody.reach(before, stored)
    assert await everybody.last() == before + stored


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_hears_what_is_its_own_and_nothing_else(
    role: str, everybody: Everybody
) -> None:
    connection = (await everybody.bus(role))._connection
    heard = set()
    for subject in HEARERS:
        try:
            await connection.subscribe(subject, _ignore)
        except DeniedError:
            continue
        heard.add(subject)
    assert heard == {subject for subject, roles in HEARERS.items() if role in roles}


async def _ignore(_: object) -> None:
    """Hear, and do nothing."""


async def test_who_is_denied_is_told_so_at_once_and_nothing_is_stored(
    everybody: Everybody,
) -> None:
    before = await everybody.last()
    ext = await everybody.bus("producer-ext")
    async with asyncio.timeout(1.0):
        with pytest.raises(DeniedError, match=r"log\.desk\.in\.trusted"):
            await ext.append("log.desk.in.trusted", b"{}")
        with pytest.raises(DeniedError, match=r"log\.desk\.risk\.events"):
            await ext.append("log.desk.risk.events", b"{}", Fence("log.desk.risk.>", before))
        with pytest.raises(DeniedError, match=r"verdict\.desk\.trusted"):
            await ext.listen("verdict.desk.trusted").ready()
        with pytest.raises(DeniedError, match=r"STREAM\.INFO"):
            await ext.read(0)
    assert await everybody.last() == before
    assert await ext.append("log.desk.in.ext", b"{}") == before + 1  # and it goes on


async def test_a_venue_edge_cannot_write_in_the_domain_of_another_venue(
    everybody: Everybody,
) -> None:
    edge = await everybody.bus("venue-a")
    before = await everybody.last()
    with pytest.raises(DeniedError, match=r"log\.desk\.venue-b\.events"):
        await edge.append("log.desk.venue-b.events", b"{}", Fence("log.desk.venue-b.>", 0))
    with pytest.raises(DeniedError, match=r"log\.desk\.venue-c\.events"):
        await edge.append("log.desk.venue-c.events", b"{}", Fence("log.desk.venue-c.>", 0))
    assert await everybody.last() == before
    assert await edge.append("log.desk.venue-a.events", b"{}") == before + 1


async def test_a_notice_to_a_forbidden_subject_is_an_error_the_next_time(
    everybody: Everybody,
) -> None:
    risk = await everybody.bus("risk")
    await risk.notify("verdict.desk.ext", b"approved, honestly")
    await risk._connection.settle()
    with pytest.raises(DeniedError, match=r"verdict\.desk\.ext"):
        await risk.notify("verdict.desk.ext", b"approved, honestly")


@pytest.mark.parametrize("role", sorted(READERS))
async def test_who_may_read_can_have_nothing_stored_by_naming_where_answers_go(
    role: str, everybody: Everybody
) -> None:
    """In one account with the stream this writes: replies are not asked for their rights."""
    connection = (await everybody.bus(role))._connection
    before = await everybody.last()
    name = f"{role}-0"
    place = {"name": name, "deliver_policy": "all", "ack_policy": "none", "mem_storage": True}
    signal = {"stream_name": "LOG", "action": "create", "config": place}
    requests = {
        "jslog.STREAM.INFO.LOG": {},
        "jslog.STREAM.MSG.GET.LOG": {"seq": 1},
        f"jslog.CONSUMER.CREATE.LOG.{name}": signal,
        f"jslog.CONSUMER.MSG.NEXT.LOG.{name}": {"batch": 1, "no_wait": True},
    }
    for victim in ("log.desk.risk.events", "log.desk.in.ext", "log.desk.op.cli"):
        for subject, body in requests.items():
            await connection.publish(subject, json.dumps(body).encode(), victim)
    await connection.settle(*requests)
    await connection.request(f"jslog.CONSUMER.DELETE.LOG.{name}", b"", 2.0)
    assert await everybody.last() == before


@pytest.mark.parametrize(
    "target", ["$JS.API.STREAM.DELETE.LOG", "$JS.API.STREAM.PURGE.LOG", "log.desk.risk.events"]
)
async def test_the_log_cannot_be_made_to_send_itself_orders(
    target: str, everybody: Everybody
) -> None:
    """A consumer that pushes empty messages where only the stream's owners may publish."""
    await (await everybody.bus("producer-cli")).append("log.desk.in.cli", b"")
    connection = (await everybody.bus("analyst"))._connection
    before = await everybody.last()
    place = {
        "name": "analyst-0",
        "deliver_policy": "all",
        "ack_policy": "none",
        "mem_storage": True,
        "deliver_subject": target,
    }
    signal = {"stream_name": "LOG", "action": "create", "config": place}
    await connection.request(
        "jslog.CONSUMER.CREATE.LOG.analyst-0", json.dumps(signal).encode(), 2.0
    )
    await (await everybody.bus("producer-cli")).append("log.desk.in.cli", b"")
    await connection.request("jslog.CONSUMER.DELETE.LOG.analyst-0", b"", 2.0)

    found = await (await everybody.bus("reader")).info()
    assert (found.first, found.last, found.deleted) == (1, before + 1, 0)


async def test_a_service_cannot_be_made_to_answer_into_the_log(everybody: Everybody) -> None:
    """Who asks chooses where the answer goes: the server lets it go to those who may ask."""
    risk = await everybody.bus("risk")
    before = await everybody.last()

    async def answer(payload: bytes) -> bytes:
        return payload

    await risk.serve("turn.desk.risk", answer)
    stack = await everybody.bus("stack")
    for victim in ("log.desk.risk.events", "log.desk.op.stack", "_INBOX.reader.x"):
        await stack._connection.publish("turn.desk.risk", b"evil", victim)
    assert await stack.request("turn.desk.risk", b"good", 2.0) == b"good"
    assert await everybody.last() == before


async def test_a_producer_hears_its_own_verdicts(everybody: Everybody) -> None:
    notices = (await everybody.bus("producer-ext")).listen("verdict.desk.ext")
    await notices.ready()
    notifier = await everybody.bus("notifier")
    await notifier.notify("verdict.desk.trusted", b"not for you")
    await notifier.notify("verdict.desk.ext", b"for you")
    assert await anext(notices) == b"for you"


async def test_nobody_comes_in_without_a_key_that_is_known(address: ServerAddress) -> None:
    with pytest.raises(DeniedError):
        await JetStreamBus.connect(address.url, wait=2.0)
    with pytest.raises(DeniedError):
        await JetStreamBus.connect(address.url, user="deadreckon", password="", wait=2.0)
    stranger = Credential("risk", new_seed())
    with pytest.raises(DeniedError):
        await JetStreamBus.connect(address.url, credential=stranger, wait=2.0)


def test_clients_and_monitoring_are_served_on_loopback_alone(address: ServerAddress) -> None:
    assert address.url.startswith("nats://127.0.0.1:")
    assert address.monitoring.startswith("http://127.0.0.1:")
