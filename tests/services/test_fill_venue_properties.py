"""What holds at a real venue whatever it does: its truth is ours in the end, said once each."""

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as draw

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import (
    CancelRequested,
    HaltImposed,
    HaltRequested,
    ResumeRequested,
)
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    CancelApproved,
    OrderCancelled,
    OrderCancelling,
    OrderExpired,
    OrderFilled,
    OrderOverdue,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
    OrderUnknown,
)
from deadreckon.services.fill import decider as fill
from deadreckon.services.fill.reduction import signed
from deadreckon.services.fill.state import State
from tests.stories import INSTRUMENT, MINUTE, SECOND, START, bar, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import encoded
from tests.support.venue_samples import (
    accepted,
    cancel_refused,
    missing,
    not_sent,
    order_ended,
    refused,
    traded,
    unanswered,
    venue_fill_driver,
)

pytestmark = pytest.mark.slow


class Working:
    """An order as the venue has it."""

    def __init__(self, intent: OrderSubmitting) -> None:
        self.intent = intent
        self.filled = Decimal(0)
        self.is_open = True


class Exchange:
    """A venue that does as it likes; its reports wait in a heap and come in any order, twice."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.orders: dict[str, Working] = {}
        self.position = Decimal(0)
        self.trades = 0
        self.waiting: list[Event] = []

    def hear(self, answers: list[Event]) -> None:
        """What fill intends arrives here."""
        for event in answers:
            if isinstance(event, OrderSubmitting):
                self.submit(event)
            elif isinstance(event, OrderCancelling):
                self.cancel(event.order_id)

    def submit(self, intent: OrderSubmitting) -> None:
        order_id = intent.order_id
        if self.chance.random() < 0.4:
            self.waiting += [unanswered(order_id), missing(order_id)]
        fate = self.chance.random()
        if fate < 0.08:
            self.waiting.append(refused(order_id))
        elif fate < 0.12:
            self.waiting.append(not_sent(order_id, "cancelled_before_send"))
        else:
            self.orders[order_id] = Working(intent)
            self.waiting.append(accepted(order_id))

    def cancel(self, order_id: str) -> None:
        order = self.orders.get(order_id)
        if order is None or not order.is_open or self.chance.random() < 0.1:
            if order is not None:
                self.waiting.append(cancel_refused(order_id))
            if order is None or not order.is_open:
                return
        self.end(order_id)

    def end(self, order_id: str) -> None:
        order = self.orders[order_id]
        order.is_open = False
        self.waiting.append(order_ended(str(order.filled), order_id))

    def trade(self) -> None:
        """Some open order trades some of what is left; reduce-only takes no more than is held."""
        still = [order for order in self.orders.values() if order.is_open]
        if not still:
            return
        order = self.chance.choice(still)
        intent = order.intent
        left = min(intent.quantity - order.filled, Decimal(self.chance.randint(1, 4)))
        if intent.reduce_only:
            left = min(left, self.position if intent.side == "sell" else -self.position)
        if left <= 0:
            self.end(intent.order_id)
            return
        self.trades += 1
        order.filled += left
        order.is_open = order.filled < intent.quantity
        self.position += signed(intent.side, left)
        told = traded(
            intent.side, str(left), 100, order=intent.order_id, id=f"t{self.trades}", fee="0.1"
        )
        self.waiting.append(told)

    def tell(self, most: int) -> list[Event]:
        """Some of what waits, in any order, some of it to be told again."""
        told = []
        for _ in range(min(most, len(self.waiting))):
            event = self.waiting.pop(self.chance.randrange(len(self.waiting)))
            told.append(event)
            if self.chance.random() < 0.15:
                self.waiting.append(event)
        return told


class Day:
    """A random day at a real venue; the market itself fills nothing."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.exchange = Exchange(self.chance)
        self.story = venue_fill_driver(bar(100))
        self.told: list[Event] = []
        self.orders = 0

    def tell(self, event: Event, after: int = 0) -> None:
        answers = self.story.tell(event, after=after)
        self.told += answers
        self.exchange.hear(answers)

    def pass_time(self) -> None:
        kinds: dict[Any, float] = {
            self.order: 3,
            self.cancel: 1,
            self.exchange.trade: 4,
            self.hear: 6,
            self.clock: 1,
            self.halt: 0.3,
            self.resume: 0.5,
            self.end_something: 0.3,
        }
        for step in self.chance.choices(list(kinds), list(kinds.values()), k=60):
            step()

    def order(self) -> None:
        self.orders += 1
        side: Any = self.chance.choice(["buy", "buy", "sell"])
        ahead = 1 if side == "buy" else -1
        protects = self.chance.random() < 0.6
        self.tell(
            routed(
                side,
                self.chance.randint(1, 6),
                id=f"o{self.orders}",
                limit_price=100,
                time_in_force=self.chance.choice(["gtc", "gtc", "ioc"]),
                reduce_only=self.chance.random() < 0.2,
                stop_loss=100 - 5 * ahead if protects else None,
                take_profit=100 + 5 * ahead if protects and self.chance.random() < 0.8 else None,
                expires_at=START + 3 * MINUTE if self.chance.random() < 0.2 else None,
            )
        )

    def cancel(self) -> None:
        name = f"o{self.chance.randint(1, self.orders + 1)}"
        everything = self.chance.random() < 0.1
        self.tell(
            CancelRequested("op", "why") if everything else CancelApproved(name, "s", "x", "")
        )

    def hear(self) -> None:
        for event in self.exchange.tell(self.chance.randint(1, 4)):
            self.tell(event)

    def clock(self) -> None:
        self.tell(self.chance.choice([ClockTicked(), bar(100)]), after=20 * SECOND)

    def halt(self) -> None:
        self.tell(HaltRequested("op", "why", self.chance.choice(["close_only", "all"])))

    def resume(self) -> None:
        self.tell(ResumeRequested("op", "why"))

    def end_something(self) -> None:
        still = [order_id for order_id, order in self.exchange.orders.items() if order.is_open]
        if still:
            self.exchange.end(self.chance.choice(still))

    def quieten(self) -> None:
        """Until everything is told: what a venue still works trades, or it ends."""
        while self.exchange.waiting:
            self.hear()


