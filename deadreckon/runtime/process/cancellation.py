"""Ends tasks for good: before Python 3.12 a cancellation that meets the end of a wait gets lost."""

import asyncio
from collections.abc import Iterable
from typing import Any

REPEAT_SECONDS = 0.5  # seconds after which a task that goes on is cancelled again


async def cancel_all(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel tasks until each of them has ended; what they raise stays in them, and is looked at.

    asyncio.wait_for, and code that uses it (nats-py as well), may return in the moment in
    which it is cancelled: then the task goes on as if nobody had asked it to end.
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
