"""What the fences of this program rest on, asked of the server itself: on one, and on three."""

import asyncio

import pytest

from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.subjects import commit_subject, domain
from deadreckon.runtime.log.bus import Bus, Fence, FencedError, UnavailableError
from deadreckon.runtime.log.domain import Domain, FencedOutError, retry
from deadreckon.runtime.log.jetstream import FENCE_FILTER, FENCE_LAST, JetStreamBus
from deadreckon.runtime.log.jetstream_api import Acknowledgement, JetStreamApi
from tests.cluster.conftest import ClusterLog

RISK = domain("desk", "risk")
EVENTS = commit_subject("desk", "risk", "events")
PROGRESS = commit_subject("desk", "risk", "progress")
ELSEWHERE = commit_subject("desk", "fill", "events")

WRITERS = 16
ROUNDS = 25
WRONG_LAST_SEQUENCE = 10071
SEQUENCE_MISSING = 10193  # a filter without a sequence


async def raw(
    bus: JetStreamBus, subject: str, payload: bytes, headers: dict[str, str]
) -> Acknowledgement:
    """What the server says to a publish with these headers, without a word of ours between."""
    api = JetStreamApi(bus._connection, "$JS.API", "LOG")
    return await retry(lambda: api.store(subject, payload, headers))


async def put(bus: Bus, subject: str, payload: bytes, fence: Fence | None = None) -> int | None:
    """The sequence of a message, as often as it takes; null when the fence refuses it. An answer
    that was lost on a busy machine is not what is asked about here."""
    try:
        return await retry(lambda: bus.append(subject, payload, fence))
    except FencedError as refusal:
        tail = refusal.tail
        assert fence is not None
        is_ours = tail is not None and tail.sequence > fence.last and tail.payload == payload
        return tail.sequence if tail is not None and is_ours else None


async def stored(bus: Bus, subject: str, payload: bytes, fence: Fence | None = None) -> int:
    """The sequence of a message that nothing refuses."""
    sequence = await put(bus, subject, payload, fence)
    assert sequence is not None
    return sequence


# What a token stands for


async def test_a_token_counts_every_subject_under_its_filter(place: ClusterLog) -> None:
    bus = await place.open()
    first = await stored(bus, EVENTS, b"1", Fence(RISK, 0))
    second = await stored(bus, PROGRESS, b"2", Fence(RISK, first))

    assert await put(bus, EVENTS, b"3", Fence(RISK, first)) is None
    assert await put(bus, EVENTS, b"3", Fence(RISK, second)) == 3


async def test_a_token_on_a_literal_subject_counts_that_subject_alone(place: ClusterLog) -> None:
    bus = await place.open()
    first = await stored(bus, EVENTS, b"1")
    await stored(bus, PROGRESS, b"2")

    assert await put(bus, EVENTS, b"3", Fence(EVENTS, first)) == 3


async def test_a_filter_that_nothing_lies_under_has_token_zero(place: ClusterLog) -> None:
    bus = await place.open()
    await stored(bus, ELSEWHERE, b"of somebody else")

    assert await put(bus, EVENTS, b"1", Fence(RISK, 0)) == 2
    assert await put(bus, EVENTS, b"2", Fence(RISK, 0)) is None


async def test_what_others_write_does_not_move_the_token(place: ClusterLog) -> None:
    bus = await place.open()
    mine = await stored(bus, EVENTS, b"1", Fence(RISK, 0))
    for number in range(20):
        await stored(bus, ELSEWHERE, b"%d" % number)

    assert await put(bus, EVENTS, b"2", Fence(RISK, mine)) == 22


async def test_the_server_names_a_stale_token_by_its_code(place: ClusterLog) -> None:
    bus = await place.open()
    await stored(bus, EVENTS, b"1", Fence(RISK, 0))

    refused = await raw(bus, EVENTS, b"2", {FENCE_LAST: "0", FENCE_FILTER: RISK})
    senseless = await raw(bus, EVENTS, b"2", {FENCE_FILTER: RISK})

    assert refused.error is not None
    assert refused.error.err_code == WRONG_LAST_SEQUENCE
    assert senseless.error is not None
    assert senseless.error.err_code == SEQUENCE_MISSING
    assert (await retry(bus.info)).last == 1


async def test_a_token_from_the_future_is_as_wrong_as_a_stale_one(place: ClusterLog) -> None:
    bus = await place.open()
    first = await stored(bus, EVENTS, b"1", Fence(RISK, 0))

    refused = await raw(bus, EVENTS, b"2", {FENCE_LAST: str(first + 1), FENCE_FILTER: RISK})

    assert refused.error is not None
    assert refused.error.err_code == WRONG_LAST_SEQUENCE


# Trying again


async def test_the_same_bytes_with_the_same_token_are_stored_once(place: ClusterLog) -> None:
    bus = await place.open()
    fence = Fence(RISK, await stored(bus, EVENTS, b"1", Fence(RISK, 0)))

    second = await stored(bus, EVENTS, b"2", fence)
    with pytest.raises(FencedError) as refused:
        await retry(lambda: bus.append(EVENTS, b"2", fence))

    assert refused.value.tail is not None
    assert (refused.value.tail.sequence, refused.value.tail.payload) == (second, b"2")
    assert (await retry(bus.info)).messages == 2


async def test_a_domain_knows_its_own_commit_when_only_the_answer_was_lost(
    place: ClusterLog,
) -> None:
    bus = await place.open()
    ours = Domain(bus, "desk", "risk", "test")
    append = bus.append

    async def deaf(subject: str, payload: bytes, fence: Fence | None = None) -> int:
        bus.append = append  # type: ignore[method-assign]
        await append(subject, payload, fence)
        raise UnavailableError("the answer was lost")

    bus.append = deaf  # type: ignore[method-assign]
    sequence = await ours.append((1, 0, 0), [], [])

    assert sequence == 1
    assert await ours.append((1, 0, 0), [], []) == 2
    assert (await retry(bus.info)).messages == 2


