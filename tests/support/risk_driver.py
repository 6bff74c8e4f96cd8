"""A desk for risk's stories: asks risk, and plays router and fill where a story needs them."""

from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.accounting import ledger
from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Purpose, Side
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderRouted,
    OrderSubmitting,
    OrderUnknown,
    OrderUnroutable,
)
from deadreckon.contracts.signals import SignalRefused
from deadreckon.services.risk import decider
from deadreckon.services.risk.state import Exposure, State, key_of
from tests.stories import (
    INSTRUMENT,
    Number,
    amount,
    bar,
    deposit,
    exact,
    filled,
    listed,
    reporting,
    signal,
)
from tests.support.driver import DeciderDriver

OTHER = "ETHUSDT.OTHER"


class RiskDriver:
    """A book with cash, two spot instruments on two venues, and their first price of 100."""

    def __init__(self, *setup: Event, cash: Number = 100_000) -> None:
        self.story = DeciderDriver(decider, "risk")
        self.tell(listed(), listed(OTHER, base="ETH"), reporting(), deposit(cash))
        self.tell(*setup)
        self.tell(bar(100), bar(100, instrument=OTHER))

    @property
    def state(self) -> State:
        state: State = self.story.state
        return state

    def tell(self, *events: Event, after: int = 0) -> list[Event]:
        return self.story.tell(*events, after=after)

    def ask(self, event: Event, after: int = 0) -> Any:
        """The one answer to one event."""
        (answer,) = self.tell(event, after=after)
        return answer

    def price(self, number: Number, instrument: str = INSTRUMENT, after: int = 0) -> list[Event]:
        return self.tell(bar(number, instrument=instrument), after=after)

    def approved(
        self, side: Side = "buy", quantity: Number | None = 1, **more: Any
    ) -> OrderApproved:
        """Risk lets a wish pass; ids count themselves."""
        more.setdefault("id", f"own{self.story.count}")
        answer = self.ask(signal(side, quantity, **more))
        assert isinstance(answer, OrderApproved), answer
        return answer

    def refused(
        self, side: Side = "buy", quantity: Number | None = 1, **more: Any
    ) -> SignalRefused:
        """Risk refuses a wish."""
        answer = self.ask(signal(side, quantity, **more))
        assert isinstance(answer, SignalRefused), answer
        return answer

    def passes(self, side: Side = "buy", quantity: Number | None = 1, **more: Any) -> bool:
        """Whether risk lets a wish pass."""
        return isinstance(self.ask(signal(side, quantity, **more)), OrderApproved)

    def route(self, order: OrderApproved, *quantities: Number) -> list[OrderRouted]:
        """Send an order on its way, in as many children as there are quantities."""
        sizes = [exact(number) for number in quantities] or [order.quantity or Decimal(1)]
        children = [routed(order, child, sizes) for child in range(len(sizes))]
        self.tell(*children)
        return children

    def fill(
        self,
        child: OrderRouted,
        quantity: Number,
        price: Number = 100,
        leaves: Number = 0,
        **more: Any,
    ) -> list[Event]:
        more.setdefault("id", f"trade{self.story.count}")
        return self.tell(
            filled(
                child.side,
                quantity,
                price,
                order=child.order_id,
                strategy=child.strategy,
                instrument=child.instrument,
                leaves=leaves,
                **more,
            )
        )

    def enter(
        self, side: Side = "buy", quantity: Number = 1, price: Number = 100, **more: Any
    ) -> OrderApproved:
        """Approved, routed and filled at once."""
        order = self.approved(side, quantity, **more)
        (child,) = self.route(order)
        self.fill(child, quantity, price)
        return order

    def exposure(self, strategy: str = "ext", instrument: str = INSTRUMENT) -> Exposure:
        """What is at exposure, nothing included."""
        found = self.state.exposures.get(key_of(strategy, instrument))
        return Exposure(strategy, instrument, "") if found is None else found

    def held(self, strategy: str = "ext", instrument: str = INSTRUMENT) -> Any:
        """The signed quantity, to be compared with plain numbers."""
        return ledger.held(self.state.ledger, strategy, instrument)

    def restarted(self) -> "RiskDriver":
        """The same desk after a crash."""
        risk_driver = RiskDriver.__new__(RiskDriver)
        risk_driver.story = self.story.restarted(decider)
        assert encoded_state(risk_driver) == encoded_state(self)
        return risk_driver


def encoded_state(risk_driver: RiskDriver) -> bytes:
    return msgspec.json.encode(risk_driver.state, order="deterministic")


def routed(order: OrderApproved, child: int, sizes: list[Decimal]) -> OrderRouted:
    alone = len(sizes) == 1
    return OrderRouted(
        order_id=order.order_id if alone else f"{order.order_id}/{child}",
        parent_id=order.order_id,
        child=child,
        children=len(sizes),
        client_order_id=f"client-{order.order_id}-{child}",
        signal_id=order.signal_id,
        producer=order.producer,
        strategy=order.strategy,
        instrument=order.instrument,
        venue=order.instrument.partition(".")[2],
        symbol=order.instrument.partition(".")[0],
        side=order.side,
        quantity=sizes[child],
        order_type=order.order_type,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        purpose=order.purpose,
    )


def leg(
    entry: OrderApproved,
    purpose: Purpose,
    quantity: Number,
    *,
    order: str,
    stop: Number | None = None,
    limit: Number | None = None,
) -> OrderSubmitting:
    """A protective order of an entry's bracket."""
    return OrderSubmitting(
        order_id=order,
        parent_id=entry.order_id,
        client_order_id=f"client-{order}",
        signal_id=entry.signal_id,
        producer=entry.producer,
        strategy=entry.strategy,
        instrument=entry.instrument,
        venue=entry.instrument.partition(".")[2],
        symbol=entry.instrument.partition(".")[0],
        side="sell" if entry.side == "buy" else "buy",
        quantity=exact(quantity),
        order_type="stop" if limit is None else "limit",
        limit_price=amount(limit),
        stop_price=amount(stop),
        time_in_force="gtc",
        post_only=False,
        reduce_only=True,
        purpose=purpose,
    )


def accepted(order_id: str) -> OrderAccepted:
    return OrderAccepted(order_id, f"venue-{order_id}")


def rejected(order_id: str, rule: str = "venue_failed") -> OrderRejected:
    return OrderRejected(order_id, rule, "story")


def cancelled(order_id: str, leaves: Number = 1) -> OrderCancelled:
    return OrderCancelled(order_id, exact(leaves), "requested", "story")


def expired(order_id: str, leaves: Number = 1) -> OrderExpired:
    return OrderExpired(order_id, exact(leaves))


def unknown(order_id: str) -> OrderUnknown:
    return OrderUnknown(order_id, f"client-{order_id}", 0, "story")


def unroutable(order: OrderApproved) -> OrderUnroutable:
    return OrderUnroutable(
        order_id=order.order_id,
        signal_id=order.signal_id,
        strategy=order.strategy,
        instrument=order.instrument,
        rule="minimum_quantity",
        limit=None,
        measured=None,
        limit_set_by=None,
        reason="story",
    )
