"""Cancellation of tasks: before Python 3.12 one that meets the end of a wait gets lost."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

REPEAT_SECONDS = 0.5  # seconds after which a task that goes on is cancelled again


async def cancel_all(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel tasks until each of them has ended; their exceptions are read and dropped.

    asyncio.wait_for, and code that uses it (also nats-py), may return at the moment at which it is
    cancelled: then the task goes on as if it had not been cancelled.
    """
    left = {task for task in tasks if not task.done()}
    ended = set(tasks) - left
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=REPEAT_SECONDS)
        ended |= done
    for task in ended:
        if not task.cancelled():
            task.exception()


async def first_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the first of them to end, and end the others; raises what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(tasks)
    for task in done:
        task.result()
