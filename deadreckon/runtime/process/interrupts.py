"""Ctrl-C and SIGTERM as something a coroutine can wait for."""

import asyncio
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def wait_for_interrupt() -> None:
    """Wait until this process is asked to end; a second request is handled as usual."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in SIGNALS:
        loop.add_signal_handler(number, asked.set)
    try:
        await asked.wait()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
