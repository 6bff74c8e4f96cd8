"""A log of some days in memory, its archive, and ways to tamper with that."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
from msgspec import structs

from deadreckon.archive.manifests import (
    ArchiveManifest,
    digest_of,
    file_bytes,
    file_of,
    read_chain,
    signed,
)
from deadreckon.archive.sealer import PUBLIC, SealResult, seal_days
from deadreckon.archive.segment_writer import file_digest
from deadreckon.archive.signing import SealKey
from deadreckon.archive.verification import ArchiveVerdict, verify
from deadreckon.contracts.signals import SignalRefused
from deadreckon.contracts.subjects import producer_subject
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from tests.stories import INSTRUMENT, MINUTE, START, bar, filled, quote
from tests.stories import signal as trade_signal
from tests.support.messages import StoredLog

DAYS = 3
ROWS = 20  # of the market a day
KEY = SealKey(bytes(range(32)))
FOREIGN = SealKey(bytes(range(1, 33)))


def some_days() -> StoredLog:
    """A door before any clock, then days of bars with a wish, its refusal and a fill each."""
    log = StoredLog()
    log.put(producer_subject("desk", "ext"), b'{"id": "early"}')
    for day in range(DAYS):
        for row in range(ROWS):
            log.market(bar(close=100 + row), START + day * DAY + row * MINUTE)
            log.commit("risk")
        log.market(quote(bid="100.1", ask="100.2"), START + day * DAY + ROWS * MINUTE)
        log.commit("signal", trade_signal(quantity=1, id=f"s{day}", features={"b": "2", "a": "1"}))
        log.commit("risk", refused(f"s{day}"))
        fill = filled("buy", "0.25", "100.125", id=f"t{day}", fee="0.01")
        log.commit("fill", fill, when=START + day * DAY)
    return log


def refused(signal: str) -> SignalRefused:
    return SignalRefused(signal, "", "ext", INSTRUMENT, "halted", None, None, None, "halted by ann")


def timed(log: StoredLog) -> list[Stored]:
    """The messages with times of a server."""
    return [structs.replace(each, stored_at=10**18 + each.sequence) for each in log.stored]


class ArchivedLog:
    """A log in memory and an archive of it."""

    def __init__(self, root: Path, messages: list[Stored] | None = None) -> None:
        self.root = root
        self.log = MemoryLog(list(timed(some_days()) if messages is None else messages))
        self.bus = MemoryBus(self.log)

    def seal(
        self, day: str | None = None, *, everything: bool = False, again: bool = False
    ) -> SealResult:
        """What `dr archive seal` does."""
        job = seal_days(
            self.bus,
            self.root,
            KEY,
            day=day,
            everything=everything,
            again=again,
            progress=lambda *_: None,
        )
        return asyncio.run(job)

    def verify(
        self, *, alone: bool = False, key: str | None = None, columns: bool = False
    ) -> ArchiveVerdict:
        """What `dr archive verify` does."""
        bus = None if alone else self.bus
        return asyncio.run(verify(self.root, bus, key, lambda *_: None, columns=columns))

    @property
    def chain(self) -> list[ArchiveManifest]:
        return read_chain(self.root)

    def path(self, family: str, number: int, book: str = "desk") -> Path:
        """The file of a family in a range."""
        manifest = self.chain[number - 1]
        return next(
            self.root / each.path
            for each in manifest.segments
            if (each.family, each.book) == (family, book)
        )

    def files(self) -> dict[str, bytes]:
        """Everything in the archive, by name."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def rewrite(path: Path, change: Callable[[polars.DataFrame], polars.DataFrame]) -> None:
    """Give a segment other rows, as somebody would who knows how to write one."""
    change(polars.read_parquet(path, hive_partitioning=False)).write_parquet(path)


def resign(archived: ArchivedLog, number: int, key: SealKey, **changes: Any) -> None:
    """Write a manifest anew, with the hashes that its files have now, and all after it."""
    chain = archived.chain
    for place in range(number - 1, len(chain)):
        more = dict(changes) if place == number - 1 else {}
        named = more.pop("segments", chain[place].segments)
        segments = [
            structs.replace(each, sha256=file_digest(archived.root / each.path)) for each in named
        ]
        previous = digest_of(chain[place - 1]) if place else ""
        told = structs.replace(chain[place], segments=segments, previous=previous, **more)
        chain[place] = signed(told, key)
        file_of(archived.root, place + 1).write_bytes(file_bytes(chain[place]))


def trust(archived: ArchivedLog, key: SealKey) -> None:
    """Make the archive say that it was sealed with this key."""
    (archived.root / PUBLIC).write_text(f"{key.public}\n")