seeds = draw.integers(0, 10**9)


def lived(seed: int) -> Day:
    day = Day(seed)
    day.pass_time()
    day.quieten()
    return day


@given(seeds)
def test_once_everything_is_told_the_venues_truth_is_ours(seed: int) -> None:
    day = lived(seed)
    held = day.story.state.positions.get(INSTRUMENT, {}).get("ext", Decimal(0))
    assert held == day.exchange.position
    there = {name: order for name, order in day.exchange.orders.items() if order.is_open}
    here = day.story.state.orders.get(INSTRUMENT, {})
    assert set(here) == set(there)
    assert all(here[name].filled == there[name].filled for name in there)
    assert {name for name, order in here.items() if order.ending} == set()
    assert not any(isinstance(event, HaltImposed) for event in day.told)


@given(seeds)
def test_an_order_is_intended_once_ends_once_and_each_trade_fills_once(seed: int) -> None:
    day = lived(seed)
    intents: dict[str, Decimal] = {}
    filled: dict[str, Decimal] = {}
    ended: dict[str, bool] = {}
    trades: dict[str, bool] = {}
    for event in day.told:
        assert not isinstance(event, OrderReplaced)
        match event:
            case OrderSubmitting(order_id=order_id):
                assert order_id not in intents
                intents[order_id] = event.quantity
            case OrderFilled(order_id=order_id):
                assert event.trade_id not in trades
                trades[event.trade_id] = True
                filled[order_id] = filled.get(order_id, Decimal(0)) + event.quantity
                assert event.leaves == intents[order_id] - filled[order_id]
                if not event.leaves:
                    ended[order_id] = True
            case OrderCancelled(order_id=order_id) | OrderExpired(order_id=order_id):
                assert order_id not in ended
                assert event.leaves == intents[order_id] - filled.get(order_id, Decimal(0)) > 0
                ended[order_id] = True
            case OrderRejected(order_id=order_id):
                assert order_id not in ended
                ended[order_id] = True
            case OrderUnknown(order_id=order_id) | OrderOverdue(order_id=order_id):
                assert order_id not in ended
    assert len(trades) == day.exchange.trades


@given(seeds)
def test_no_order_is_asked_to_be_cancelled_while_it_is_being_asked(seed: int) -> None:
    day = lived(seed)
    asked: dict[str, bool] = {}
    for question, record in day.story.history:
        if type(question.event).__name__ == "VenueCancelRejected":
            asked.pop(question.event.order_id, None)
        for answer in record:
            if isinstance(answer.event, OrderCancelling):
                assert answer.event.order_id not in asked
                asked[answer.event.order_id] = True


@given(seeds)
def test_every_bracket_is_armed_and_closed_once_and_protects_no_more_than_was_bought(
    seed: int,
) -> None:
    day = lived(seed)
    armed: dict[str, BracketArmed] = {}
    closed: dict[str, bool] = {}
    bought: dict[str, Decimal] = {}
    protected: dict[str, Decimal] = {}
    for event in day.told:
        match event:
            case OrderFilled(order_id=order_id):
                bought[order_id] = bought.get(order_id, Decimal(0)) + event.quantity
            case BracketArmed(entry_order_id=entry):
                assert event.bracket_id not in armed
                armed[event.bracket_id] = event
                protected[entry] = protected.get(entry, Decimal(0)) + event.quantity
                assert protected[entry] <= bought[entry]
            case BracketClosed():
                assert event.bracket_id in armed
                assert event.bracket_id not in closed
                closed[event.bracket_id] = True
    assert set(day.story.state.brackets) == set(armed) - set(closed)


@given(seeds, draw.integers(0, 80))
def test_a_restart_anywhere_at_a_real_venue_changes_nothing(seed: int, place: int) -> None:
    day = lived(seed)
    before = DeciderDriver(fill, "fill")
    questions = [question for question, _ in day.story.history]
    before.tell(*questions[:place])
    again = before.restarted(fill)
    assert encoded(again) == encoded(before)
    assert again.tell(*questions[place:]) == before.tell(*questions[place:])
    assert encoded(again) == encoded(before) == encoded(day.story)


@given(seeds, draw.integers(0, 80))
def test_a_snapshot_of_a_real_venues_state_goes_on_like_the_state(seed: int, place: int) -> None:
    questions = [question for question, _ in lived(seed).story.history]
    before = DeciderDriver(fill, "fill")
    before.tell(*questions[:place])
    again = before.restarted(fill)
    again.runner.state = msgspec.json.decode(encoded(before), type=State)
    assert again.tell(*questions[place:]) == before.tell(*questions[place:])
    assert encoded(again) == encoded(before)
