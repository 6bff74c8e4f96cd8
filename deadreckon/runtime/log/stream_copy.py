"""Copy of the whole stream as the server keeps it, out of one store and into another."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.runtime.log.bus import ConfigurationError, UnavailableError
from deadreckon.runtime.log.jetstream_api import JetStreamApi

CHUNK = 128 * 1024  # bytes the server sends at once
IDLE_MAX = 30.0  # seconds without a chunk after which the copy has failed


class CopyHead(Struct, frozen=True):
    """The configuration and the extent of the stream when the copy began, as the server gave
    them."""

    config: dict[str, Any]
    state: dict[str, Any]

    @property
    def last(self) -> int:
        """The last sequence of the copy."""
        return int(self.state["last_seq"])

    @property
    def messages(self) -> int:
        """The number of messages in the copy."""
        return int(self.state["messages"])


async def copy_out(api: JetStreamApi) -> tuple[CopyHead, AsyncIterator[bytes]]:
    """Open a copy of the stream as it is now; writing to it may go on meanwhile.

    The server checks every message on the way: the last chunk is followed by ConfigurationError
    when one was damaged. Raises UnavailableError when the server stops sending.
    """
    connection = api.connection
    arrived: asyncio.Queue[tuple[str, bytes, bytes]] = asyncio.Queue()

    def receive(_: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        arrived.put_nowait((reply.decode(), payload, headers or b""))

    inbox = connection.new_inbox()
    tapped = await connection.subscribe_raw(inbox, receive)
    request = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": CHUNK, "jsck": True}
    head = msgspec.convert(await api.ask("STREAM.SNAPSHOT", request), CopyHead)

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                reply, payload, headers = await _next(arrived)
                if not payload:
                    _check_end(headers)
                    return
                yield payload
                if reply:
                    await connection.publish(reply, b"")
        finally:
            await connection.unsubscribe_raw(tapped)

    return head, chunks()


async def _next(arrived: "asyncio.Queue[tuple[str, bytes, bytes]]") -> tuple[str, bytes, bytes]:
    try:
        return await asyncio.wait_for(arrived.get(), IDLE_MAX)
    except TimeoutError:
        raise UnavailableError(
            f"the copy was cut off: nothing came for {IDLE_MAX:g} seconds"
        ) from None


def _check_end(headers: bytes) -> None:
    """Check a copy's last chunk: a whole one ends with status 204, or if it was short with none."""
    status = headers[9:].split(b"\r\n", 1)[0].strip()
    if status and not status.startswith(b"204"):
        raise ConfigurationError(f"the server ended the copy: {status.decode('ascii', 'replace')}")


async def copy_in(api: JetStreamApi, head: CopyHead, chunks: Iterable[bytes]) -> None:
    """Make the stream anew from a copy; there must be none. Raises ConfigurationError when the
    server refuses the copy, UnavailableError when it does not answer."""
    begun = await api.ask("STREAM.RESTORE", {"config": head.config, "state": head.state})
    subject = str(begun["deliver_subject"])
    for chunk in chunks:
        await _hand_over(api, subject, chunk)
    await _hand_over(api, subject, b"")


async def _hand_over(api: JetStreamApi, subject: str, chunk: bytes) -> None:
    answer = (await api.connection.request(subject, chunk, IDLE_MAX)).payload
    error = msgspec.json.decode(answer).get("error") if answer else None
    if error:
        raise ConfigurationError(f"the server refuses the copy: {error.get('description')}")
