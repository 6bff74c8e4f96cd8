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
def archived(tmp_path: Path) -> ArchivedLog:
    """Two sealed days, and a third one that is not over."""
    archived = ArchivedLog(tmp_path / "archive")
    archived.seal()
    return archived


def changed(archived: ArchivedLog, column: str, value: polars.Expr, sequence: int = RISK) -> None:
    """Give a message of the first day another value."""
    here = polars.col("sequence") == sequence
    rewrite(
        archived.path("messages", 1),
        lambda rows: rows.with_columns(
            polars.when(here).then(value).otherwise(column).alias(column)
        ),
    )


def one_byte(archived: ArchivedLog) -> None:
    """The fill of the first day is dearer by a digit."""
    path = archived.path("messages", 1)
    rows = polars.read_parquet(path, hive_partitioning=False)
    payloads = [
        payload.replace(b'"100.125"', b'"100.126"') if place == FILL else payload
        for place, payload in rows.select("sequence", "payload").iter_rows()
    ]
    assert payloads != rows["payload"].to_list()
    rows.with_columns(polars.Series("payload", payloads)).write_parquet(path)


def another_time(archived: ArchivedLog) -> None:
    changed(archived, "stored_at", polars.col("stored_at") + 1)


def another_subject(archived: ArchivedLog) -> None:
    changed(archived, "subject", polars.lit("log.desk.fill.events"))


def a_row_less(archived: ArchivedLog) -> None:
    rewrite(archived.path("messages", 1), lambda rows: rows.filter(polars.col("sequence") != RISK))


def a_row_twice(archived: ArchivedLog) -> None:
    rewrite(
        archived.path("messages", 1),
        lambda rows: polars.concat([rows, rows.filter(polars.col("sequence") == RISK)]),
    )


def sign_anew(archived: ArchivedLog) -> None:
    """Adapt hashes and signatures, as somebody would who makes a key of their own known."""
    resign(archived, 1, FOREIGN)
    trust(archived, FOREIGN)


def bend(archived: ArchivedLog) -> None:
    """One bit of a column file."""
    path = archived.path("fills", 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(archived: ArchivedLog) -> None:
    one, other = archived.path("messages", 1), archived.path("messages", 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def test_an_archive_is_proved_alone_and_beside_its_log(archived: ArchivedLog) -> None:
    found = archived.verify()
    assert found.faults == []
    assert (found.ranges, found.messages, found.compared) == (2, found.last, found.last)
    assert (found.recorded, found.unsaid, found.keys) == (2, [], [KEY.public])
    alone = archived.verify(alone=True, key=KEY.public)
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
        (lambda archived: archived.path("messages", 1).unlink(), MESSAGES, 1),
        (lambda archived: archived.path("messages", 1).write_bytes(b"PAR1"), MESSAGES, 1),
        (bend, "fills/book=desk/day=2026-03-03/00000002.parquet", None),
        (swap, MESSAGES, 1),
    ],
)
def test_a_changed_file_is_named_and_with_the_log_the_message_in_it(
    archived: ArchivedLog, tamper: Callable[[ArchivedLog], None], where: str, sequence: int | None
) -> None:
    tamper(archived)
    found = archived.verify()
    assert found.faults[0].where == where
    assert found.first_bad_sequence == sequence
    assert where in {fault.where for fault in archived.verify(alone=True).faults}


@pytest.mark.parametrize("tamper", [one_byte, another_time, another_subject])
def test_a_forged_archive_that_is_consistent_is_found_by_log_and_by_key(
    archived: ArchivedLog, tamper: Callable[[ArchivedLog], None]
) -> None:
    """Everything was signed anew by a key that the archive itself names."""
    tamper(archived)
    sequence = FILL if tamper is one_byte else RISK
    sign_anew(archived)

    beside = archived.verify()
    reasons = [fault.reason for fault in beside.faults]
    assert any("is not the one that message" in reason for reason in reasons)
    assert sequence in [fault.sequence for fault in beside.faults]
    with_key = archived.verify(alone=True, key=KEY.public)
    assert "not the one you named" in with_key.faults[0].reason


