"""Recomputation of the families' columns from the messages, to check that they agree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars

from deadreckon.archive.manifests import ArchiveManifest
from deadreckon.archive.segment_writer import SegmentKey, book_of
from deadreckon.archive.segments import WINDOW, read_window
from deadreckon.archive.typed_columns import MESSAGES, Row, columns, frame, rows_of
from deadreckon.contracts.codec import UndecodableError, decode_commit
from deadreckon.contracts.subjects import INBOUND
from deadreckon.runtime.log.bus import Stored


def column_differences(root: Path, manifest: ArchiveManifest) -> Iterator[tuple[str, int]]:
    """Yield the files of a range whose columns are not what its messages say, with the first such
    message.

    Columns are compared that this program and the one that sealed both know.
    """
    files = {(each.family, each.book): root / each.path for each in manifest.segments}
    tables = {
        key: polars.scan_parquet(path, hive_partitioning=False, glob=False)
        for key, path in files.items()
    }
    messages = polars.concat([table for (family, _), table in tables.items() if family == MESSAGES])
    for begin in range(manifest.first, manifest.last + 1, WINDOW):
        end = min(begin + WINDOW - 1, manifest.last)
        expected = _rows(read_window(messages, begin, end))
        for key in [key for key in {**tables, **expected} if key[0] != MESSAGES]:
            table = tables.get(key)
            sequence = _first(table, key[0], expected.get(key, []), begin, end)
            if sequence is not None:
                name = files[key].relative_to(root).as_posix() if table is not None else key[0]
                yield name, sequence
                return


def _rows(messages: list[Stored]) -> dict[SegmentKey, list[Row]]:
    found: dict[SegmentKey, list[Row]] = {}
    for stored in messages:
        if stored.subject.split(".")[2:3] in [[door] for door in INBOUND]:
            continue
        try:
            commit = decode_commit(stored.payload)
        except UndecodableError:
            continue
        book = book_of(stored.subject)
        for family, row in rows_of(commit, stored.sequence):
            found.setdefault((family, book), []).append(row)
    return found


def _first(
    table: polars.LazyFrame | None, family: str, rows: list[Row], begin: int, end: int
) -> int | None:
    """Return the first sequence at which a family's file has other rows; null if none."""
    if table is None:
        return int(rows[0]["sequence"])
    here = polars.col("sequence").is_between(begin, end)
    found = table.filter(here).collect()
    names = [name for name in columns(family) if name in found.columns]
    stored: list[tuple[Any, ...]] = found.select(names).rows()
    recomputed: list[tuple[Any, ...]] = frame(family, rows).select(names).rows()
    if stored == recomputed:
        return None
    index = names.index("sequence")
    for one, other in zip(stored, recomputed, strict=False):
        if one != other:
            return int(min(one[index], other[index]))
    longer = max(stored, recomputed, key=len)
    return int(longer[min(len(stored), len(recomputed))][index])
