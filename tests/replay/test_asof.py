"""The book as of a place: the same as a fold up to there, wherever it begins, and then what came
late."""

import asyncio
import random
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from deadreckon.accounting import ledger
from deadreckon.archive.location import FOLDER
from deadreckon.archive.whole_log import whole_log
from deadreckon.contracts.codec import decode_commit, encode_commit
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import FundingRatePublished
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FeeCharged
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.asof import (
    BookAsof,
    BookState,
    KnownAs,
    LogPointError,
    anchor_builder,
    asof,
    book_at,
    document,
    evolve,
    halts_in_force,
    initial,
    parse_log_point,
)
from deadreckon.replay.asof.anchors import Anchors, Index
from deadreckon.replay.lookup import UnknownIdError
from deadreckon.runtime.log.bus import Reader, Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery
from deadreckon.runtime.service.snapshots import SnapshotAheadError
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import BOOK
from deadreckon.services.fill.state import leaves_of
from tests.sessions.player import Session, decoded
from tests.sessions.script import Script, alice, ann, later, minute, opening
from tests.stories import HOUR, INSTRUMENT, MINUTE, START, bar, exact, limits, listed
from tests.support.archived_logs import ArchivedLog
from tests.support.verb_schemas import check_document

SESSIONS = sorted(
    path.stem
    for path in (Path(__file__).parent.parent / "sessions" / "scripts").glob("*.py")
    if path.stem != "__init__"
)