def test_a_root_that_was_changed_and_signed_by_another_is_found(archived: ArchivedLog) -> None:
    resign(archived, 2, FOREIGN, root="00" * 32)
    reasons = [fault.reason for fault in archived.verify(alone=True).faults]
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
    archived: ArchivedLog, change: dict[str, object], reason: str
) -> None:
    resign(archived, 2, KEY, **change)
    found = archived.verify(alone=True)
    assert [fault.where for fault in found.faults] == ["manifests/00000002.json"]
    assert reason in found.faults[0].reason
    assert any("message" in fault.reason for fault in archived.verify().faults)


def test_a_signature_of_something_else_is_found(archived: ArchivedLog) -> None:
    signature = archived.chain[0].signature
    path = file_of(archived.root, 2)
    path.write_text(path.read_text().replace(archived.chain[1].signature, signature))
    found = archived.verify(alone=True)
    assert "its signature is not that of its key" in found.faults[0].reason


def test_a_manifest_without_a_signature_among_signed_ones_is_found(archived: ArchivedLog) -> None:
    path = file_of(archived.root, 2)
    manifest = structs.replace(archived.chain[1], signature="", public_key="")
    path.write_bytes(file_bytes(manifest))
    assert "it is not signed" in archived.verify(alone=True).faults[0].reason


def test_a_cut_chain_of_manifests_is_found(archived: ArchivedLog) -> None:
    file_of(archived.root, 1).unlink()
    found = archived.verify()
    assert found.faults[0].where == FIRST_FILE
    assert found.first_bad_sequence == 1
    with pytest.raises(ArchiveError, match="is missing, though later ranges are there"):
        Archive(archived.root)


def test_an_end_that_was_cut_off_is_known_to_the_log_and_its_files_to_nobody(
    archived: ArchivedLog,
) -> None:
    first = archived.chain[1].first
    file_of(archived.root, 2).unlink()
    found = archived.verify()
    assert found.first_bad_sequence == first
    places = {fault.where for fault in found.faults}
    assert "manifests/00000002.json" in places
    assert "messages/book=desk/day=2026-03-03/00000002.parquet" in places


def test_a_manifest_with_other_bytes_breaks_the_chain(archived: ArchivedLog) -> None:
    path = file_of(archived.root, 1)
    path.write_bytes(path.read_bytes().replace(b'"code": "', b'"code": "x'))
    found = archived.verify()
    assert "does not continue the bytes of range 1" in found.faults[0].reason
    path.write_bytes(path.read_bytes() + b" ")
    assert "does not have the bytes it was written with" in archived.verify().faults[0].reason


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_named(archived: ArchivedLog, content: bytes) -> None:
    file_of(archived.root, 1).write_bytes(content)
    found = archived.verify()
    assert found.faults[0].where == FIRST_FILE


def test_a_file_that_no_manifest_names_is_found(archived: ArchivedLog) -> None:
    """Whoever asks the folders with SQL would read it."""
    stray = archived.root / "fills/book=desk/day=2026-03-02/9.parquet"
    stray.write_bytes(archived.path("fills", 1).read_bytes())
    assert [fault.where for fault in archived.verify().faults] == [
        "fills/book=desk/day=2026-03-02/9.parquet"
    ]


@pytest.mark.parametrize("name", ["messages/evil.parquet", "evil.parquet", "fills/a/b.parquet"])
def test_a_file_outside_of_the_hive_folders_is_found(archived: ArchivedLog, name: str) -> None:
    (archived.root / ".unfinished" / "00000003").mkdir(parents=True)
    for stray in (name, ".unfinished/00000003/fills.desk.parquet"):  # one is the sealer's own
        (archived.root / stray).parent.mkdir(exist_ok=True)
        (archived.root / stray).write_bytes(archived.path("messages", 1).read_bytes())
    assert [fault.where for fault in archived.verify().faults] == [name]