# Many at once


async def test_of_many_writers_with_one_filter_exactly_one_wins_each_round(
    place: ClusterLog,
) -> None:
    buses = [await place.open() for _ in range(WRITERS)]
    token = 0
    for round_number in range(ROUNDS):
        subjects = [EVENTS if number % 2 else PROGRESS for number in range(WRITERS)]
        words = [b"%d %d" % (round_number, number) for number in range(WRITERS)]
        tried = await asyncio.gather(
            *(
                put(bus, subject, word, Fence(RISK, token))
                for bus, subject, word in zip(buses, subjects, words, strict=True)
            )
        )
        won = [place for place in tried if isinstance(place, int)]
        assert len(won) == 1, f"round {round_number}: {tried}"
        tail = await buses[0].tail(RISK)
        assert tail is not None
        assert tail.sequence == won[0]
        assert tail.payload == words[tried.index(won[0])]
        token = won[0]
    assert (await buses[0].info()).messages == ROUNDS


async def test_two_instances_of_a_domain_never_both_write(place: ClusterLog) -> None:
    rivals = [Domain(await place.open(), "desk", "risk", "test") for _ in range(4)]
    bus = await place.open()

    async def write(rival: Domain) -> int:
        """Commits until shut out: then it stands behind the tail, as a standby would."""
        written = 0
        for _ in range(20):
            try:
                await rival.append((1, 0, 0), [], [])
                written += 1
            except FencedOutError:
                await rival.recover()
        return written

    for rival in rivals:
        await rival.recover()
    written = await asyncio.gather(*(write(rival) for rival in rivals))

    numbers = [commit.n for commit in await commits(bus)]
    assert numbers == list(range(1, sum(written) + 1))


async def commits(bus: Bus) -> list[Commit]:
    """Every commit of the log in order."""
    reader = await bus.read(0)
    last = (await retry(bus.info)).last
    found: list[Commit] = []
    while len(found) < last:
        found += [decode_commit(it.payload) for it in await reader.next(1.0)]
    await reader.close()
    return found


async def test_two_different_filters_are_no_fence_on_three_servers(place: ClusterLog) -> None:
    """The hazard that one function for the filter is there for: subjects.domain().

    On one server writes are checked one after the other. On three, what is on its way to a
    majority is looked up by the text of the filter: another text over the same subjects passes.
    """
    assert RISK == "log.desk.risk.>"
    filters = [RISK, "log.desk.risk.*"]
    buses = [await place.open() for _ in range(WRITERS)]
    doubled, token = 0, 0
    for turn in range(ROUNDS):
        tried = await asyncio.gather(
            *(
                put(
                    bus,
                    EVENTS,
                    b"%d %d" % (turn, number),
                    Fence(filters[number % 2], token),
                )
                for number, bus in enumerate(buses)
            )
        )
        won = [place for place in tried if isinstance(place, int)]
        doubled += len(won) > 1
        token = max(won)

    assert (doubled > 0) == (place.replicas > 1)


async def test_every_writer_of_a_domain_uses_the_one_filter(place: ClusterLog) -> None:
    bus = await place.open()
    used: list[Fence | None] = []
    append = bus.append

    async def watched(subject: str, payload: bytes, fence: Fence | None = None) -> int:
        used.append(fence)
        return await append(subject, payload, fence)

    bus.append = watched  # type: ignore[method-assign]
    for book, service in [("desk", "risk"), ("shared", "clock"), ("shared", "market")]:
        writer = Domain(bus, book, service, "test")
        await writer.recover()
        await writer.append((1, 0, 0), [], [])
        await writer.append((1, 0, 0), [], [])

    assert [fence and fence.filter for fence in used] == [
        its_filter
        for book, service in [("desk", "risk"), ("shared", "clock"), ("shared", "market")]
        for its_filter in [domain(book, service)] * 2
    ]


# No token comes back to life


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Nats-TTL": "1s"}, "per-message ttl is disabled"),
        ({"Nats-Rollup": "sub"}, "rollup not permitted"),
        ({"Nats-Rollup": "all"}, "rollup not permitted"),
        ({"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": EVENTS}, "schedul"),
        ({"Nats-Incr": "+1"}, "counter"),
    ],
)
async def test_nothing_that_would_vanish_can_be_stored(
    place: ClusterLog, headers: dict[str, str], why: str
) -> None:
    bus = await place.open()

    refused = await raw(bus, EVENTS, b"1", headers)

    assert refused.error is not None, f"stored as {refused.sequence}"
    assert why in refused.error.description.lower()
    assert (await retry(bus.info)).last == 0


@pytest.mark.parametrize(
    ("request_", "arguments"),
    [("STREAM.PURGE.LOG", b"{}"), ("STREAM.MSG.DELETE.LOG", b'{"seq":1}')],
)
async def test_nothing_that_was_stored_can_be_taken_away(
    place: ClusterLog, request_: str, arguments: bytes
) -> None:
    bus = await place.open()
    token = await stored(bus, EVENTS, b"1", Fence(RISK, 0))
    await stored(bus, EVENTS, b"2", Fence(RISK, token))

    answer = await bus.request(f"$JS.API.{request_}", arguments, 5.0)

    assert b"error" in answer
    assert await put(bus, EVENTS, b"zombie", Fence(RISK, token)) is None
    assert (await retry(bus.info)).messages == 2
