"""Whoever changes a sealed log is found out, and where: by file, and by sequence where one can."""

from collections.abc import Callable
from pathlib import Path

import polars
import pytest
from msgspec import structs

from deadreckon.archive.manifests import ArchiveError, file_bytes, file_of
from deadreckon.archive.sealer import PUBLIC
from deadreckon.archive.segments import Archive
from tests.support.archived_logs import FOREIGN, KEY, ArchivedLog, resign, rewrite, trust

RISK = 9  # the sequence of a message of risk, on the first day
FILL = 45  # and of the first day's fill


@pytest.fixture
def desk(tmp_path: Path) -> ArchivedLog:
    """Two sealed days, and a third one that is not over."""
    desk = ArchivedLog(tmp_path / "archive")
    desk.seal()
    return desk


def changed(desk: ArchivedLog, column: str, value: polars.Expr, sequence: int = RISK) -> None:
    """Give a message of the first day another value."""
    here = polars.col("sequence") == sequence
    rewrite(
        desk.path("messages", 1),
        lambda rows: rows.with_columns(
            polars.when(here).then(value).otherwise(column).alias(column)
        ),
    )


def one_byte(desk: ArchivedLog) -> None:
    """The fill of the first day is dearer by a digit."""
    path = desk.path("messages", 1)
    rows = polars.read_parquet(path, hive_partitioning=False)
    payloads = [
        payload.replace(b'"100.125"', b'"100.126"') if place == FILL else payload
        for place, payload in rows.select("sequence", "payload").iter_rows()
    ]
    assert payloads != rows["payload"].to_list()
    rows.with_columns(polars.Series("payload", payloads)).write_parquet(path)


def another_time(desk: ArchivedLog) -> None:
    changed(desk, "stored_at", polars.col("stored_at") + 1)


def another_subject(desk: ArchivedLog) -> None:
    changed(desk, "subject", polars.lit("log.desk.fill.events"))


def a_row_less(desk: ArchivedLog) -> None:
    rewrite(desk.path("messages", 1), lambda rows: rows.filter(polars.col("sequence") != RISK))


def a_row_twice(desk: ArchivedLog) -> None:
    rewrite(
        desk.path("messages", 1),
        lambda rows: polars.concat([rows, rows.filter(polars.col("sequence") == RISK)]),
    )


def sign_anew(desk: ArchivedLog) -> None:
    """Adapt hashes and signatures, as somebody would who makes a key of their own known."""
    resign(desk, 1, FOREIGN)
    trust(desk, FOREIGN)


def bend(desk: ArchivedLog) -> None:
    """One bit of a column file."""
    path = desk.path("fills", 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(desk: ArchivedLog) -> None:
    one, other = desk.path("messages", 1), desk.path("messages", 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def test_an_archive_is_proved_alone_and_beside_its_log(desk: ArchivedLog) -> None:
    found = desk.verify()
    assert found.faults == []
    assert (found.ranges, found.messages, found.compared) == (2, found.last, found.last)
    assert (found.recorded, found.unsaid, found.keys) == (2, [], [KEY.public])
    alone = desk.verify(alone=True, key=KEY.public)
    assert (alone.sound, alone.messages, alone.compared) == (True, found.last, 0)


FIRST_FILE = "manifests/00000001.json"
MESSAGES = "messages/book=desk/day=2026-03-02/00000001.parquet"


@pytest.mark.parametrize(
    ("tamper", "where", "sequence"),
    [
        (one_byte, MESSAGES, FILL),
        (another_time, MESSAGES, RISK),
        (another_subject, MESSAGES, RISK),
        (a_row_less, MESSAGES, RISK),
        (a_row_twice, MESSAGES, RISK),
        (lambda desk: desk.path("messages", 1).unlink(), MESSAGES, 1),
        (lambda desk: desk.path("messages", 1).write_bytes(b"PAR1"), MESSAGES, 1),
        (bend, "fills/book=desk/day=2026-03-03/00000002.parquet", None),
        (swap, MESSAGES, 1),
    ],
)
def test_a_changed_file_is_named_and_with_the_log_the_message_in_it(
    desk: ArchivedLog, tamper: Callable[[ArchivedLog], None], where: str, sequence: int | None
) -> None:
    tamper(desk)
    found = desk.verify()
    assert found.faults[0].where == where
    assert found.first_bad_sequence == sequence
    assert where in {fault.where for fault in desk.verify(alone=True).faults}


@pytest.mark.parametrize("tamper", [one_byte, another_time, another_subject])
def test_a_forged_archive_that_is_consistent_is_found_by_log_and_by_key(
    desk: ArchivedLog, tamper: Callable[[ArchivedLog], None]
) -> None:
    """Everything was signed anew by a key that the archive itself names."""
    tamper(desk)
    sequence = FILL if tamper is one_byte else RISK
    sign_anew(desk)

    beside = desk.verify()
    reasons = [fault.reason for fault in beside.faults]
    assert any("is not the one that message" in reason for reason in reasons)
    assert sequence in [fault.sequence for fault in beside.faults]
    with_key = desk.verify(alone=True, key=KEY.public)
    assert "not the one you named" in with_key.faults[0].reason


def test_a_root_that_was_changed_and_signed_by_another_is_found(desk: ArchivedLog) -> None:
    resign(desk, 2, FOREIGN, root="00" * 32)
    reasons = [fault.reason for fault in desk.verify(alone=True).faults]
    assert any("a key that is not in sealer.pub" in reason for reason in reasons)
    assert any("Merkle root" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"events": 1}, "events, not 1"),
        ({"root": "00" * 32}, "the Merkle root"),
    ],
)
def test_a_manifest_that_does_not_fit_its_messages_is_found_whoever_signed_it(
    desk: ArchivedLog, change: dict[str, object], reason: str
) -> None:
    resign(desk, 2, KEY, **change)
    found = desk.verify(alone=True)
    assert [fault.where for fault in found.faults] == ["manifests/00000002.json"]
    assert reason in found.faults[0].reason
    assert any("message" in fault.reason for fault in desk.verify().faults)


