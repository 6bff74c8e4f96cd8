"""A folder's log: an external server, the one already running there, or one of our own."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from deadreckon.archive.location import has_archive, is_archive_only
from deadreckon.archive.whole_log import archived_log, whole_log
from deadreckon.contracts.publishers import SERVICES
from deadreckon.contracts.subjects import VENUE_EDGES
from deadreckon.runtime.log.bus import Bus, ConfigurationError, DeniedError, HoleError, LogInfo
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.log.role_connections import RoleConnections
from deadreckon.runtime.log.rollover_notice import refuse_unfinished_rollover
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import PRODUCER_PREFIX
from deadreckon.runtime.server.endpoint import Endpoint, external_endpoint
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK, KnownRoles, Tls
from deadreckon.runtime.server.nats_server import (
    ServerFailedError,
    running_server,
)
from deadreckon.runtime.server.rights import (
    ANALYST,
    COPIER,
    NOTIFIER,
    OPERATOR,
    PROVISIONER,
    READER,
    STACK,
)
from deadreckon.runtime.server.server_files import (
    ANY_PORT,
    change_known_roles,
)
from deadreckon.runtime.server.supervisor import ServerSupervisor

VERB_LOOK = 0.1  # seconds between two looks whether it is done
VERB_WAIT = 60.0  # seconds for a verb that has the store open (an audit, say) to be done with it
LOG_WAIT = 10.0  # seconds for the log to be made by the stack that starts on the folder

log = log_lines.Logger()


@asynccontextmanager
async def open_bus(
    folder: Folder, server: str | None = None, role: str = ANALYST, *, live_only: bool = False
) -> AsyncIterator[Bus]:
    """Open the folder's log in one role for a verb: on `server` (see `external`), on the server
    that runs there, or on one started for the purpose. What has left the log is read from the
    archive, unless only the live part is asked for, or an operator asks."""
    if server is None and is_archive_only(folder.root):
        yield archived_log(folder.root)
        return
    async with _entered(folder, server) as endpoint:
        bus = await endpoint.bus(role)
        try:
            if role.startswith(PRODUCER_PREFIX):  # who may not even ask
                yield bus
                return
            await _check(bus)
            # A halt must not fail, or wait, because history lies on another machine.
            live_only = live_only or role == OPERATOR
            yield bus if live_only else await whole_log(folder.root, bus)
        finally:
            await bus.close()


@asynccontextmanager
async def service_bus(
    folder: Folder, server: str | None, services: Sequence[str]
) -> AsyncIterator[Bus]:
    """Open the log with the rights of some services, each its own; the first one reads for all.

    They never start a server: the stack, when it starts its own again, would find the store taken.
    Raises ServerFailedError.
    """
    entering = _attached(folder) if server is None else _external(server)
    async with entering as endpoint, _switchboard(endpoint, services) as bus:
        yield await whole_log(folder.root, bus)


@asynccontextmanager
async def stack_bus(
    folder: Folder,
    server: str | None,
    *,
    memory: bool = False,
    port: int = ANY_PORT,
    book: str = DEFAULT_BOOK,
    tls: Tls | None = None,
    venues: Sequence[str] = (),
    more: Sequence[str] = (),
) -> AsyncIterator[Bus]:
    """Open the log of a stack, with the rights of everything in it: in memory, on `server` (see
    `external`), or on a server of its own, with certificates if there are any. `venues` are the
    edges that write too, `more` the roles of programs that measure a stack."""
    if memory:
        yield MemoryBus()
        return
    if server is None:
        refuse_unfinished_rollover(folder.root)
        _refuse_archive_only(folder.root)

        def change(known: KnownRoles) -> KnownRoles:
            for edge in venues:
                known = known.with_venue(edge)
            return replace(known.with_book(book), tls=tls and tls.absolute())

        change_known_roles(folder, change)
        entering = _own(folder, port)
    else:
        entering = _external(server)
    services = (name for name in SERVICES if name != VENUE_EDGES)
    roles = [STACK, READER, NOTIFIER, *services, *venues, *more]
    async with entering as endpoint, _switchboard(endpoint, roles) as bus:
        yield await whole_log(folder.root, bus)


@asynccontextmanager
async def owner_bus(folder: Folder, *, empty: bool = False) -> AsyncIterator[JetStreamBus]:
    """Open the folder's log to copy the stream itself, or to fill an `empty` store with it.

    It attaches to the server that runs there, or starts one for the purpose.
    """
    refuse_unfinished_rollover(folder.root)
    if not empty:
        _refuse_archive_only(folder.root)
    async with AsyncExitStack() as stack:
        found = running_server(folder.root)
        if found is None:
            found = (await stack.enter_async_context(ServerSupervisor(folder.root))).address
            if not empty:
                await _provision(found.endpoint, folder.root)
        bus = await found.endpoint.bus(COPIER)
        stack.push_async_callback(bus.close)
        if not empty:
            await _check(bus)
        yield bus


@asynccontextmanager
async def _entered(folder: Folder, server: str | None) -> AsyncIterator[Endpoint]:
    if server is not None:
        async with _external(server) as endpoint:
            yield endpoint
        return
    refuse_unfinished_rollover(folder.root)
    found = running_server(folder.root)
    if found is not None:
        yield found.endpoint
    else:
        async with _own(folder) as endpoint:
            yield endpoint


@asynccontextmanager
async def _attached(folder: Folder) -> AsyncIterator[Endpoint]:
    refuse_unfinished_rollover(folder.root)
    found = running_server(folder.root)
    if found is None:
        raise ServerFailedError(f"no stack runs on {folder.root}: start one with `dr up`")
    yield found.endpoint


@asynccontextmanager
async def _own(folder: Folder, port: int = ANY_PORT) -> AsyncIterator[Endpoint]:
    """Start a server for a stack; waits for the end of one that a verb has started. Raises
    StoreLockedError."""
    for _ in range(int(VERB_WAIT / VERB_LOOK)):
        if running_server(folder.root) is None:
            break
        await asyncio.sleep(VERB_LOOK)
    refuse_unfinished_rollover(folder.root)  # again: the verb that was waited for may have begun it
    async with ServerSupervisor(folder.root, port) as server:
        endpoint = server.address.endpoint
        await _provision(endpoint, folder.root)
        yield endpoint


@asynccontextmanager
async def _external(server: str) -> AsyncIterator[Endpoint]:
    """Connect to an external server; the log is created there if it is missing and we may."""
    endpoint = external_endpoint(server)
    if endpoint.has(PROVISIONER):
        await _provision(endpoint)
    yield endpoint


async def _provision(endpoint: Endpoint, data: Path | None = None) -> None:
    """Make the log, or see that it is kept as it must be. Where a folder's history was sealed
    there was a log: an empty one is not made instead. Raises HoleError."""
    bus = await endpoint.bus(PROVISIONER)
    try:
        if data and has_archive(data) and await retry(bus.api.configuration) is None:
            raise HoleError(
                f"{data} has an archive and its store no log: restore the folder from a backup"
            )
        await bus.provision()
        try:
            await bus.bring_up_to_date()
        except DeniedError as error:  # of an external server: `dr nats config` gives the right
            log.warning("stream_not_brought_up_to_date", reason=str(error))
    finally:
        await bus.close()


@asynccontextmanager
async def _switchboard(endpoint: Endpoint, roles: Sequence[str]) -> AsyncIterator[Bus]:
    bus: Bus
    if endpoint.credentials is None:
        bus = await endpoint.bus(roles[0])
    else:
        bus = await RoleConnections.open(endpoint, roles[0], roles[1:])
    try:
        await _check(bus)
        yield bus
    finally:
        await bus.close()


def _refuse_archive_only(data: Path) -> None:
    if is_archive_only(data):
        raise ConfigurationError(
            f"{data} is an archive without a log that goes on: every `dr replay` verb reads it, "
            "but nothing can run on it; take another --data folder"
        )


async def _check(bus: Bus) -> None:
    """Wait until the log is there, and check that it is configured as it must be, and whole.

    Raises ConfigurationError or HoleError.
    """
    patience = time.monotonic() + LOG_WAIT
    while True:
        try:
            await bus.provision()
            break
        except DeniedError:  # it was to be made, and we are not the one to make it
            if time.monotonic() > patience:
                raise ConfigurationError("this server keeps no log yet: start a stack") from None
            await asyncio.sleep(VERB_LOOK)
    info = await retry(bus.info)
    check_whole(info)
    await _check_end(bus, info.last)


async def _check_end(bus: Bus, last: int) -> None:
    """Check the log's last message. The server counts a damaged one, but returns an older tail of
    its domain, whose writer would then repeat itself. Raises HoleError."""
    if last and await retry(lambda: bus.message(last)) is None:
        raise HoleError(
            f"message {last}, the log's last, is counted but cannot be read: its store is "
            "damaged; restore it from a copy"
        )


def check_whole(info: LogInfo) -> None:
    """Refuse a log with a hole or a missing end; nothing may be decided or shown on it.

    Raises HoleError. The server itself says nothing of such damage (decision 0014).
    """
    expected = info.last - info.first + 1 if info.last else 0
    if info.messages != expected or info.deleted:
        raise HoleError(
            f"the log should hold {expected} messages ({info.first} to {info.last}) but has "
            f"{info.messages}, {info.deleted} missing: restore the store from a copy"
        )


def server_location(folder: Folder) -> dict[str, str] | None:
    """Return the URL of the folder's server and its folder of credentials; null when none runs."""
    found = running_server(folder.root)
    if found is None:
        return None
    return {"url": found.url, "credentials": str(found.credentials.absolute())}
