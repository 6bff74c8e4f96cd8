"""Bounds on the gateway's connections: their number, and the time that each may take."""

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from deadreckon.runtime.process import log_lines

CONNECTIONS_MAX = 64  # at once; further ones are closed, so that the desk keeps its descriptors
BACKLOG = 32  # that are taken in one step, before the bound above is looked at
REQUEST_SECONDS = 10.0  # for a whole request, headers and body, from the end of the last answer
ANSWER_SECONDS = 60.0  # for the answer to be made, and read by who asked
REPEAT_SECONDS = 60.0  # in which a line of the HTTP server is not logged again
LINES_MAX = 100  # that are remembered, to tell whether one comes again

OUT_OF_DESCRIPTORS = "socket.accept() out of system resource"  # asyncio's words

log = log_lines.Logger()


class BoundedProtocol(H11Protocol):
    """A connection that is ended when its request does not come, or its answer is not taken."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
        else:
            self._allow(REQUEST_SECONDS)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE) and self._answering:
            self._allow(ANSWER_SECONDS)

    def on_response_complete(self) -> None:
        self._allow(REQUEST_SECONDS)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _allow(self, seconds: float) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)


class LogForwarding(logging.Handler):
    """Log handler that passes the HTTP server's lines on to our own log, each once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if self._is_new(line):
            log.warning("gateway", record=line)

    def loop_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what asyncio could not: lack of descriptors comes once for every connection."""
        if context["message"] != OUT_OF_DESCRIPTORS:
            loop.default_exception_handler(context)
        elif self._is_new(OUT_OF_DESCRIPTORS):
            log.error("gateway_out_of_descriptors", reason=str(context.get("exception")))

    def _is_new(self, line: str) -> bool:
        now = asyncio.get_running_loop().time()
        if now < self._seen.get(line, 0.0):
            return False
        if len(self._seen) >= LINES_MAX:
            self._seen.clear()
        self._seen[line] = now + REPEAT_SECONDS
        return True
