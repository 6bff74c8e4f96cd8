"""What the columns of an archive hold: the same as the bytes, exactly, for who asks with SQL."""

from pathlib import Path
from typing import Any

import msgspec
import polars
import pytest

from deadreckon.archive.segments import Archive
from deadreckon.archive.typed_columns import FAMILIES, columns, frame, row
from deadreckon.contracts.catalogue import EVENTS
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.event import Event
from tests.contracts.samples import sample
from tests.stories import START, at, bar, filled, marked, quote, trade
from tests.support.archived_logs import ArchivedLog

TYPES = [(family, name) for family, names in FAMILIES.items() for name in names]


def told(event: Event, sequence: int = 1, index: int = 0) -> dict[str, Any]:
    return row(wrap(at(canonical_event(event))), sequence, index)


@pytest.mark.parametrize(("family", "name"), TYPES)
def test_every_field_of_every_event_of_a_family_has_a_column(family: str, name: str) -> None:
    event = sample(EVENTS[name])
    found = frame(family, [told(event, 7, 3)])
    line = found.row(0, named=True)
    assert (line["sequence"], line["index"], line["type"]) == (7, 3, name)
    missing = [field for field in event.__struct_fields__ if line.get(field) is None]
    assert missing == []
    assert list(found.columns) == list(columns(family))


def test_no_column_is_a_floating_number() -> None:
    kinds = {dtype for family in FAMILIES for dtype in columns(family).values()}
    assert polars.Float64 not in kinds
    assert polars.Float32 not in kinds


@pytest.mark.parametrize(
    ("text", "units", "scale"),
    [
        ("100.125", 100_125, 3),
        ("-0.01", -1, 2),
        ("0", 0, 0),
        ("9223372036854775807", 9_223_372_036_854_775_807, 0),
        ("9223372036854775808", None, None),
        ("922337203685.123456789", None, None),
    ],
)
def test_an_amount_is_also_an_integer_of_a_scale_where_that_fits(
    text: str, units: int | None, scale: int | None
) -> None:
    line = told(filled("buy", 1, 100, fee=text))
    assert line["fee"] == text
    assert (line["fee_units"], line["fee_scale"]) == (units, scale)


def test_an_integer_that_no_column_holds_is_null_rather_than_another_number() -> None:
    event = sample(EVENTS["orders.order_approved"])
    changed = msgspec.structs.replace(event, expires_at=1 << 70)
    found = frame("orders", [told(changed)])
    assert found["expires_at"].to_list() == [None]


def test_a_mark_is_what_the_ledger_takes_for_the_price() -> None:
    events = [bar(close="100.5"), quote("0.1", "0.2"), trade("7.25"), marked("3.125")]
    assert [told(event)["mark"] for event in events] == ["100.5", "0.15", "7.25", "3.125"]


def test_the_rows_of_an_archive_are_its_events_at_their_places(tmp_path: Path) -> None:
    archived = ArchivedLog(tmp_path / "archive")
    archived.seal()
    archive = Archive(archived.root)
    fills = polars.read_parquet(archived.root / "fills/**/*.parquet", hive_partitioning=True)
    assert fills["trade_id"].to_list() == ["t0", "t1"]
    assert fills["price"].to_list() == ["100.125", "100.125"]
    assert fills["price_units"].to_list() == [100_125, 100_125]
    days = [manifest.day for manifest in archive.manifests]
    assert fills["day"].cast(polars.String).to_list() == days
    assert fills["at"].to_list()[0] == START
    for sequence in fills["sequence"].to_list():
        stored = archive.message(sequence)
        assert stored is not None
        assert b"order_filled" in stored.payload

    signals = polars.read_parquet(archive.paths("signals"))
    assert signals["features"].to_list() == ['{"a":"1","b":"2"}'] * 2
    assert polars.read_parquet(archive.paths("refusals"))["rule"].to_list() == ["halted"] * 2
    assert len(polars.read_parquet(archive.paths("marks"))) == 2 * 21