@pytest.mark.parametrize("content", [b"\xff\xfe garbage", b"no key at all"])
def test_public_keys_that_are_none_are_a_fault_by_name(
    archived: ArchivedLog, content: bytes
) -> None:
    (archived.root / PUBLIC).write_bytes(content)
    found = archived.verify()
    assert not found.sound
    assert any(PUBLIC in fault.where + fault.reason for fault in found.faults)


def test_a_cut_segment_of_messages_is_bad_from_the_first_message_of_its_range(
    archived: ArchivedLog,
) -> None:
    path = archived.path("messages", 2)
    path.write_bytes(path.read_bytes()[:-100])
    for alone in (False, True):
        assert archived.verify(alone=alone).first_bad_sequence == archived.chain[1].first


def test_a_log_that_differs_from_the_archive_is_found(archived: ArchivedLog) -> None:
    stored = archived.log.messages[RISK - 1]
    archived.log.messages[RISK - 1] = structs.replace(stored, payload=stored.payload + b" ")
    found = archived.verify()
    assert [(fault.where, fault.sequence) for fault in found.faults] == [("log", RISK)]
    assert "another payload" in found.faults[0].reason


def test_a_log_that_was_cut_is_found(archived: ArchivedLog) -> None:
    archived.log.messages[20:] = []
    found = archived.verify()
    assert any(
        fault.where == "log" and fault.sequence == 21 and "it was cut" in fault.reason
        for fault in found.faults
    )


def test_a_hole_in_the_log_is_told_and_the_archive_proved_all_the_same(
    archived: ArchivedLog,
) -> None:
    del archived.log.messages[30]
    found = archived.verify()
    assert [fault.where for fault in found.faults] == ["log"]
    assert found.messages == found.last


def test_a_damaged_file_is_never_read_as_history(archived: ArchivedLog) -> None:
    one_byte(archived)
    archive = Archive(archived.root)
    with pytest.raises(ArchiveError, match="is not the file that was sealed"):
        list(archive.messages(0))
    second = archived.chain[1]
    assert [m.sequence for some in archive.messages(second.first - 1) for m in some]


def test_a_sealed_range_that_the_log_has_not_heard_of_is_told_but_no_fault(
    archived: ArchivedLog,
) -> None:
    archived.log.messages.pop()  # the word about the second range
    archived.log._tails.clear()
    found = archived.verify()
    assert (found.sound, found.unsaid) == (True, [2])


@pytest.mark.parametrize("window", [5, 4_096])
def test_columns_are_what_the_messages_say(
    archived: ArchivedLog, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadreckon.archive.recompute.WINDOW", window)
    assert archived.verify(columns=True).faults == []


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
    archived: ArchivedLog, family: str, change: Callable[[polars.DataFrame], polars.DataFrame]
) -> None:
    """Only the sealer itself could do that: by a mistake, or a stolen key."""
    path = archived.path(family, 1)
    rows = polars.read_parquet(path, hive_partitioning=False)
    rewrite(path, change)
    count = len(polars.read_parquet(path, hive_partitioning=False))
    segments = [
        structs.replace(each, rows=count) if each.family == family else each
        for each in archived.chain[0].segments
    ]
    resign(archived, 1, KEY, segments=segments)
    assert archived.verify(alone=True).sound
    [fault] = archived.verify(alone=True, columns=True).faults
    assert (fault.where, fault.sequence) == (
        path.relative_to(archived.root).as_posix(),
        rows["sequence"][0],
    )


def test_a_sealed_file_that_is_no_parquet_is_named(archived: ArchivedLog) -> None:
    archived.path("fills", 1).write_bytes(b"PAR1 and nothing")
    archived.path("messages", 2).write_bytes(b"PAR1 and nothing")
    resign(archived, 1, KEY)
    reasons = {fault.where: fault.reason for fault in archived.verify(alone=True).faults}
    assert "cannot be read" in reasons["fills/book=desk/day=2026-03-02/00000001.parquet"]
    assert "cannot be read" in reasons["messages/book=desk/day=2026-03-03/00000002.parquet"]
