"""One set of promises, kept by the log in memory and by the log on a real server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from deadreckon.contracts.subjects import domain
from deadreckon.runtime.log.bus import (
    Bus,
    ConfigurationError,
    DeniedError,
    Fence,
    FencedError,
    HoleError,
    LogInfo,
    Reader,
    Stored,
    TooLargeError,
    UnavailableError,
)
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.jetstream_reader import JetStreamReader
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog, MemoryReader
from deadreckon.runtime.log.stream import configuration, configuration_faults
from deadreckon.runtime.server.nats_server import EmbeddedServer
from deadreckon.runtime.server.rights import PROVISIONER
from tests.runtime.conftest import InMemory, LogStore, OnServer, server_with
from tests.support.ports import free_port

RISK = "log.desk.risk.events"
FILL = "log.desk.fill.events"
PATIENCE = 20.0  # seconds for what takes milliseconds: nothing here depends on speed


async def told(reader: Reader, count: int) -> list[Stored]:
    """The next `count` messages of a reader."""
    messages: list[Stored] = []
    async with asyncio.timeout(PATIENCE):
        while len(messages) < count:
            messages += await reader.next(1.0)
    assert len(messages) == count
    return messages


async def fill(bus: Bus, count: int) -> None:
    for number in range(1, count + 1):
        await bus.append(RISK, b"%d" % number)


@pytest.fixture
async def bus(place: LogStore) -> AsyncIterator[Bus]:
    opened = await place.open()
    yield opened
    await opened.close()


# Appending and reading


async def test_what_is_appended_is_read_in_order_with_sequences_from_one(bus: Bus) -> None:
    assert [await bus.append(subject, b"%d" % n) for n, subject in enumerate([RISK, FILL])] == [
        1,
        2,
    ]

    read = await told(await bus.read(0), 2)

    assert [(it.sequence, it.subject, it.payload) for it in read] == [
        (1, RISK, b"0"),
        (2, FILL, b"1"),
    ]


async def test_a_reader_begins_after_the_place_it_is_given(bus: Bus) -> None:
    await fill(bus, 5)

    assert [it.sequence for it in await told(await bus.read(3), 2)] == [4, 5]


async def test_a_reader_at_the_end_sees_what_is_appended_later(bus: Bus) -> None:
    await fill(bus, 2)
    reader = await bus.read(2)
    waiting = asyncio.create_task(told(reader, 1))
    await asyncio.sleep(0.01)

    await bus.append(FILL, b"late")

    assert (await waiting)[0].payload == b"late"


async def test_a_reader_returns_nothing_when_nothing_comes(bus: Bus) -> None:
    assert await (await bus.read(0)).next(0.02) == []


async def test_every_reader_reads_everything(place: LogStore, bus: Bus) -> None:
    readers = [await (await place.open()).read(0) for _ in range(5)]
    await fill(bus, 50)

    for reader in readers:
        assert [it.sequence for it in await told(reader, 50)] == list(range(1, 51))


async def test_a_closed_reader_says_so_to_who_waits_for_it(bus: Bus) -> None:
    reader = await bus.read(0)
    waiting = asyncio.create_task(reader.next(PATIENCE))
    await asyncio.sleep(0.01)

    await reader.close()
    await reader.close()

    with pytest.raises(UnavailableError):
        await waiting


async def test_a_reader_cannot_begin_behind_the_end_of_the_log(bus: Bus) -> None:
    await fill(bus, 3)

    with pytest.raises(HoleError, match="ends at 3"):
        await bus.read(4)


async def test_info_counts_what_the_log_holds(bus: Bus) -> None:
    assert await bus.info() == LogInfo(0, 0, 0, 0, 0)
    await fill(bus, 7)

    info = await bus.info()

    assert (info.first, info.last, info.messages, info.deleted) == (1, 7, 7, 0)
    assert info.bytes >= 7


async def test_a_subject_outside_the_log_is_a_mistake_of_the_caller(bus: Bus) -> None:
    with pytest.raises(ValueError, match="no subject of the log"):
        await bus.append("elsewhere.desk.risk.events", b"")


async def test_reopened_the_log_goes_on_where_it_was(place: LogStore) -> None:
    first = await place.open()
    await fill(first, 3)
    await first.close()

    second = await place.open()

    assert (await second.info()).last == 3
    assert await second.append(FILL, b"next", Fence(domain("desk", "fill"), 0)) == 4
    tail = await second.tail(domain("desk", "risk"))
    assert tail is not None
    assert (tail.sequence, tail.subject, tail.payload) == (3, RISK, b"3")
    assert [it.sequence for it in await told(await second.read(0), 4)] == [1, 2, 3, 4]


async def test_a_closed_bus_answers_nothing_more(place: LogStore) -> None:
    bus = await place.open()
    await bus.close()
    await bus.close()

    with pytest.raises(UnavailableError, match="closed"):
        await bus.append(RISK, b"")


# Fences


async def test_a_fence_lets_in_who_knows_the_last_sequence(bus: Bus) -> None:
    fence = domain("desk", "risk")

    assert await bus.append(RISK, b"1", Fence(fence, 0)) == 1
    assert await bus.append(FILL, b"other") == 2
    assert await bus.append("log.desk.risk.progress", b"2", Fence(fence, 1)) == 3
    assert await bus.append(RISK, b"3", Fence(fence, 3)) == 4


async def test_of_many_writers_with_one_token_exactly_one_gets_in(place: LogStore) -> None:
    writers = [await place.open() for _ in range(16)]
    fence = domain("desk", "risk")
    last = 0

    for turn in range(20):
        tries = [
            writer.append(RISK, b"%d by %d" % (turn, name), Fence(fence, last))
            for name, writer in enumerate(writers)
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        stored = [it for it in outcomes if isinstance(it, int)]
        fenced = [it for it in outcomes if isinstance(it, FencedError)]
        assert (len(stored), len(fenced)) == (1, 15)
        assert all(it.tail is not None and it.tail.sequence == stored[0] for it in fenced)
        last = stored[0]

    assert (await writers[0].info()).messages == 20


async def test_a_writer_with_an_old_token_is_shown_what_the_other_wrote(bus: Bus) -> None:
    fence = domain("desk", "risk")
    old = await bus.append(RISK, b"mine", Fence(fence, 0))
    await bus.append(RISK, b"the rival's", Fence(fence, old))

    with pytest.raises(
        FencedError, match=r"log\.desk\.risk\.>: expected last sequence 1, found 2"
    ) as e:
        await bus.append(RISK, b"too late", Fence(fence, old))

    assert e.value.tail is not None
    assert (e.value.tail.sequence, e.value.tail.payload) == (2, b"the rival's")
    assert (await bus.info()).messages == 2


async def test_a_fence_is_not_moved_by_another_domain(bus: Bus) -> None:
    last = await bus.append(RISK, b"mine", Fence(domain("desk", "risk"), 0))
    for subject in (FILL, "log.desk.risky.events", "log.other.risk.events"):
        await bus.append(subject, b"theirs")

    assert await bus.append(RISK, b"mine again", Fence(domain("desk", "risk"), last)) == 5


async def test_a_token_beyond_the_last_sequence_is_refused_too(bus: Bus) -> None:
    with pytest.raises(FencedError) as e:
        await bus.append(RISK, b"", Fence(domain("desk", "risk"), 5))

    assert e.value.tail is None


async def test_a_retry_of_what_was_stored_meets_its_own_message(bus: Bus) -> None:
    """No answer came, so the same bytes are sent with the same token: that is why it is safe."""
    fence = Fence(domain("desk", "risk"), 0)
    sequence = await bus.append(RISK, b"commit 7", fence)

    with pytest.raises(FencedError) as e:
        await bus.append(RISK, b"commit 7", fence)

    assert e.value.tail is not None
    assert (e.value.tail.sequence, e.value.tail.payload) == (sequence, b"commit 7")


async def test_the_tail_of_a_domain_is_its_last_message(bus: Bus) -> None:
    assert await bus.tail(domain("desk", "risk")) is None
    await fill(bus, 3)
    await bus.append(FILL, b"other")

    tail = await bus.tail(domain("desk", "risk"))

    assert tail is not None
    assert (tail.sequence, tail.payload) == (3, b"3")


async def test_a_message_is_found_by_its_sequence(bus: Bus) -> None:
    assert await bus.message(1) is None
    await fill(bus, 3)

    found = await bus.message(2)

    assert found is not None
    assert (found.sequence, found.payload) == (2, b"2")
    assert await bus.message(4) is None


# Size


async def test_the_largest_payload_is_stored_whole_and_one_byte_more_is_not(bus: Bus) -> None:
    fence = domain("desk", "risk")
    largest = os.urandom(bus.payload_max)

    with pytest.raises(TooLargeError, match=str(bus.payload_max)):
        await bus.append(RISK, largest + b"x", Fence(fence, 0))
    assert (await bus.info()).messages == 0
    assert await bus.append(RISK, largest, Fence(fence, 0)) == 1

    tail = await bus.tail(fence)
    assert tail is not None
    assert tail.payload == largest
    assert (await told(await bus.read(0), 1))[0].payload == largest


async def test_many_large_messages_arrive_though_no_order_can_hold_them(bus: Bus) -> None:
    for number in range(12):
        await bus.append(RISK, b"%d" % (number % 10) * 900_000)

    read = await told(await bus.read(0), 12)

    assert [it.payload[:1] for it in read] == [b"%d" % (number % 10) for number in range(12)]


@pytest.mark.slow
async def test_a_message_larger_than_an_order_is_read_as_well(tmp_path: Path) -> None:
    with server_with(tmp_path, "max_payload: 8388608") as url:
        bus = await JetStreamBus.connect(url)
        await bus.provision()
        await bus.append(RISK, b"small")
        await bus.append(RISK, bytes(bus.payload_max))
        await bus.append(RISK, b"small")
        reader = await bus.read(0)

        assert [len(it.payload) for it in await told(reader, 3)] == [5, bus.payload_max, 5]
        assert not [fault for fault in bus.faults if fault.startswith("reader")]
        await bus.close()


# Notices and requests


async def test_a_notice_reaches_all_who_listen_and_nobody_else(place: LogStore, bus: Bus) -> None:
    other = await place.open()
    listeners = [bus.listen("verdict.desk.ann"), other.listen("verdict.desk.*")]
    stranger = other.listen("verdict.desk.bob")
    for notices in (*listeners, stranger):
        await notices.ready()

    await bus.notify("verdict.desk.ann", b"refused")
    await bus.notify("verdict.desk.bob", b"for bob")

    async with asyncio.timeout(PATIENCE):
        assert [await anext(notices) for notices in listeners] == [b"refused", b"refused"]
        assert await anext(stranger) == b"for bob"


async def test_notices_end_when_they_are_closed(bus: Bus) -> None:
    notices = bus.listen("verdict.desk.ann")
    await notices.ready()
    heard = asyncio.create_task(_all(notices))
    await bus.notify("verdict.desk.ann", b"1")
    await bus.notify("verdict.desk.ann", b"2")
    await asyncio.sleep(0.05)

    await notices.close()

    assert await heard == [b"1", b"2"]


async def _all(notices: AsyncIterator[bytes]) -> list[bytes]:
    return [payload async for payload in notices]


async def test_a_request_is_answered_by_who_serves_it(place: LogStore, bus: Bus) -> None:
    async def answer(payload: bytes) -> bytes:
        return b"turn " + payload

    await (await place.open()).serve("turn.desk.risk", answer)

    assert await bus.request("turn.desk.risk", b"7", PATIENCE) == b"turn 7"


async def test_a_request_that_nobody_serves_fails_at_once(bus: Bus) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(UnavailableError, match=r"nobody answers on turn\.desk\.risk"):
            await bus.request("turn.desk.risk", b"", 10 * PATIENCE)


async def test_a_request_that_is_not_answered_in_time_fails(bus: Bus) -> None:
    never = asyncio.Event()

    async def answer(payload: bytes) -> bytes:
        await never.wait()
        return payload

    await bus.serve("turn.desk.risk", answer)

    with pytest.raises(UnavailableError, match=r"within 0\.05 seconds"):
        await bus.request("turn.desk.risk", b"", 0.05)


async def test_requests_are_answered_one_after_the_other(bus: Bus) -> None:
    course: list[str] = []

    async def answer(payload: bytes) -> bytes:
        course.append(f"begin {payload.decode()}")
        await asyncio.sleep(0.001)
        course.append(f"end {payload.decode()}")
        return payload

    await bus.serve("turn.desk.risk", answer)
    await asyncio.gather(*(bus.request("turn.desk.risk", b"%d" % n, PATIENCE) for n in range(3)))

    assert course == [f"{what} {n}" for n in range(3) for what in ("begin", "end")]


async def test_a_bug_in_an_answer_comes_out_of_the_bus(bus: Bus) -> None:
    async def answer(payload: bytes) -> bytes:
        raise ZeroDivisionError(payload)

    await bus.serve("turn.desk.risk", answer)

    with pytest.raises(ZeroDivisionError):
        await _asked_until_it_fails(bus)


async def test_a_bug_in_an_answer_ends_who_only_reads(on_server: OnServer) -> None:
    bus = await on_server.open()

    async def answer(payload: bytes) -> bytes:
        raise ZeroDivisionError(payload)

    await bus.serve("turn.desk.risk", answer)
    reading = asyncio.ensure_future((await bus.read(0)).next(10 * PATIENCE))

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(UnavailableError):
            await (await on_server.connect()).request("turn.desk.risk", b"", 0.1)
        with pytest.raises(ZeroDivisionError):
            await reading


async def _asked_until_it_fails(bus: Bus) -> None:
    while True:
        try:
            await bus.request("turn.desk.risk", b"", 0.1)
        except UnavailableError:
            await asyncio.sleep(0)


# Holes


async def test_a_damaged_list_is_read_up_to_the_hole_and_no_further(in_memory: InMemory) -> None:
    bus = await in_memory.open()
    await fill(bus, 10)
    del in_memory.log.messages[4]
    reader = await bus.read(0)

    assert [it.sequence for it in await told(reader, 4)] == [1, 2, 3, 4]
    for _ in range(2):
        with pytest.raises(HoleError, match="continues with 6; 5 is missing"):
            await reader.next(0.01)
    assert (await bus.info()).deleted == 1


async def test_a_reader_in_memory_cannot_begin_inside_a_hole() -> None:
    log = MemoryLog([Stored(1, RISK, b""), Stored(4, RISK, b"")])

    with pytest.raises(HoleError, match="2 is missing"):
        await MemoryReader(log, 1).next(0.01)


async def test_a_message_lost_on_the_way_is_fetched_again(
    on_server: OnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await on_server.open()
    await fill(bus, 100)
    lost = _lose(monkeypatch, {20, 21, 22, 60, 100})
    reader = await bus.read(0)

    await bus.append(RISK, b"101")

    assert [it.sequence for it in await told(reader, 101)] == list(range(1, 102))
    assert lost == []
    assert bus.faults["reader_hole"] >= 1


def _lose(monkeypatch: pytest.MonkeyPatch, sequences: set[int]) -> list[int]:
    """Each of these messages is lost the first time it comes."""
    left = sorted(sequences)
    hear = JetStreamReader._hear

    def hear_some(
        reader: JetStreamReader, subject: bytes, reply: bytes, payload: bytes, headers: bytes
    ) -> None:
        if reply and int(reply.split(b".")[5]) in left:
            left.remove(int(reply.split(b".")[5]))
        else:
            hear(reader, subject, reply, payload, headers)

    monkeypatch.setattr(JetStreamReader, "_hear", hear_some)
    return left


async def test_a_hole_that_stays_is_named_and_never_read_over(on_server: OnServer) -> None:
    bus = await on_server.connect()
    await _create(bus, deny_delete=False)
    await fill(bus, 10)
    await bus.request("$JS.API.STREAM.MSG.DELETE.LOG", b'{"seq":5}', PATIENCE)
    reader = await bus.read(0)

    assert [it.sequence for it in await told(reader, 4)] == [1, 2, 3, 4]
    for _ in range(2):
        with pytest.raises(HoleError, match="continues with 6; 5 is missing"):
            await told(reader, 1)
    assert (await bus.info()).deleted == 1


async def test_a_log_that_lost_its_beginning_cannot_be_read_from_there(on_server: OnServer) -> None:
    bus = await on_server.connect()
    await _create(bus, deny_purge=False)
    await fill(bus, 10)
    await bus.request("$JS.API.STREAM.PURGE.LOG", b'{"seq":4}', PATIENCE)

    with pytest.raises(HoleError, match="begins with 4; 1 is missing"):
        await bus.read(0)
    assert len(await told(await bus.read(3), 7)) == 7


async def _create(bus: JetStreamBus, **differences: object) -> None:
    wanted = msgspec.json.encode({**configuration("LOG", 1), **differences})
    reply = await bus.request("$JS.API.STREAM.CREATE.LOG", wanted, PATIENCE)
    assert b'"error"' not in reply


async def test_a_reader_whose_consumer_was_deleted_goes_on(on_server: OnServer) -> None:
    bus = await on_server.open()
    await fill(bus, 3)
    reader = await bus.read(0)
    assert len(await told(reader, 3)) == 3

    listed = await bus.request("$JS.API.CONSUMER.NAMES.LOG", b"", PATIENCE)
    (name,) = msgspec.json.decode(listed)["consumers"]
    await bus.request(f"$JS.API.CONSUMER.DELETE.LOG.{name}", b"", PATIENCE)
    await bus.append(RISK, b"4")

    assert (await told(reader, 1))[0].sequence == 4


async def test_who_stops_waiting_leaves_the_connection_as_it_was(on_server: OnServer) -> None:
    bus = await on_server.open()

    async def answer(payload: bytes) -> bytes:
        return payload

    for number in range(30):  # so that each is given up in the midst of every one of its steps
        waiting = [
            asyncio.ensure_future(bus.read(0)),
            asyncio.ensure_future(bus.serve("turn.desk.risk", answer)),
            asyncio.ensure_future(bus.append(RISK, b"x")),
        ]
        await asyncio.sleep(number * 0.0002)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async with asyncio.timeout(2.0):
        await bus.append(RISK, b"x")
    assert bus.faults == {}


async def test_a_closed_reader_leaves_nothing_on_the_server(on_server: OnServer) -> None:
    bus = await on_server.open()
    readers = [await bus.read(0) for _ in range(3)]
    for reader in readers:
        await reader.close()

    listed = await bus.request("$JS.API.CONSUMER.NAMES.LOG", b"", PATIENCE)

    assert msgspec.json.decode(listed)["total"] == 0


@pytest.mark.slow
async def test_a_hundred_thousand_messages_are_read_without_a_hole(tmp_path: Path) -> None:
    with server_with(tmp_path, "") as url:  # one that does not sync each of them to the disk
        bus = await JetStreamBus.connect(url)
        await bus.provision()
        reader = await bus.read(0)
        writing = asyncio.create_task(_flood(bus, 100_000))

        expected = 0
        async with asyncio.timeout(3 * PATIENCE):
            while expected < 100_000:
                for stored in await reader.next(1.0):
                    expected += 1
                    assert stored.sequence == expected
            await writing
        assert bus.faults["reader_hole"] == 0
        await bus.close()


async def _flood(bus: JetStreamBus, count: int) -> None:
    """Messages without waiting for each to be stored, a thousand at a time."""
    for begin in range(0, count, 1_000):
        for number in range(begin, begin + 999):
            await bus.notify(RISK, b"%d" % number)
        await bus.append(RISK, b"%d" % (begin + 999))


# The stream


async def test_provisioning_twice_changes_nothing(on_server: OnServer) -> None:
    bus = await on_server.open()
    await fill(bus, 2)

    await bus.provision()
    await (await on_server.open()).provision()

    assert (await bus.info()).messages == 2


async def test_a_stream_of_an_older_program_is_brought_up_to_date(on_server: OnServer) -> None:
    bus = await on_server.connect()
    await _create(bus, duplicate_window=120_000_000_000, consumer_limits=None)
    await bus.provision()
    await fill(bus, 2)
    durable = {"durable_name": "old", "ack_policy": "explicit"}
    await bus.api.create_consumer("old", durable)
    reader = await bus.read(0)
    assert await bus.api.lasting_consumers() == ["old"]

    await bus.bring_up_to_date()

    assert await bus.api.lasting_consumers() == []
    assert len(await reader.next(5.0)) == 2
    found = await bus.api.configuration()
    assert found is not None
    assert found["duplicate_window"] == 100_000_000
    assert found["consumer_limits"] == {
        "inactive_threshold": 60_000_000_000,
        "max_ack_pending": 1_000,
    }
    assert configuration_faults(found) == []
    assert (await bus.info()).messages == 2


async def test_a_new_stream_has_the_shortest_window_for_duplicates(on_server: OnServer) -> None:
    bus = await on_server.open()
    found = await bus.api.configuration()
    assert found is not None
    assert found["duplicate_window"] == 100_000_000


async def test_a_stream_that_differs_is_reported_field_by_field_and_left_alone(
    on_server: OnServer,
) -> None:
    bus = await on_server.connect()
    await _create(bus, deny_purge=False, allow_rollup_hdrs=True, max_age=3_600_000_000_000)

    for _ in range(2):
        with pytest.raises(ConfigurationError) as e:
            await bus.provision()
        assert "deny_purge: expected True, found False" in str(e.value)
        assert "allow_rollup_hdrs: expected nothing, found True" in str(e.value)
        assert "max_age: expected 0, found 3600000000000" in str(e.value)


async def test_fewer_replicas_than_asked_for_are_reported(on_server: OnServer) -> None:
    await on_server.open()
    bus = await JetStreamBus.connect(on_server.url, replicas=3)

    with pytest.raises(ConfigurationError, match="num_replicas: expected 3, found 1"):
        await bus.provision()
    await bus.close()


def test_the_configuration_we_create_has_no_faults() -> None:
    assert configuration_faults(configuration("LOG", 1)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_age", 1),
        ("max_msgs", 1_000_000),
        ("max_bytes", 1_000_000),
        ("max_msgs_per_subject", 1),
        ("max_msg_size", 1_000),
        ("deny_delete", False),
        ("deny_purge", False),
        ("allow_rollup_hdrs", True),
        ("allow_msg_ttl", True),
        ("allow_msg_schedules", True),
        ("subject_delete_marker_ttl", 1),
        ("retention", "workqueue"),
        ("storage", "memory"),
        ("subjects", ["log.>", "else.>"]),
        ("sealed", True),
        ("no_ack", True),
        ("persist_mode", "async"),
        ("mirror", {"name": "OTHER"}),
        ("sources", [{"name": "OTHER"}]),
        ("subject_transform", {"src": "log.>", "dest": "x.>"}),
        ("consumer_limits", {"max_ack_pending": 1}),
    ],
)
def test_whatever_lets_a_message_vanish_or_change_is_a_fault(field: str, value: object) -> None:
    (fault,) = configuration_faults({**configuration("LOG", 1), field: value})

    assert fault.startswith(f"{field}: ")
    assert repr(value) in fault


def test_a_limit_that_is_left_out_is_none() -> None:
    left_out = {k: v for k, v in configuration("LOG", 1).items() if not k.startswith("max_")}

    assert configuration_faults(left_out) == []


# Who may do what


async def test_a_wrong_password_is_named_as_such(tmp_path: Path) -> None:
    with (
        server_with(tmp_path, PERMISSIONS) as url,
        pytest.raises(DeniedError, match="does not know this user"),
    ):
        await JetStreamBus.connect(url, user="all", password="wrong")


async def test_nobody_there_is_named_as_such() -> None:
    with pytest.raises(UnavailableError, match=r"no NATS server answers within 0.3 seconds"):
        await JetStreamBus.connect(f"nats://127.0.0.1:{free_port()}", wait=0.3)


PERMISSIONS = """
authorization { users: [
  { user: all, password: secret },
  { user: Risk, password: secret, permissions: {
      publish: { allow: ["log.Desk.risk.>", "$JS.API.STREAM.INFO.LOG"] },
      subscribe: { allow: ["_INBOX.risk.>"] } } } ] }
