"""A log made by hand: messages in order, each with the facts that a projection reads from it."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from deadreckon.contracts import orders, portfolio, signals
from deadreckon.contracts.codec import canonical_event
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderRouted,
    OrderSubmitting,
)
from tests import stories
from tests.stories import INSTRUMENT, MINUTE, START, Number, exact

Message = tuple[int, list[Recorded[Any]], int]


class FactLog:
    """Messages with sequences from 1; `say` appends one and returns what was recorded."""

    def __init__(self, start: int = START) -> None:
        self.messages: list[Message] = []
        self.now = start

    @property
    def last(self) -> int:
        return len(self.messages)

    def say(
        self,
        *events: Event,
        after: int = 0,
        book: str = "desk",
        source: str = "test",
        cause: str | None = None,
        id: str = "",
    ) -> list[Recorded[Any]]:
        """One message with these events, `after` nanoseconds later."""
        self.now += after
        sequence = self.last + 1
        facts = [
            replace(
                stories.at(canonical_event(event), self.now, id=id or f"e{sequence}-{index}"),
                book=book,
                source=source,
                cause=cause,
                sequence=sequence,
                index=index,
            )
            for index, event in enumerate(events)
        ]
        self.messages.append((sequence, facts, self.now + 7_000_000))
        return facts

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)


def approved(id: str, **changes: Any) -> OrderApproved:
    order = OrderApproved(
        order_id=id,
        signal_id="s1",
        producer="",
        strategy="ext",
        instrument=INSTRUMENT,
        side="buy",
        quantity=Decimal(2),
        notional=None,
        reference_price=Decimal(100),
        order_type="market",
        limit_price=None,
        stop_price=None,
        time_in_force="gtc",
        post_only=False,
        reduce_only=False,
        stop_loss=None,
        take_profit=None,
    )
    return replace(order, **changes)


def routed(id: str, parent: str = "", **changes: Any) -> OrderRouted:
    base = approved(id)
    order = OrderRouted(
        order_id=id,
        parent_id=parent or id,
        child=0,
        children=1,
        client_order_id=f"c-{id}",
        venue="PAPER",
        symbol="BTCUSDT",
        **{name: getattr(base, name) for name in _ROUTED},
    )
    return replace(order, **changes)


def submitting(id: str, **changes: Any) -> OrderSubmitting:
    base = routed(id)
    names = [name for name in OrderSubmitting.__struct_fields__ if hasattr(base, name)]
    return replace(OrderSubmitting(**{name: getattr(base, name) for name in names}), **changes)


_ROUTED = [
    name
    for name in OrderRouted.__struct_fields__
    if name in OrderApproved.__struct_fields__ and name != "order_id"
]


def accepted(id: str) -> OrderAccepted:
    return OrderAccepted(order_id=id, venue_order_id=f"v-{id}")


def cancelled(id: str, leaves: Number, rule: str = "requested") -> OrderCancelled:
    return OrderCancelled(order_id=id, leaves=exact(leaves), rule=rule, reason="as asked")


def position(
    quantity: Number,
    realised: Number = 0,
    fees: Number = 0,
    *,
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    funding: Number = 0,
    currency: str = "USDT",
) -> portfolio.PositionChanged:
    return portfolio.PositionChanged(
        strategy=strategy,
        venue=instrument.partition(".")[2],
        instrument=instrument,
        quantity=exact(quantity),
        cost=exact(quantity) * 100,
        average_price=Decimal(100),
        realised=exact(realised),
        fees=exact(fees),
        funding=exact(funding),
        currency=currency,
        fees_other={},
    )


def equity(number: Number, **changes: Any) -> portfolio.EquityMarked:
    nothing = Decimal(0)
    mark = portfolio.EquityMarked(
        currency="USDT",
        equity=exact(number),
        cash=exact(number),
        holdings=nothing,
        unrealised_perpetual=nothing,
        realised=nothing,
        unrealised=nothing,
        fees=nothing,
        funding=nothing,
        exposure_gross=nothing,
        exposure_net=nothing,
        peak=exact(number),
        drawdown=nothing,
        cash_by_currency={"USDT": exact(number)},
        unpriced=[],
    )
    return replace(mark, **changes)


def refused(rule: str = "max_notional", **changes: Any) -> signals.SignalRefused:
    refusal = signals.SignalRefused(
        signal_id="s1",
        producer="",
        strategy="ext",
        instrument=INSTRUMENT,
        rule=rule,
        limit=Decimal(1000),
        measured=Decimal("1100.5"),
        limit_set_by="e1-2",
        reason="too big",
    )
    return replace(refusal, **changes)


def one_order(log: FactLog, random: Random, number: int) -> None:
    """A wish and what becomes of it: refused, or an order that is filled in parts or cancelled."""
    signal, order = f"signal-{number:032d}", f"order-{number:032d}"
    (raised,) = log.say(stories.signal(quantity="1.5", id=signal), source="signal")
    if random.random() < 0.1:
        log.say(refused(signal_id=signal), source="risk", cause=raised.id)
        return
    (passed,) = log.say(approved(order, signal_id=signal), source="risk", cause=raised.id)
    (sent,) = log.say(routed(order, signal_id=signal), source="router", cause=passed.id)
    log.say(submitting(order, signal_id=signal), accepted(order), source="fill", cause=sent.id)
    price = exact(random.randrange(9_000, 11_000)) / 100
    if random.random() < 0.2:
        log.say(_part(order, number, 0, price), source="fill")
        log.say(cancelled(order, "0.5"), source="fill")
        return
    log.say(_part(order, number, 0, price), source="fill")
    log.say(_part(order, number, 1, price), source="fill")
    log.say(position(number, realised=f"{number}.25", fees=number), source="portfolio")


def _part(order: str, number: int, part: int, price: Decimal) -> orders.OrderFilled:
    return stories.filled(
        "buy" if number % 2 else "sell",
        1,
        price,
        order=order,
        id=f"t-{number}-{part}",
        leaves=1 - part,
        fee="0.0125",
        reference=price - Decimal("0.05"),
    )


def busy_log(seed: int, orders: int, bars_between: int = 2) -> FactLog:
    """A day of trading with everything in it, the same for the same seed."""
    random, log = Random(seed), FactLog()
    log.say(stories.listed(), stories.deposit(), stories.limits(order_notional_max=1_000))
    for number in range(orders):
        for _ in range(bars_between):
            log.say(stories.bar(random.randrange(90, 110)), after=MINUTE, source="market")
        one_order(log, random, number)
        if number % 20 == 0:
            log.say(equity(100_000 + number, drawdown=Decimal("0.01")), source="portfolio")
        if number % 50 == 25:
            log.say(*_halt(number))
    return log


def _halt(number: int) -> list[Event]:
    from deadreckon.contracts.governance import HaltAcknowledged, HaltRequested, ResumeRequested

    return [
        HaltRequested(actor="ops", reason="drill"),
        HaltAcknowledged(halt_id=f"h{number}", scope="all", open_orders=0),
        ResumeRequested(actor="ops", reason="over"),
    ]


def fold_log(projector: Any, log: FactLog, until: int | None = None) -> None:
    """Fold the messages a projector has not got yet, up to sequence `until`."""
    last = log.last if until is None else until
    for sequence, facts, stored_at in log.messages[projector.sequence : last]:
        projector.fold(sequence, facts, stored_at)


Builder = Callable[[], FactLog]
