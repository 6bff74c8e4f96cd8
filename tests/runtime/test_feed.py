"""Messages are decoded as facts; what cannot be trusted is told as damage, at its place."""

import msgspec
import pytest

from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.envelope import digest
from deadreckon.runtime.log import feed as feed_module
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding, Feed, Message
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests.stories import bar, deposit, filled
from tests.support.messages import StoredLog, told


def decoded(log: StoredLog) -> list[Message]:
    decoding = Decoding()
    return [decoding.decode(stored) for stored in log.stored]


def test_a_commits_events_come_in_their_order_with_their_place() -> None:
    log = StoredLog()
    log.commit("fill")
    log.commit("fill", filled("buy", 1, 100), filled("sell", 1, 101))
    _, message = decoded(log)
    assert message.damage == ""
    assert [(record.sequence, record.index) for record in message.facts] == [(2, 0), (2, 1)]
    assert told(message.facts) == ["OrderFilled", "OrderFilled"]


def test_every_domain_has_a_chain_of_its_own() -> None:
    log = StoredLog()
    for _ in range(3):
        log.commit("fill", filled("buy", 1, 100))
        log.commit("risk")
        log.commit("fill", filled("buy", 1, 100), book="other")
    assert [message.damage for message in decoded(log)] == [""] * 9


def test_what_comes_in_at_a_door_is_left_to_who_owns_it() -> None:
    log = StoredLog()
    log.put("log.desk.in.ext", b"\xff garbage")
    log.put("log.desk.op.ann", b"\xff garbage")
    for message in decoded(log):
        assert (message.damage, list(message.facts)) == ("", [])
        assert message.subject.is_inbound


def test_garbage_in_a_domain_is_damage() -> None:
    log = StoredLog()
    log.put("log.desk.fill.events", b"\xff garbage")
    (message,) = decoded(log)
    assert message.damage.startswith("not a commit")
    assert message.commit is None


def test_a_commit_that_does_not_continue_the_bytes_before_it_is_damage_and_says_nothing() -> None:
    log = StoredLog()
    log.commit("fill", filled("buy", 1, 100))
    log.commit("fill", filled("buy", 1, 100), previous=digest(b"another past"))
    message = decoded(log)[1]
    assert message.damage == "commit 2 does not continue the bytes of commit 1"
    assert list(message.facts) == []


@pytest.mark.parametrize("n", [1, 3, 0, -1])
def test_a_commit_out_of_its_number_is_damage(n: int) -> None:
    log = StoredLog()
    log.commit("fill", filled("buy", 1, 100))
    log.commit("fill", filled("buy", 1, 100), n=n)
    assert decoded(log)[1].damage == f"commit {n} follows commit 1"


def test_a_domain_that_does_not_begin_at_its_first_commit_is_damage() -> None:
    log = StoredLog()
    log.commit("fill", filled("buy", 1, 100), n=2)
    assert decoded(log)[0].damage == "commit 2 follows commit 0"


def test_a_reading_that_begins_later_trusts_the_first_commit_and_no_further() -> None:
    log = StoredLog()
    for _ in range(3):
        log.commit("fill", filled("buy", 1, 100))
    log.commit("fill", filled("buy", 1, 100), previous="00")
    decoding = Decoding(from_start=False)
    damages = [decoding.decode(stored).damage for stored in log.stored[1:]]
    assert damages == ["", "", "commit 4 does not continue the bytes of commit 3"]


def test_one_flipped_byte_shows_in_the_next_commit() -> None:
    log = StoredLog()
    first = log.commit("fill", filled("buy", 1, 100))
    log.commit("fill", filled("buy", 1, 100))
    log.stored[0] = msgspec.structs.replace(
        first, payload=first.payload.replace(b'"price":"100"', b'"price":"900"')
    )
    assert decoded(log)[0].damage == ""  # nothing before it to hold it to
    assert decoded(log)[1].damage == "commit 2 does not continue the bytes of commit 1"


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (b'"type":"orders.order_filled"', b'"type":"orders.order_dreamt"'),
        (b'"v":1', b'"v":2'),
        (b'"quantity":"1"', b'"quantity":"one"'),
        (b'"leaves":"0",', b""),
    ],
)
def test_one_event_that_nobody_knows_spoils_its_whole_commit(found: bytes, put: bytes) -> None:
    log = StoredLog()
    good = log.commit("fill", deposit(), filled("buy", 1, 100))
    assert found in good.payload
    log.stored[0] = msgspec.structs.replace(good, payload=good.payload.replace(found, put))
    (message,) = decoded(log)
    assert message.damage.startswith(("orders.order_", "portfolio."))
    assert list(message.facts) == []


