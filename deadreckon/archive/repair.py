"""Restoration of lost ranges that the log records, from the messages that it still has."""

from pathlib import Path

from deadreckon.archive.days import SEALS, DayWriter
from deadreckon.archive.manifests import ArchiveError, ArchiveManifest, digest_of
from deadreckon.archive.signing import SealKey
from deadreckon.contracts.archive import RangeSealed
from deadreckon.contracts.codec import decode_commit, unwrap
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_stored

SealRecords = dict[int, RangeSealed]  # by the number of the range: the last event about it


async def seal_records(bus: Bus, end: int) -> SealRecords:
    """Read everything that the log records about its archive. Raises HoleError."""
    found: SealRecords = {}
    async for stored in read_stored(bus, end):
        if stored.subject.startswith(SEALS):
            for envelope in decode_commit(stored.payload).events:
                event = unwrap(envelope).event
                if isinstance(event, RangeSealed):
                    found[event.number] = event
    return found


async def restore_ranges(
    bus: Bus, root: Path, key: SealKey, chain: list[ArchiveManifest], end: int
) -> tuple[list[ArchiveManifest], int]:
    """Return the chain with every range that the log records, and how many of these it need not
    record again: a program of another version makes other files of the same messages.

    Raises ArchiveError when the log's messages are not those that were sealed, and HoleError when
    the log has them no more.
    """
    seals = await seal_records(bus, end)
    chain = list(chain)
    for number in range(len(chain) + 1, max(seals, default=0) + 1):
        chain.append(await _write(bus, root, key, chain[-1] if chain else None, seals[number]))
    for known, manifest in enumerate(chain[: len(seals)]):
        if manifest.root != seals[known + 1].root:
            raise ArchiveError(
                f"range {known + 1} holds other messages than the log says: `dr archive verify`"
            )
        if digest_of(manifest) != seals[known + 1].manifest:
            return chain, known
    return chain, len(seals)


async def _write(
    bus: Bus, root: Path, key: SealKey, before: ArchiveManifest | None, seal: RangeSealed
) -> ArchiveManifest:
    writer = DayWriter(root, before, key, lambda _: None, splits=False)
    try:
        async for stored in read_stored(bus, seal.last, after=seal.first - 1):
            writer.add(stored)
        return writer.finish(seal.root)
    finally:
        writer.discard()
