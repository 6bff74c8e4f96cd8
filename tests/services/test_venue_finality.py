"""When "no such order" is believed: a request that timed out may still arrive at the venue."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from deadreckon.contracts.venues import VenueOrderMissing, VenueRequestSending
from deadreckon.venues.port import (
    DuplicateError,
    Guarantees,
    OrderHandle,
    OrderRequest,
    OrderStatus,
    UnansweredError,
)
from tests.support.venue_driver import EdgeDriver, FakeVenue, intent, name_of, wait_until

MILLISECOND = 1_000_000  # nanoseconds


class LateVenue(FakeVenue):
    """A venue where ids are unique among open orders only, as at Binance, and where the first
    request waits in a queue for `delay` seconds after its client has given up."""

    def __init__(self, delay: float, guarantees: Guarantees) -> None:
        super().__init__()
        self.guarantees = guarantees
        self.bounds: list[int | None] = []
        self._delay = delay

    async def submit(self, order: OrderRequest) -> str:
        name = order.client_order_id
        self._arrived("submit", name)
        self.bounds.append(order.valid_until)
        if len(self.bounds) == 1:
            asyncio.get_running_loop().call_later(self._delay, self._accept, order)
            raise UnansweredError("timed out")
        known = self.orders.get(name)
        if known is not None and known.open:
            raise DuplicateError
        return self._accept(order)

    def _accept(self, order: OrderRequest) -> str:
        name = order.client_order_id
        self.tickets[name] = order
        self.orders[name] = OrderStatus(name, f"X{name}", Decimal(0), True, None, "")
        self.fill(name)
        return f"X{name}"


@pytest.fixture
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[EdgeDriver]:
    opened = await EdgeDriver(LateVenue(*request.param)).open()
    opened.following = asyncio.create_task(opened.edge.follow())
    yield opened
    opened.following.cancel()
    await asyncio.gather(opened.following, return_exceptions=True)
    await opened.closed()


def names(driver: EdgeDriver) -> list[str]:
    return [name_of(record) for record in driver.record()]


@pytest.mark.parametrize(
    "driver",
    [(0.3, Guarantees(validity=400 * MILLISECOND, settling=200 * MILLISECOND))],
    indirect=True,
)
async def test_an_order_that_arrives_late_is_not_sent_again(driver: EdgeDriver) -> None:
    await driver.fill(intent("a"))
    await wait_until(lambda: "TradeReported" in names(driver), "the trade")
    await asyncio.sleep(0.5)  # beyond the bound of the request
    assert "OrderMissing" not in names(driver)
    assert [name for request, name in driver.venue.sent if request == "submit"] == ["a"]
    assert len(driver.venue.told) == 1


@pytest.mark.parametrize(
    "driver",
    [(60.0, Guarantees(validity=100 * MILLISECOND, settling=100 * MILLISECOND))],
    indirect=True,
)
async def test_an_order_that_never_arrives_is_sent_again_once_it_no_longer_can(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a"))
    await wait_until(lambda: "TradeReported" in names(driver), "the trade")
    venue = driver.venue
    assert isinstance(venue, LateVenue)
    first, second = venue.bounds
    assert first is not None
    assert second is not None
    assert second - first > 200 * MILLISECOND  # validity and settling had run out
    sent = [it.event for it in driver.record() if isinstance(it.event, VenueRequestSending)]
    assert [event.valid_until for event in sent] == venue.bounds
    assert names(driver).count("OrderMissing") == 1


@pytest.mark.parametrize("driver", [(60.0, Guarantees())], indirect=True)
async def test_without_any_bound_the_venue_is_asked_and_nothing_sent_again(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a"))

    def queries() -> int:
        return [request for request, _ in driver.venue.sent].count("query")

    await wait_until(lambda: queries() > 2, "queries")
    assert not [it for it in driver.record() if isinstance(it.event, VenueOrderMissing)]
    assert [request for request, _ in driver.venue.sent].count("submit") == 1


async def test_a_restart_keeps_the_bound_of_a_request() -> None:
    venue = LateVenue(60.0, Guarantees(validity=60_000 * MILLISECOND))
    driver = await EdgeDriver(venue).open()

    async def dies(order: OrderHandle) -> OrderStatus | None:
        raise InterruptedError

    venue.query = dies  # type: ignore[method-assign]
    await driver.fill(intent("a"))
    with pytest.raises(InterruptedError):
        await driver.turn()
    await driver.born()
    assert driver.edge.state.orders["a"].valid_until == venue.bounds[0]
    await driver.closed()
