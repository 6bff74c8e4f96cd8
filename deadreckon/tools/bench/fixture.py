"""Fixtures of the bench: temporary folders, each with its own server."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from deadreckon.archive.open_log import stack_bus
from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.runtime.server.server_files import ServerAddress

PRODUCER = producer_role(OWN_PRODUCER)  # whose signals are measured

T = TypeVar("T")


class CaseError(OperationalError):
    """A case that could not be completed; the message gives the reason."""


class TemporaryStack(Struct, frozen=True):
    """Temporary folder with a running server and its empty log."""

    folder: Folder
    bus: Bus
    address: ServerAddress


class Fixture:
    """Source of folders and sizes for cases; `tell` is called with the current activity."""

    def __init__(
        self, root: Path, quick: bool, tell: Callable[[str], None], events: int | None = None
    ) -> None:
        self.root = root
        self.quick = quick
        self.tell = tell
        self.events = events  # length of a soak

    def size(self, full: T, quick: T) -> T:
        """Return the full amount of work, or with --quick the minimum that exercises the case."""
        return quick if self.quick else full

    @contextmanager
    def folder(self, name: str) -> Iterator[Folder]:
        """Make a folder that is removed afterwards."""
        path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))
        try:
            yield Folder(path / "data").create()
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @asynccontextmanager
    async def temporary_stack(self, name: str) -> AsyncIterator[TemporaryStack]:
        """Start a server with a stack's settings on a new folder; both are removed afterwards."""
        with self.folder(name) as folder:
            async with stack_bus(folder, None, more=[PRODUCER]) as bus:
                address = running_server(folder.root)
                assert address is not None
                yield TemporaryStack(folder, bus, address)


@contextmanager
def bench_fixture(
    data: Path, quick: bool, tell: Callable[[str], None], events: int | None = None
) -> Iterator[Fixture]:
    """Make a fixture in `data` and remove all its files at the end."""
    data.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="run-", dir=data))
    log_lines.configure(root / "bench.log")
    try:
        yield Fixture(root, quick, tell, events)
    finally:
        shutil.rmtree(root, ignore_errors=True)
