"""Rollover of a folder's log to a later start; after a kill anywhere, a second call finishes it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from deadreckon import __version__
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.subjects import ALL, STREAM, parse
from deadreckon.runtime.log import rollover_notice, stream_rollover
from deadreckon.runtime.log.bus import HoleError
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.role_connections import RoleConnections
from deadreckon.runtime.log.rollover_notice import Rollover
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.durable import sync_all
from deadreckon.runtime.process.killpoints import passed
from deadreckon.runtime.server.credentials import Credential
from deadreckon.runtime.server.endpoint import Endpoint
from deadreckon.runtime.server.nats_server import EmbeddedServer, ServerFailedError
from deadreckon.runtime.server.nkeys import new_seed
from deadreckon.runtime.server.rights import NEXT, PROVISIONER, READER, ROLLER
from deadreckon.runtime.server.server_files import RolloverOptions, ServerFiles

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


class RolloverConnections(Struct, frozen=True):
    """Connections to a server in exclusive use, with its two streams: the log and its copy."""

    endpoint: Endpoint
    log: JetStreamBus
    copy: JetStreamBus


@asynccontextmanager
async def rollover_connections(
    data: Path, *, hurried: bool = False
) -> AsyncIterator[RolloverConnections]:
    """Start a server on the folder for as long as it takes. What a `hurried` one has copied is on
    disk only once it was forced to. Raises StoreLockedError when one runs already, and
    ServerFailedError when it dies: nothing waits for its answer for ever."""
    roller = Credential(ROLLER, new_seed())  # for this run, and nowhere on disk
    async with (
        EmbeddedServer(data, rolling=RolloverOptions(roller.key.public, hurried)) as server,
        _while_it_lives(server),
    ):
        endpoint = server.address.endpoint
        log = await endpoint.roller(roller, STREAM)
        copy = await endpoint.roller(roller, NEXT)
        try:
            yield RolloverConnections(endpoint, log, copy)
        finally:
            await log.close()
            await copy.close()


@asynccontextmanager
async def _while_it_lives(server: EmbeddedServer) -> AsyncIterator[None]:
    async def watch() -> None:
        await server.died.wait()
        patience.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(None) as patience:
            watching = asyncio.create_task(watch(), name="nats-server")
            try:
                yield
            finally:
                await cancel_all([watching])
    except TimeoutError:
        raise ServerFailedError("nats-server died on the way; call it again") from None


async def finish(data: Path, roll: Rollover, progress: Progress) -> None:
    """Go on from where a roll stands to its end.

    Raises HoleError when neither the log nor its copy is what it was: then only a backup helps.
    """
    if roll.step == "begun":
        roll = await _close(data, roll, progress)
        roll = await _copy_copy(data, roll, progress)
    if roll.step == "copied":
        roll = await _copy_back(data, roll, progress)
    await _open(data, roll, progress)
    rollover_notice.forget(data)


async def _close(data: Path, roll: Rollover, progress: Progress) -> Rollover:
    """Give every domain a commit in what stays, then seal the stream against further writes."""
    passed("roll-begun")
    async with rollover_connections(data) as shop:
        progress("carrying domains over", 0, 1)
        await carry_over(shop, roll.first)
        passed("roll-carried")
        await stream_rollover.seal(shop.log.api)
        passed("roll-sealed")
        last = (await shop.log.info()).last
        roll = replace(roll, last=last, digest=await _digest(shop.log, roll.first, last, progress))
    rollover_notice.keep(data, roll)
    return roll


async def _copy_copy(data: Path, roll: Rollover, progress: Progress) -> Rollover:
    """Copy what stays, and do not believe it before it was read again from disk."""
    async with rollover_connections(data, hurried=True) as shop:
        report = _share(progress, "copying the log", roll)
        await stream_rollover.copy(shop.log.api, shop.copy.api, roll.first, roll.last, report)
    passed("roll-mirrored")
    _force_to_disk(data, NEXT)
    async with rollover_connections(data) as shop:
        await _prove(shop.copy, roll, progress)
        await _release_copy(shop)
    return _step(data, replace(roll, step="copied"))


async def _copy_back(data: Path, roll: Rollover, progress: Progress) -> Rollover:
    """Make the log anew of its copy. Whatever there is of the log is only dropped once the copy
    was proved, every time."""
    async with rollover_connections(data, hurried=True) as shop:
        await _prove(shop.copy, roll, progress)
        await _release_copy(shop)  # it must not mirror what is about to mirror it
        await stream_rollover.delete(shop.log.api)
        passed("roll-dropped")
        report = _share(progress, "copying it back", roll)
        await stream_rollover.copy(shop.copy.api, shop.log.api, roll.first, roll.last, report)
    passed("roll-refilled")
    _force_to_disk(data, STREAM)
    async with rollover_connections(data) as shop:
        await _prove(shop.log, roll, progress)
    return _step(data, replace(roll, step="back"))


async def _release_copy(shop: RolloverConnections) -> None:
    await stream_rollover.release(shop.copy.api, subjects=[stream_rollover.SUBJECT])


async def _open(data: Path, roll: Rollover, progress: Progress) -> None:
    """Let the log take commits again, and drop the copy."""
    async with rollover_connections(data) as shop:
        await _prove(shop.log, roll, progress)
        await stream_rollover.release(shop.log.api, subjects=[ALL])
        provisioner = await shop.endpoint.bus(PROVISIONER)
        try:
            await provisioner.provision()  # it is kept as every log must be
            await provisioner.bring_up_to_date()
        finally:
            await provisioner.close()
        passed("roll-released")
        await stream_rollover.delete(shop.copy.api)
        passed("roll-done")


def _step(data: Path, roll: Rollover) -> Rollover:
    rollover_notice.keep(data, roll)
    passed(f"roll-{roll.step}")
    return roll


def _force_to_disk(data: Path, stream: str) -> None:
    """Force a stream's files to disk. The server must have ended, or some may be in memory."""
    sync_all(stream_folder(data, stream))