def test_after_damage_the_chain_goes_on_from_what_lies_there() -> None:
    """The book halts at the first damage; that the rest can still be read is for the inquest."""
    log = StoredLog()
    log.commit("fill", n=7)
    second = decode_commit(log.commit("fill", n=8).payload)
    assert second.n == 8
    assert [message.damage != "" for message in decoded(log)] == [True, False]


@pytest.mark.parametrize("subject", ["log.desk", "log.desk.in.ext.more", "log.desk.fill", "other"])
def test_a_subject_of_another_form_is_nobodys_and_stops_nobody(subject: str) -> None:
    log = StoredLog()
    log.put(subject, b"\xff")
    log.market(bar(1), when=1)
    foreign, message = decoded(log)
    assert foreign.subject.book == ""
    assert told(message.facts) == ["BarClosed"]


def test_the_servers_own_time_is_carried_for_people() -> None:
    message = Decoding().decode(Stored(1, "log.desk.in.ext", b"{}", stored_at=77))
    assert (message.sequence, message.stored_at, message.payload) == (1, 77, b"{}")


def several() -> StoredLog:
    """Two domains that write in turns, and a door between them."""
    log = StoredLog()
    for number in range(4):
        log.commit("fill", filled("buy", number + 1, 100))
        log.put("log.desk.in.ext", b"a signal")
        log.commit("risk")
    return log


async def test_a_feed_knows_how_every_chain_stood_at_any_place_it_holds() -> None:
    log = several()
    feed = Feed(MemoryBus(MemoryLog(log.stored)))
    feed.follow("risk")
    await feed.start()
    await feed.reach(len(log.stored))
    for place in range(len(log.stored) + 1):
        decoding = Decoding()
        for stored in log.stored[:place]:
            decoding.decode(stored)
        found = feed.links_at(place) or {}
        assert {domain: link for domain, link in found.items() if link.n} == decoding.links
    await feed.stop()


@pytest.mark.parametrize("place", range(12))
async def test_a_feed_that_begins_in_the_middle_goes_on_checking_every_chain(place: int) -> None:
    log = several()
    before = Decoding()
    for stored in log.stored[:place]:
        before.decode(stored)
    log.commit("fill", previous=digest(b"another past"))
    feed = Feed(MemoryBus(MemoryLog(log.stored)))
    feed.follow("risk", len(log.stored))
    feed.follow("fill", place, before.links)
    await feed.start()
    await feed.reach(len(log.stored))
    damages = [message.damage for message in feed.since(place)]
    await feed.stop()
    assert damages[:-1] == [""] * (len(log.stored) - place - 1)
    assert damages[-1] == "commit 5 does not continue the bytes of commit 4"


async def test_before_damage_no_chain_is_known() -> None:
    log = several()
    log.put("log.desk.fill.events", b"\xff garbage")
    feed = Feed(MemoryBus(MemoryLog(log.stored)))
    feed.follow("risk")
    await feed.start()
    await feed.reach(len(log.stored))
    assert feed.links_at(len(log.stored) - 1) is None
    assert feed.links_at(len(log.stored)) is not None
    await feed.stop()


async def test_who_recalls_is_never_stopped_by_those_who_have_recalled_all_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "BUFFER_MAX", 10)
    log = StoredLog()
    log.commit("governance")  # which says nothing more
    for _ in range(60):
        log.commit("risk")
    feed = Feed(MemoryBus(MemoryLog(log.stored)))
    feed.follow("governance")
    feed.follow("risk")
    await feed.start()
    feed.done("governance", 1)

    feed.require(len(log.stored))

    assert await feed.reach(len(log.stored), wait=10.0)
    await feed.stop()
