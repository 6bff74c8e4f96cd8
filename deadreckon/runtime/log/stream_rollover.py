"""Rollover of a log: the server copies it from one sequence on, and the copy replaces it.

A mirror keeps sequences, times and bytes; with its mirroring removed it is a stream like any other
(decision 0023). Nothing is purged: the fences of what stays keep their meaning.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Any

from deadreckon.runtime.log.bus import ConfigurationError, Reader, UnavailableError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.jetstream_api import STREAM_NOT_FOUND, ApiError, JetStreamApi
from deadreckon.runtime.log.stream import configuration

LOOK = 0.05  # seconds between two looks how far a copy is
STALLED = 60.0  # seconds without a message after which a copy has failed
SUBJECT = "roll.beside"  # of the copy, while it is nobody's mirror: a stream has to have one

OnSequence = Callable[[int], None]  # the sequence reached


async def seal(api: JetStreamApi) -> None:
    """Seal the stream: nobody can append any more, connected or not.

    The limits of readers go with it: the server itself, which reads for a mirror, would not keep to
    them, and copies nothing.
    """
    await retry(lambda: _update(api, {"sealed": True, "consumer_limits": None}))


async def subjects(api: JetStreamApi) -> list[str]:
    """List every subject that the stream holds messages of."""
    state = (await api.ask("STREAM.INFO", {"subjects_filter": ">"}))["state"]
    return sorted(state.get("subjects", {}))


async def copy(
    source: JetStreamApi, target: JetStreamApi, first: int, last: int, progress: OnSequence
) -> None:
    """Make `target` a mirror of `source` from `first` on, replacing what there is of it, and wait
    until it has reached `last`. Raises UnavailableError when it stops on the way."""
    await delete(target)
    wanted = {
        **configuration(target.stream, 1),
        "subjects": [],
        "consumer_limits": {},
        "mirror": {"name": source.stream, "opt_start_seq": first},
        "mirror_direct": False,
    }
    await target.create(wanted)
    reached, moved = 0, time.monotonic()
    while reached < last:
        await asyncio.sleep(LOOK)
        found = (await target.info()).last
        if found > reached:
            reached, moved = found, time.monotonic()
            progress(reached)
        if time.monotonic() - moved > STALLED:
            raise UnavailableError(f"the copy of the log stands still at {reached} of {last}")


async def release(api: JetStreamApi, **how: Any) -> None:
    """Make a mirror a stream of its own; one that is already stays as it is."""
    await retry(lambda: _update(api, {"mirror": None, "mirror_direct": False, **how}))


async def _update(api: JetStreamApi, changes: dict[str, Any]) -> None:
    kept = await api.configuration()
    if kept is None:
        raise ConfigurationError(f"there is no stream {api.stream}")
    if any((kept.get(field) or None) != (value or None) for field, value in changes.items()):
        config = {field: value for field, value in (kept | changes).items() if value is not None}
        await api.ask("STREAM.UPDATE", config)


async def delete(api: JetStreamApi) -> None:
    """See that there is no such stream; a big one takes a while."""

    async def attempt() -> None:
        try:
            await api.ask("STREAM.DELETE", {})
        except ApiError as error:
            if error.code != STREAM_NOT_FOUND:
                raise

    await retry(attempt)


async def stream_digest(bus: JetStreamBus, first: int, last: int, progress: OnSequence) -> str:
    """Return the SHA-256 over sequence, subject, time and bytes of every message from `first` to
    `last`.

    Raises HoleError when one is missing.
    """
    running = hashlib.sha256()
    reader = await bus.read(first - 1)
    try:
        reached = first - 1
        while reached < last:
            reached = await _add(running.update, reader, last) or reached
            progress(reached)
    finally:
        await reader.close()
    return running.hexdigest()


async def _add(update: Callable[[bytes], None], reader: Reader, last: int) -> int:
    """Take in what has come, up to `last`; the last sequence taken, 0 if none was."""
    reached = 0
    for stored in await reader.next(1.0):
        if stored.sequence > last:
            break
        head = (stored.sequence, stored.subject, stored.stored_at, len(stored.payload))
        update("|".join(map(str, head)).encode())
        update(stored.payload)
        reached = stored.sequence
    return reached