@pytest.fixture(autouse=True)
def anchors_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short logs with anchors in them."""
    monkeypatch.setattr(anchor_builder, "FACTS_MIN", 9)
    monkeypatch.setattr(anchor_builder, "FACTS_MAX", 9)
    monkeypatch.setattr(anchor_builder, "ANCHORS_PER_SWAP", 2)
    monkeypatch.setattr(anchor_builder, "TIP_FACTS", 3)


@cache
def session(name: str) -> Session:
    script = import_module(f"tests.sessions.scripts.{name}").SCRIPT
    return played(name, script)


def played(name: str, script: Script) -> Session:
    found = Session(name, script)
    asyncio.run(found.play())
    return found


def ask(
    messages: list[Stored], place: str, cache: Path | None = None, known: KnownAs = "both"
) -> BookAsof:
    async def answer() -> BookAsof:
        bus = MemoryBus(MemoryLog(list(messages)))
        return await asof(bus, parse_log_point(place), cache, book=BOOK, known=known)

    return asyncio.run(answer())


def facts_of(messages: list[Stored]) -> list[Recorded[Any]]:
    intake = Ingress(BOOK, "paper", reads_signals=True, restamps=False)
    return [record for message in decoded(messages) for record in intake.records_of(message)]


def folded(facts: list[Recorded[Any]]) -> BookState:
    state = initial()
    for record in facts:
        evolve(state, record)
    return state


def remembered(service: str, messages: list[Stored]) -> Any:
    """What a service remembers, recalled from a log."""
    lived = DeciderRunner(service, BOOK, decider(service))
    reading = Recovery(service, BOOK, Ingress(BOOK, "paper", reads_signals=False))
    for message in decoded(messages):
        for (_, _, question), answers in reading.take(message):
            lived.replay(question, answers)
    for _, _, question in reading.waiting:
        lived.replay(question, [])
    return lived.state


# As known then.


@pytest.mark.parametrize("name", SESSIONS)
@pytest.mark.slow
def test_at_every_place_the_book_is_what_a_fold_up_to_there_gives(
    name: str, tmp_path: Path
) -> None:
    messages = session(name).log
    for place in [*range(1, len(messages), 7), len(messages)]:
        found = ask(messages, str(place), tmp_path / "asof", "then").then

        fresh = folded(facts_of(messages[:place]))
        assert book_at(found) == book_at(fresh)
        book = ledger.initial()
        for record in facts_of(messages[:place]):
            book = ledger.evolve(book, record)
        assert ledger.equity(found.ledger) == ledger.equity(book)
        assert list(ledger.positions(found.ledger)) == list(ledger.positions(book))


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_open_and_in_force_is_what_risk_and_fill_remember(name: str) -> None:
    played = session(name)
    for place in played.places[:: max(1, len(played.places) // 8)]:
        if not place:
            continue
        messages = played.log[:place]
        found = folded(facts_of(messages))
        risk, fill = remembered("risk", messages), remembered("fill", messages)

        open_orders = {
            order_id: leaves_of(order)
            for orders in fill.orders.values()
            for order_id, order in orders.items()
        }
        assert {key: row.leaves for key, row in found.orders.items()} == open_orders
        assert (found.limits.set_by.id if found.limits else None) == risk.limits_id
        assert (found.limits.values if found.limits else None) == risk.limits
        in_force = {
            name
            for name, halt in risk.halts.items()
            if halt.until is None or found.now < halt.until
        }
        assert set(halts_in_force(found)) == in_force


def test_a_time_is_the_last_place_at_or_before_it(tmp_path: Path) -> None:
    messages = session("stop_loss").log
    facts = facts_of(messages)
    timed = sorted({record.at for record in facts if record.at})
    for at in timed[:: max(1, len(timed) // 10)]:
        before = []
        for record in facts:
            if record.at > at:
                break
            before.append(record)
        for moment in (at, at + 1 if at != timed[-1] else at):
            found = ask(messages, format_timestamp(moment), tmp_path / "asof", "then").then
            assert book_at(found) == book_at(folded(before))
            assert found.now == at


def test_an_event_is_found_by_its_id_or_the_beginning_of_it(tmp_path: Path) -> None:
    messages = session("perpetual_funding").log
    facts = facts_of(messages)
    for number in range(0, len(facts), 5):
        record = facts[number]
        for text in (record.id, record.id[:14]):
            found = ask(messages, text, tmp_path / "asof", "then").then
            assert (found.sequence, found.index) == (record.sequence, record.index)
            assert book_at(found) == book_at(folded(facts[: number + 1]))


def test_an_order_is_found_by_its_id(tmp_path: Path) -> None:
    messages = session("perpetual_funding").log
    fill = next(record for record in facts_of(messages) if isinstance(record.event, OrderFilled))
    found = ask(messages, fill.event.order_id, tmp_path / "asof", "then").then
    assert (found.sequence, found.index) < (fill.sequence, fill.index)
    assert fill.event.order_id in found.orders


def test_a_trade_told_again_after_an_anchor_changes_nothing(tmp_path: Path) -> None:
    """An anchor does not have the trades before it: what repeats one of them is listed."""
    messages = session("real_venue").log
    told_first = next(it for it in facts_of(messages) if isinstance(it.event, OrderFilled))
    doubled = [*messages]
    for number in range(3):
        doubled.append(_by_another(doubled[told_first.sequence - 1], number, len(doubled) + 1))
    facts = facts_of(doubled)
    trades = [it.event.trade_id for it in facts if isinstance(it.event, OrderFilled)]
    assert trades.count(told_first.event.trade_id) == 4
    whole = book_at(folded(facts_of(messages)))
    for place in range(len(messages), len(doubled) + 1):
        found = ask(doubled, str(place), tmp_path / "asof", "then").then
        assert book_at(found).positions == whole.positions
        assert book_at(found) == book_at(folded(facts_of(doubled[:place])))


def _by_another(stored: Stored, number: int, sequence: int) -> Stored:
    """The events of a commit as the first commit of a service nobody knows."""
    commit = structs.replace(decode_commit(stored.payload), n=1, previous="")
    subject = stored.subject.replace(".fill.", f".other{number}.")
    return Stored(sequence, subject, encode_commit(commit))


# Where the log lies.


def test_a_log_that_is_partly_in_the_archive_is_one_log(tmp_path: Path) -> None:
    driver = ArchivedLog(tmp_path / FOLDER, list(session("partial_fills").log))
    driver.seal(everything=True)
    messages = driver.log.messages
    seam = len(messages) // 2
    cache = tmp_path / "asof"

    async def answer(place: int) -> BookState:
        bus = await whole_log(tmp_path, MemoryBus(MemoryLog(messages[seam:])))
        try:
            return (await asof(bus, parse_log_point(str(place)), cache, book=BOOK)).then
        finally:
            await bus.close()

    for place in (3, seam - 1, seam, seam + 1, len(messages)):
        found = asyncio.run(answer(place))
        assert book_at(found) == book_at(folded(facts_of(messages[:place])))


def test_after_a_restart_at_any_step_the_book_is_the_same(tmp_path: Path) -> None:
    uncut = session("stop_loss")
    place = uncut.places_of_rows[len(uncut.places_of_rows) // 2]
    again = asyncio.run(uncut.played_after_a_cut(place))
    for step in uncut.places[1::3]:
        one = ask(uncut.log, str(step), tmp_path / "one", "then").then
        other = ask(again, str(step), tmp_path / "other", "then").then
        assert book_at(one) == book_at(other)


def test_no_reader_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = session("stop_loss").log
    bus = MemoryBus(MemoryLog(list(messages)))
    readers: list[Any] = []
    read = bus.read

    async def noted(after: int) -> Reader:
        reader = await read(after)
        readers.append(reader)
        return reader

    monkeypatch.setattr(bus, "read", noted)
    middle = facts_of(messages)[-1].at - MINUTE
    asyncio.run(asof(bus, parse_log_point(format_timestamp(middle)), None, book=BOOK))
    assert readers
    assert all(reader.closed for reader in readers)


# Places that are none.


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a point of the log"),
        ("2022-01-15", "is a whole day"),
        ("2022-13-15T12:00:00Z", "2022-13-15"),
        ("2022-01-15T12:00:00Ztomorrow", "is not a time"),
    ],
)
def test_a_text_that_is_no_place_is_refused_with_an_example(text: str, says: str) -> None:
    with pytest.raises(LogPointError, match=says):
        parse_log_point(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0", "the log has no message 0"),
        ("99999", "it ends at"),
        ("99999999", r"it ends at \d+, and no id in it begins so"),
        ("99999999.1", r"it ends at \d+$"),
        ("3.7", "message 3 has no event 7"),
        ("1999-01-01T00:00:00Z", "its time is from"),
        ("2999-01-01T00:00:00Z", "its time is from"),
    ],
)
def test_a_place_that_the_log_has_not_got_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(LogPointError, match=says):
        ask(session("flip").log, text, tmp_path / "asof")


@pytest.mark.parametrize("first", ["[1-9]", "0"])
def test_an_id_may_begin_with_digits_alone(first: str, tmp_path: Path) -> None:
    log, record = next(
        (log, record)
        for log in (session(name).log for name in SESSIONS)
        for record in facts_of(log)
        if re.match(rf"{first}\d{{5}}", record.id)
    )
    digits = "".join(takewhile(str.isdigit, record.id))
    found = ask(log, digits, tmp_path / "asof", "then").then
    assert (found.sequence, found.index) == (record.sequence, record.index)


def test_an_unknown_id_and_an_empty_log_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError):
        ask(session("flip").log, "abcdef0123456789", tmp_path / "asof")
    with pytest.raises(LogPointError, match="the log is empty"):
        ask([], "1", tmp_path / "other")


# The cache.


def files(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / BOOK).iterdir() if path.name != "lock")


def test_a_log_that_grows_is_read_on_from_where_the_last_reading_ended(tmp_path: Path) -> None:
    messages = session("partial_fills").log
    for end in range(5, len(messages) + 1, 6):
        grown = messages[:end]
        place = random.Random(end).randrange(1, end + 1)
        found = ask(grown, str(place), tmp_path / "asof")
        assert book_at(found.then) == book_at(folded(facts_of(grown[:place])))
    whole = tmp_path / "whole"
    ask(messages, "1", whole)
    ask(messages, "1", tmp_path / "asof")
    assert [path.name for path in files(tmp_path / "asof") if path.suffix == ".anchor"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(path.read_bytes().replace(b"1", b"2")),
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        lambda path: path.unlink(),
    ],
    ids=["altered", "cut", "missing"],
)
def test_a_damaged_cache_is_read_anew(harm: Callable[[Path], None], tmp_path: Path) -> None:
    messages = session("partial_fills").log
    cache = tmp_path / "asof"
    place = str(len(messages) // 2)
    right = ask(messages, place, cache)
    for path in files(cache):
        if path.exists() and path.suffix != ".ids":
            harm(path)
            assert book_at(ask(messages, place, cache).then) == book_at(right.then)


def test_the_cache_of_another_log_is_not_believed(tmp_path: Path) -> None:
    one, other = session("partial_fills").log, session("perpetual_funding").log
    ask(one[: len(other)], "1", tmp_path / "asof")
    found = ask(other, str(len(other)), tmp_path / "asof").then
    assert book_at(found) == book_at(folded(facts_of(other)))


def test_a_log_that_was_cut_is_refused(tmp_path: Path) -> None:
    messages = session("partial_fills").log
    ask(messages, "1", tmp_path / "asof")
    with pytest.raises(SnapshotAheadError, match="the log was cut"):
        ask(messages[:-5], "1", tmp_path / "asof")


def test_without_a_place_to_keep_anchors_the_answer_is_the_same(tmp_path: Path) -> None:
    messages = session("partial_fills").log
    (tmp_path / "file").write_text("in the way")
    for folder in (None, tmp_path / "file"):
        found = ask(messages, "20", folder)
        assert book_at(found.then) == book_at(folded(facts_of(messages[:20])))


def test_a_tip_that_is_swapped_by_another_reading_is_looked_for_again(tmp_path: Path) -> None:
    """Nothing is thrown away because somebody else was faster."""
    messages = session("partial_fills").log
    folder = tmp_path / "asof"
    ask(messages[:20], "1", folder)
    stale = (folder / BOOK / "index.json").read_bytes()
    ask(messages, "1", folder)
    anchors = [path for path in files(folder) if path.suffix == ".anchor"]
    load = Anchors.load
    loads = []

    def late(self: Anchors, *, reads: bool = True) -> None:
        loads.append(reads)
        load(self, reads=reads)
        if len(loads) == 1:
            self.index = msgspec.json.decode(stale, type=Index)
            for path in (folder / BOOK).glob(f"{self.index.tip.sequence:016d}.tip*"):  # type: ignore[union-attr]
                path.unlink()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Anchors, "load", late)
        found = ask(messages, str(len(messages)), folder).then
    assert book_at(found) == book_at(folded(facts_of(messages)))
    assert len(loads) == 2
    assert [path for path in files(folder) if path.suffix == ".anchor"] == anchors


# As known now.


DUE = START + 3 * MINUTE


def late_session(*late: Any) -> Session:
    """A perpetual is bought in the second minute; what comes late is said an hour later."""
    script: Script = [
        *opening(limits(), instrument=listed(kind="perpetual")),
        *minute(bar(100)),
        *alice("a1", "buy", 2),
        *minute(bar(100), bar(110), bar(120)),
        *later(HOUR, bar(130)),
        *ann(*late),
        *minute(bar(140)),
    ]
    return played("late", script)


def fee(number: str, effective_at: int = DUE) -> FeeCharged:
    return FeeCharged("ext", INSTRUMENT, exact(number), "USDT", "ann", "invoice", effective_at)


def test_a_fee_that_came_late_is_known_now_at_its_own_time_and_not_then(tmp_path: Path) -> None:
    messages = late_session(fee("1.5")).log
    before = ask(messages, format_timestamp(DUE - 1), tmp_path / "asof")
    assert before.late == []
    assert before.now is not None
    assert book_at(before.then) == book_at(before.now)

    found = ask(messages, format_timestamp(DUE), tmp_path / "asof")
    assert found.now is not None
    then, now = ledger.equity(found.then.ledger), ledger.equity(found.now.ledger)
    assert (then.fees, now.fees - then.fees) == (Decimal(0), Decimal("1.5"))
    assert now.equity == then.equity - Decimal("1.5")
    assert [type(one.record.event) for one in found.late] == [FeeCharged]
    charged = next(it for it in facts_of(messages) if isinstance(it.event, FeeCharged))
    assert (found.late[0].record.id, found.late[0].late.sequence) == (charged.id, charged.sequence)


def test_at_the_end_of_the_log_both_are_the_same(tmp_path: Path) -> None:
    for number, name in enumerate([*SESSIONS, "late"]):
        log = late_session(fee("1.5")).log if name == "late" else session(name).log
        found = ask(log, str(len(log)), tmp_path / str(number))
        assert found.now is not None
        assert found.late == []
        assert book_at(found.then) == book_at(found.now)


def test_a_funding_that_came_late_moves_what_was_booked_to_its_own_time(tmp_path: Path) -> None:
    rate = FundingRatePublished(INSTRUMENT, exact("0.001"), exact(110), DUE)
    messages = late_session(rate).log
    found = ask(messages, format_timestamp(DUE), tmp_path / "asof")
    assert found.now is not None
    # 2 x 110 x 0.1 % paid by the long.
    assert ledger.equity(found.then.ledger).funding == 0
    assert ledger.equity(found.now.ledger).funding == Decimal("-0.22")
    paid = ledger.equity(folded(facts_of(messages)).ledger).funding
    assert paid == Decimal("-0.22")


def test_a_late_event_that_is_known_already_is_not_taken_twice(tmp_path: Path) -> None:
    messages = late_session(fee("1.5"), fee("2.5")).log
    charged = [it for it in facts_of(messages) if isinstance(it.event, FeeCharged)]
    found = ask(messages, str(charged[0].sequence), tmp_path / "asof")
    assert found.now is not None
    assert ledger.equity(found.then.ledger).fees == Decimal("1.5")
    assert ledger.equity(found.now.ledger).fees == Decimal(4)
    assert [one.record.id for one in found.late] == [charged[1].id]


def test_a_time_of_its_own_that_is_still_to_come_is_no_lateness(tmp_path: Path) -> None:
    messages = late_session(fee("1.5", START + 10 * HOUR)).log
    found = ask(messages, format_timestamp(DUE), tmp_path / "asof")
    assert found.late == []


def test_a_venues_trade_counts_now_from_when_it_was_traded(tmp_path: Path) -> None:
    """The venue tells trades with its own time; the fill is recorded after it."""
    messages = session("real_venue").log
    fills = [it for it in facts_of(messages) if isinstance(it.event, OrderFilled)]
    late = [
        (place, found)
        for place in range(1, len(messages) + 1)
        if (found := ask(messages, str(place), tmp_path / "asof")).late
    ]
    assert late
    for place, found in late:
        assert found.now is not None
        added = [one.record.event for one in found.late]
        assert all(record.sequence > place for record in (one.record for one in found.late))
        assert all(isinstance(event, OrderFilled) for event in added)
        signed = [it.quantity if it.side == "buy" else -it.quantity for it in added]
        held = ledger.held_total(found.now.ledger, added[0].instrument)
        assert held == ledger.held_total(found.then.ledger, added[0].instrument) + sum(signed)
    assert {one.record.id for _, found in late for one in found.late} <= {it.id for it in fills}


def test_the_document_names_what_differs_and_why(tmp_path: Path) -> None:
    messages = late_session(fee("1.5")).log
    place = format_timestamp(DUE)
    found = document(ask(messages, place, tmp_path / "asof"), place, BOOK)
    check_document("asof", found)
    differences = {it.path: it.difference for it in found.differences}
    assert differences["equity.fees"] == "1.5"
    assert differences["equity.equity"] == "-1.5"
    assert differences["cash.USDT"] == "-1.5"
    (late,) = found.late
    assert late.type == "FeeCharged"
    assert late.effective_at == place
    assert "1.5 USDT" in late.says
    assert found.then is not None
    assert found.now is not None
    assert found.then.digest != found.now.digest
