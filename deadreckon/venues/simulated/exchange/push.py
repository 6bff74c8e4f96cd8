"""WebSocket side of the exchange: reports are pushed to all listeners, faults included."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiohttp import web

from deadreckon.venues.simulated.exchange.faults import ChosenFault, garbage

WITHHELD_MAX = 10_000  # pushes; beyond it the oldest are lost, as a venue's would be


class PushChannel:
    """Listeners, and the reports withheld from them.

    All of it is lost with the process: a client has to query what counts.
    """

    def __init__(self) -> None:
        self.has_listener = asyncio.Event()  # somebody listens
        self.no_listener = asyncio.Event()  # nobody does
        self.no_listener.set()
        self._listening: list[web.WebSocketResponse] = []
        self._withheld: list[bytes] = []  # until somebody connects
        self._held_back: list[bytes] = []  # until something else is pushed

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Push to this client until it goes; what was withheld comes first."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        kept, self._withheld = self._withheld + self._held_back, []
        self._held_back = []
        self._changed(self._listening.append, socket)
        try:
            for message in kept:
                await _send(socket, message)
            async for _ in socket:
                pass  # a client has nothing to say here
        finally:
            self._changed(self._listening.remove, socket)
        return socket

    async def push(self, batch: Sequence[bytes], trouble: ChosenFault | None, number: int) -> None:
        """Push the reports of one request, with its fault."""
        match trouble.fault if trouble else None:
            case "withhold":
                self._withheld = [*self._withheld, *batch][-WITHHELD_MAX:]
            case "out_of_order":
                self._held_back += reversed(batch)
            case "fills_twice":
                await self._send([message for message in batch for _ in range(2)])
            case "garbage_report":
                await self._send(
                    [garbage(number + index, message) for index, message in enumerate(batch)]
                )
            case _:
                await self._send(batch)

    async def close(self) -> None:
        """Break every connection."""
        for socket in list(self._listening):
            with suppress(ConnectionError):
                await socket.close()

    def _changed(
        self, change: Callable[[web.WebSocketResponse], None], socket: web.WebSocketResponse
    ) -> None:
        change(socket)
        now, before = self.has_listener, self.no_listener
        if not self._listening:
            now, before = before, now
        before.clear()
        now.set()

    async def _send(self, batch: Sequence[bytes]) -> None:
        if not batch:
            return
        late, self._held_back = self._held_back, []
        for socket in list(self._listening):
            for message in (*batch, *late):
                await _send(socket, message)


async def _send(socket: web.WebSocketResponse, message: bytes) -> None:
    with suppress(ConnectionError):
        await socket.send_str(message.decode("utf-8", "replace"))