def test_a_signature_of_something_else_is_found(desk: ArchivedLog) -> None:
    signature = desk.chain[0].signature
    path = file_of(desk.root, 2)
    path.write_text(path.read_text().replace(desk.chain[1].signature, signature))
    found = desk.verify(alone=True)
    assert "its signature is not that of its key" in found.faults[0].reason


def test_a_manifest_without_a_signature_among_signed_ones_is_found(desk: ArchivedLog) -> None:
    path = file_of(desk.root, 2)
    manifest = structs.replace(desk.chain[1], signature="", public_key="")
    path.write_bytes(file_bytes(manifest))
    assert "it is not signed" in desk.verify(alone=True).faults[0].reason


def test_a_cut_chain_of_manifests_is_found(desk: ArchivedLog) -> None:
    file_of(desk.root, 1).unlink()
    found = desk.verify()
    assert found.faults[0].where == FIRST_FILE
    assert found.first_bad_sequence == 1
    with pytest.raises(ArchiveError, match="is missing, though later ranges are there"):
        Archive(desk.root)


def test_an_end_that_was_cut_off_is_known_to_the_log_and_its_files_to_nobody(
    desk: ArchivedLog,
) -> None:
    first = desk.chain[1].first
    file_of(desk.root, 2).unlink()
    found = desk.verify()
    assert found.first_bad_sequence == first
    places = {fault.where for fault in found.faults}
    assert "manifests/00000002.json" in places
    assert "messages/book=desk/day=2026-03-03/00000002.parquet" in places


def test_a_manifest_with_other_bytes_breaks_the_chain(desk: ArchivedLog) -> None:
    path = file_of(desk.root, 1)
    path.write_bytes(path.read_bytes().replace(b'"code": "', b'"code": "x'))
    found = desk.verify()
    assert "does not continue the bytes of range 1" in found.faults[0].reason
    path.write_bytes(path.read_bytes() + b" ")
    assert "does not have the bytes it was written with" in desk.verify().faults[0].reason


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_named(desk: ArchivedLog, content: bytes) -> None:
    file_of(desk.root, 1).write_bytes(content)
    found = desk.verify()
    assert found.faults[0].where == FIRST_FILE


def test_a_file_that_no_manifest_names_is_found(desk: ArchivedLog) -> None:
    """Whoever asks the folders with SQL would read it."""
    stray = desk.root / "fills/book=desk/day=2026-03-02/9.parquet"
    stray.write_bytes(desk.path("fills", 1).read_bytes())
    assert [fault.where for fault in desk.verify().faults] == [
        "fills/book=desk/day=2026-03-02/9.parquet"
    ]


@pytest.mark.parametrize("name", ["messages/evil.parquet", "evil.parquet", "fills/a/b.parquet"])
def test_a_file_outside_of_the_hive_folders_is_found(desk: ArchivedLog, name: str) -> None:
    (desk.root / ".unfinished" / "00000003").mkdir(parents=True)
    for stray in (name, ".unfinished/00000003/fills.desk.parquet"):  # one is the sealer's own
        (desk.root / stray).parent.mkdir(exist_ok=True)
        (desk.root / stray).write_bytes(desk.path("messages", 1).read_bytes())
    assert [fault.where for fault in desk.verify().faults] == [name]


