"""Tasks are ended for good, also those that miss the first cancellation."""

import asyncio

import pytest

from deadreckon.runtime.process import cancellation


async def test_a_task_that_misses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancellation, "REPEAT_SECONDS", 0.01)
    missed = 0

    async def stubborn() -> None:
        nonlocal missed
        while missed < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1  # as asyncio.wait_for does, when it is cancelled as it returns
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    await cancellation.cancel_all([task])

    assert task.cancelled()
    assert missed == 2


async def test_what_a_task_raises_stays_in_it() -> None:
    async def failing() -> None:
        raise ValueError("its own affair")

    task = asyncio.create_task(failing())
    await asyncio.wait([task])

    await cancellation.cancel_all([task])

    with pytest.raises(ValueError, match="its own affair"):
        task.result()