"""


@pytest.mark.slow
async def test_what_a_user_may_not_do_is_denied_at_once_and_by_name(tmp_path: Path) -> None:
    with server_with(tmp_path, PERMISSIONS) as url:
        admin = await JetStreamBus.connect(url, user="all", password="secret")
        await admin.provision()
        bus = await JetStreamBus.connect(
            url, user="Risk", password="secret", inbox_prefix="_INBOX.risk"
        )
        assert await bus.append("log.Desk.risk.events", b"", Fence("log.Desk.risk.>", 0)) == 1
        async with asyncio.timeout(1.0):
            with pytest.raises(DeniedError, match=r"log\.Desk\.fill\.events"):
                await bus.append("log.Desk.fill.events", b"")
            with pytest.raises(DeniedError, match=r"CONSUMER\.CREATE"):
                await bus.read(0)
            with pytest.raises(DeniedError, match=r"verdict\.>"):
                await bus.listen("verdict.>").ready()
        assert await bus.append("log.Desk.risk.events", b"", Fence("log.Desk.risk.>", 1)) == 2

        with pytest.raises(DeniedError, match="_INBOX"):  # without its own inbox it hears nothing
            await JetStreamBus.connect(url, user="Risk", password="secret")
        await bus.close()
        await admin.close()


async def test_an_answer_goes_to_inboxes_only(on_server: OnServer) -> None:
    """Else a caller could have a service store something with the service's rights."""
    bus = await on_server.open()

    async def answer(payload: bytes) -> bytes:
        return payload

    await bus.serve("turn.desk.risk", answer)
    asker = await on_server.connect()
    await asker._connection.publish("turn.desk.risk", b"evil", RISK)
    assert await asker.request("turn.desk.risk", b"good", PATIENCE) == b"good"

    assert (await bus.info()).messages == 0
    assert bus.faults["reply_refused"] == 1