def stream_folder(data: Path, stream: str = STREAM) -> Path:
    """Return the folder in which the embedded server keeps a stream."""
    return ServerFiles(data).store / "jetstream" / "LOG" / "streams" / stream


async def _prove(bus: JetStreamBus, roll: Rollover, progress: Progress) -> None:
    """Check that the stream holds what the log held when it was sealed. Raises HoleError."""
    info = await bus.info()
    found = ""
    if info.last >= roll.last:
        found = await _digest(bus, roll.first, roll.last, progress)
    if info.first != roll.first or found != roll.digest:
        raise HoleError(
            f"stream {bus.api.stream} ({info.first} to {info.last}) is not what the log held from "
            f"{roll.first} to {roll.last}: see `archive prune` in docs/runbook.md"
        )


async def _digest(bus: JetStreamBus, first: int, last: int, progress: Progress) -> str:
    report = _share(progress, f"reading {bus.api.stream}", Rollover(first, last))
    return await stream_rollover.stream_digest(bus, first, last, report)


def _share(progress: Progress, what: str, roll: Rollover) -> Callable[[int], None]:
    end = roll.last - roll.first + 1
    return lambda reached: progress(what, min(max(reached - roll.first + 1, 0), end), end)


# Carrying over: a commit that says nothing new, so that number, digest and fence stay known.


async def domains(shop: RolloverConnections) -> list[tuple[str, str]]:
    """List every (book, service) that has written in the log."""
    found = map(parse, await stream_rollover.subjects(shop.log.api))
    return sorted({(each.book, each.service) for each in found if not each.is_inbound})


async def carry_over(shop: RolloverConnections, first: int) -> list[tuple[str, str]]:
    """Append, with its own rights, a commit without events to each domain whose last one comes
    before message `first`; returns those domains."""
    found = await domains(shop)
    board = await RoleConnections.open(shop.endpoint, READER, {service for _, service in found})
    try:
        carried = await asyncio.gather(*(_carry(board, domain, first) for domain in found))
    finally:
        await board.close()
    return [domain for domain, moved in zip(found, carried, strict=True) if moved]


async def _carry(board: RoleConnections, name: tuple[str, str], first: int) -> bool:
    domain = Domain(board, *name, __version__)
    last = await domain.recover()
    if last is None or domain.sequence >= first:
        return False
    await domain.append(_nothing_after(last), [], [])
    return True


def _nothing_after(last: Commit) -> tuple[int, int, int]:
    """Return what a commit covers that covers no more than the one before it."""
    return last.to + 1, last.to, last.part
