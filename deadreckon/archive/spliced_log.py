"""The archive and the log that goes on from it, read as one; only the live end is written to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from deadreckon.archive.location import FOLDER, refuse_end
from deadreckon.archive.manifests import ArchiveManifest, digest_of
from deadreckon.archive.sealed import SealedLog, SealedReader, archive_faults_as_holes
from deadreckon.archive.sealer import last_sealed_range
from deadreckon.archive.segments import Archive
from deadreckon.contracts.archive import RangeSealed
from deadreckon.runtime.log.bus import (
    Bus,
    Fence,
    HoleError,
    LogInfo,
    Notices,
    Reader,
    Stored,
    UnavailableError,
)
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.role_connections import as_role


class SplicedLog:
    """A Bus whose old messages, before the first of `live`, come from an archive.

    Message by message they are as they were: sequence, subject, bytes and time. The two meet
    without a hole or HoleError is raised; that is seen when it is made.
    """

    def __init__(self, old: SealedLog, live: Bus) -> None:
        self.payload_max = live.payload_max
        self.log_health = live.log_health
        self.live = live
        self._old = old

    def as_role(self, role: str) -> "SplicedLog":
        """Return the log with the rights of one role."""
        return SplicedLog(self._old, as_role(self.live, role))

    async def provision(self) -> None:
        """See Bus."""
        await self.live.provision()

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """See Bus."""
        return await self.live.append(subject, payload, fence)

    async def tail(self, filter: str) -> Stored | None:
        """See Bus. Every domain's is live, so that it can serve as a fence; a door's may be old."""
        return await self.live.tail(filter) or await self._old.tail(filter)

    async def message(self, sequence: int) -> Stored | None:
        """See Bus."""
        where: Bus = self._old if sequence <= self._old.last else self.live
        return await where.message(sequence)

    async def info(self) -> LogInfo:
        """Return the extent of both together; `bytes` are those of the archive's files and the live
        store."""
        old, live = await self._old.info(), await self.live.info()
        messages, size = old.messages + live.messages, old.bytes + live.bytes
        return LogInfo(1, live.last, messages, size, live.deleted)

    async def read(self, after: int) -> Reader:
        """See Bus."""
        if after >= self._old.last:
            return await self.live.read(after)
        return SplicedReader(await self._old.read(after), self.live)

    async def notify(self, subject: str, payload: bytes) -> None:
        """See Bus."""
        await self.live.notify(subject, payload)

    async def request(self, subject: str, payload: bytes, wait: float) -> bytes:
        """See Bus."""
        return await self.live.request(subject, payload, wait)

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        """See Bus."""
        await self.live.serve(subject, answer)

    def listen(self, subject: str) -> Notices:
        """See Bus."""
        return self.live.listen(subject)

    async def close(self) -> None:
        """See Bus."""
        await self._old.close()
        await self.live.close()


class SplicedReader:
    """Reads the archive to its end, and from there the live log."""

    def __init__(self, old: SealedReader, live: Bus) -> None:
        self._old = old
        self._live = live
        self._new: Reader | None = None

    async def next(self, wait: float) -> list[Stored]:
        """See Reader."""
        if not self._old.ended:
            return await self._old.next(wait)
        if self._new is None:
            try:
                self._new = await self._live.read(self._old.last)
            except UnavailableError:  # what is away comes back; a reader waits for it
                await asyncio.sleep(wait)
                return []
        return await self._new.next(wait)

    async def close(self) -> None:
        """See Reader."""
        await self._old.close()
        if self._new is not None:
            await self._new.close()


def sealed_log(data: Path) -> SealedLog:
    """Open the log of a folder that has only an archive. Raises HoleError."""
    with archive_faults_as_holes():
        archive = Archive(data / FOLDER)
    return SealedLog(archive)


async def with_archive(data: Path, live: Bus) -> Bus:
    """Put its archive before a log that has lost its first messages; see `whole_log`."""
    info = await retry(live.info)
    with archive_faults_as_holes():
        archive = Archive(data / FOLDER)
        chain, sealed = archive.manifests, archive.last
    refuse_end(sealed, info.last)
    old = SealedLog(archive, info.first - 1)
    fault = chain_fault(chain, await last_sealed_range(live), old.last)
    if fault:
        raise HoleError(f"{fault}: bring back the archive of this log (docs/archive.md)")
    return SplicedLog(old, live)


def chain_fault(chain: Sequence[ArchiveManifest], latest: RangeSealed | None, upto: int = 0) -> str:
    """Tell why an archive is not the one that the log last recorded as sealed; empty when it is.

    The last manifest pins all before it. The event about it always follows what it seals, so
    that a log whose messages up to `upto` are in the archive alone still has it.
    """
    if latest is None or latest.last < upto:
        return f"the log does not say that its messages up to {upto} were sealed" if upto else ""
    if latest.number > len(chain):
        return f"the log says that range {latest.number} was sealed, the archive has {len(chain)}"
    if digest_of(chain[latest.number - 1]) != latest.manifest:
        return f"range {latest.number} of the archive is not the one that the log speaks of"
    return ""