@pytest.mark.parametrize("content", [b"\xff\xfe garbage", b"no key at all"])
def test_public_keys_that_are_none_are_a_fault_by_name(desk: ArchivedLog, content: bytes) -> None:
    (desk.root / PUBLIC).write_bytes(content)
    found = desk.verify()
    assert not found.sound
    assert any(PUBLIC in fault.where + fault.reason for fault in found.faults)


def test_a_cut_segment_of_messages_is_bad_from_the_first_message_of_its_range(
    desk: ArchivedLog,
) -> None:
    path = desk.path("messages", 2)
    path.write_bytes(path.read_bytes()[:-100])
    for alone in (False, True):
        assert desk.verify(alone=alone).first_bad_sequence == desk.chain[1].first


def test_a_log_that_differs_from_the_archive_is_found(desk: ArchivedLog) -> None:
    stored = desk.log.messages[RISK - 1]
    desk.log.messages[RISK - 1] = structs.replace(stored, payload=stored.payload + b" ")
    found = desk.verify()
    assert [(fault.where, fault.sequence) for fault in found.faults] == [("log", RISK)]
    assert "another payload" in found.faults[0].reason


def test_a_log_that_was_cut_is_found(desk: ArchivedLog) -> None:
    desk.log.messages[20:] = []
    found = desk.verify()
    assert any(
        fault.where == "log" and fault.sequence == 21 and "it was cut" in fault.reason
        for fault in found.faults
    )


def test_a_hole_in_the_log_is_told_and_the_archive_proved_all_the_same(desk: ArchivedLog) -> None:
    del desk.log.messages[30]
    found = desk.verify()
    assert [fault.where for fault in found.faults] == ["log"]
    assert found.messages == found.last


def test_a_damaged_file_is_never_read_as_history(desk: ArchivedLog) -> None:
    one_byte(desk)
    archive = Archive(desk.root)
    with pytest.raises(ArchiveError, match="is not the file that was sealed"):
        list(archive.messages(0))
    second = desk.chain[1]
    assert [m.sequence for some in archive.messages(second.first - 1) for m in some]


def test_a_sealed_range_that_the_log_has_not_heard_of_is_told_but_no_fault(
    desk: ArchivedLog,
) -> None:
    desk.log.messages.pop()  # the word about the second range
    desk.log._tails.clear()
    found = desk.verify()
    assert (found.sound, found.unsaid) == (True, [2])


@pytest.mark.parametrize("window", [5, 4_096])
def test_columns_are_what_the_messages_say(
    desk: ArchivedLog, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadreckon.archive.recompute.WINDOW", window)
    assert desk.verify(columns=True).faults == []


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("fills", lambda rows: rows.with_columns(price=polars.lit("100.126"))),
        ("fills", lambda rows: rows.with_columns(price_units=polars.lit(1))),
        ("refusals", lambda rows: rows.clear()),
        ("signals", lambda rows: polars.concat([rows, rows])),
    ],
)
def test_columns_that_say_something_else_are_found_though_they_are_sealed(
    desk: ArchivedLog, family: str, change: Callable[[polars.DataFrame], polars.DataFrame]
) -> None:
    """Only the sealer itself could do that: by a mistake, or a stolen key."""
    path = desk.path(family, 1)
    rows = polars.read_parquet(path, hive_partitioning=False)
    rewrite(path, change)
    count = len(polars.read_parquet(path, hive_partitioning=False))
    segments = [
        structs.replace(each, rows=count) if each.family == family else each
        for each in desk.chain[0].segments
    ]
    resign(desk, 1, KEY, segments=segments)
    assert desk.verify(alone=True).sound
    [fault] = desk.verify(alone=True, columns=True).faults
    assert (fault.where, fault.sequence) == (
        path.relative_to(desk.root).as_posix(),
        rows["sequence"][0],
    )


def test_a_sealed_file_that_is_no_parquet_is_named(desk: ArchivedLog) -> None:
    desk.path("fills", 1).write_bytes(b"PAR1 and nothing")
    desk.path("messages", 2).write_bytes(b"PAR1 and nothing")
    resign(desk, 1, KEY)
    reasons = {fault.where: fault.reason for fault in desk.verify(alone=True).faults}
    assert "cannot be read" in reasons["fills/book=desk/day=2026-03-02/00000001.parquet"]
    assert "cannot be read" in reasons["messages/book=desk/day=2026-03-03/00000002.parquet"]
