"""An edge that is far behind the log sends no order: what it has not read may have made it void."""

import asyncio
from collections.abc import Callable

from deadreckon.services.venue.live_session import MESSAGES_BEHIND_MAX
from tests.support.venue_driver import EdgeDriver, FakeVenue, intent

PATIENCE = 20.0  # seconds for what takes milliseconds


async def until(holds: Callable[[], bool], edge: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            assert not edge.done()
            await asyncio.sleep(0.01)  # what it waits for has no event


async def test_no_order_leaves_from_far_behind_and_all_leave_once_it_has_caught_up() -> None:
    driver = await EdgeDriver(FakeVenue()).open()
    edge = asyncio.create_task(driver.edge.follow())
    await until(lambda: bool(driver.record()), edge)  # reconciled
    logbook = driver.edge._journal
    looks, true_end = 0, logbook.end

    async def far_ahead() -> int:
        nonlocal looks
        looks += 1
        return logbook.position + MESSAGES_BEHIND_MAX + 1

    logbook.end = far_ahead  # type: ignore[method-assign]
    await driver.fill(intent("a"))
    await until(lambda: looks > 1, edge)
    assert [request for request, _ in driver.venue.sent if request == "submit"] == []

    logbook.end = true_end  # type: ignore[method-assign]
    await until(lambda: ("submit", "a") in driver.venue.sent, edge)

    edge.cancel()
    await asyncio.gather(edge, return_exceptions=True)
    await driver.closed()
