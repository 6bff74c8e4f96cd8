"""Files of sorted id prefixes with their sequences, to find an event by the beginning of its id.

An entry is the first 8 bytes of an id, 5 of the message's sequence and 3 of the event's index in
it. Ids that are not hex digits have no entry; finding those takes a search of the log.
"""

import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

ID_BYTES, SEQUENCE_BYTES, INDEX_BYTES = 8, 5, 3
ENTRY = ID_BYTES + SEQUENCE_BYTES + INDEX_BYTES
DIGITS = 2 * ID_BYTES
PREFIX_DIGITS_MIN = 6  # hex digits: fewer would be the prefix of many ids

_IS_BEGINNING = re.compile(f"[0-9a-f]{{{PREFIX_DIGITS_MIN},}}").fullmatch


def is_id_prefix(text: str) -> bool:
    """Return True when a text may be an id, or a prefix long enough to search for."""
    return _IS_BEGINNING(text) is not None


def encode_entry(event_id: str, sequence: int, index: int) -> bytes | None:
    """Encode the entry of an event; None for an id that is not hex digits."""
    try:
        beginning = bytes.fromhex(event_id[:DIGITS])
    except ValueError:
        return None
    if len(beginning) < ID_BYTES:
        return None
    packed = sequence << 8 * INDEX_BYTES | index
    return beginning + packed.to_bytes(SEQUENCE_BYTES + INDEX_BYTES, "big")


class IdEntry(Struct, frozen=True):
    """A decoded entry: the first digits of an event's id, its sequence and index."""

    digits: str
    sequence: int
    index: int


def find(entries: bytes | mmap.mmap, beginning: str) -> Iterator[IdEntry]:
    """Yield the entries, among sorted ones, that match the beginning of an id."""
    digits = beginning[:DIGITS]
    least, most = (bytes.fromhex(digits.ljust(DIGITS, end)) for end in "0f")
    for number in range(_first(entries, least), len(entries) // ENTRY):
        found = entries[number * ENTRY : (number + 1) * ENTRY]
        if found[:ID_BYTES] > most:
            return
        packed = int.from_bytes(found[ID_BYTES:], "big")
        sequence, index = divmod(packed, 1 << 8 * INDEX_BYTES)
        yield IdEntry(found[:ID_BYTES].hex(), sequence, index)


def find_in(files: Iterable[Path], beginning: str) -> Iterator[IdEntry]:
    """Yield the matching entries of many files; missing and empty files are skipped."""
    for path in files:
        if path.exists() and path.stat().st_size:
            with (
                path.open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as entries,
            ):
                yield from find(entries, beginning)


def _first(entries: bytes | mmap.mmap, least: bytes) -> int:
    """Return the number of the first entry that is not less than `least`."""
    low, high = 0, len(entries) // ENTRY
    while low < high:
        middle = (low + high) // 2
        if entries[middle * ENTRY : middle * ENTRY + ID_BYTES] < least:
            low = middle + 1
        else:
            high = middle
    return low
