"""Ctrl-C and SIGTERM as something a coroutine can wait for."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupt_event() -> Iterator[asyncio.Event]:
    """Yield an event that is set, from now on, once this process is asked to end; a second request
    is handled as usual."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def remove() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def ask() -> None:
        asked.set()
        remove()

    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        yield asked
    finally:
        remove()


async def wait_for_interrupt() -> None:
    """Wait until this process is asked to end; a second request is handled as usual."""
    with interrupt_event() as asked:
        await asked.wait()