# The server dies


@pytest.mark.slow
async def test_a_killed_server_loses_nothing_and_reader_and_writer_go_on(tmp_path: Path) -> None:
    port = free_port()
    server = EmbeddedServer(tmp_path, port=port)
    address = await server.start()
    maker = await address.endpoint.bus(PROVISIONER)
    await maker.provision()
    await maker.close()
    bus = await address.endpoint.bus("risk")
    reader = await bus.read(0)
    acknowledged: list[bytes] = []
    writing = asyncio.create_task(_write(bus, acknowledged, 600))
    reading = asyncio.create_task(told(reader, 600))

    for _ in range(3):
        await _grown(acknowledged, by=60)
        os.kill(server.address.pid, signal.SIGKILL)
        async with asyncio.timeout(2 * PATIENCE):
            await server.died.wait()
        server = EmbeddedServer(tmp_path, port=port)
        await server.start()
    async with asyncio.timeout(2 * PATIENCE):
        await writing

    read = await reading
    assert [it.sequence for it in read] == list(range(1, 601))
    assert [it.payload for it in read] == acknowledged
    assert bus.faults["reader_reconnected"] >= 3
    await bus.close()
    await server.stop()


async def _grown(acknowledged: list[bytes], by: int) -> None:
    goal = len(acknowledged) + by
    async with asyncio.timeout(2 * PATIENCE):
        while len(acknowledged) < goal:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def _write(bus: Bus, acknowledged: list[bytes], count: int) -> None:
    """As a service does: the same bytes and token until there is an answer."""
    fence, last = domain("desk", "risk"), 0
    for number in range(count):
        payload = b"commit %d" % number
        last = await _append(bus, payload, Fence(fence, last))
        acknowledged.append(payload)


async def _append(bus: Bus, payload: bytes, fence: Fence) -> int:
    while True:
        try:
            return await bus.append(RISK, payload, fence)
        except UnavailableError:
            await asyncio.sleep(0.02)
        except FencedError as refusal:
            if refusal.tail is None or refusal.tail.payload != payload:
                raise
            return refusal.tail.sequence


async def test_buses_in_memory_that_share_a_log_share_everything() -> None:
    log = MemoryLog()
    one, other = MemoryBus(log), MemoryBus(log)

    assert [await one.append(RISK, b""), await other.append(RISK, b"")] == [1, 2]
