"""What holds for fill whatever happens: nothing is created, reopened, flipped or forgotten."""

from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, note
from hypothesis import strategies as draw

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import CancelRequested, HaltRequested, ResumeRequested
from deadreckon.contracts.market import (
    BarClosed,
    BarOpened,
    ClockTicked,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    CancelApproved,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
    ReplaceRouted,
)
from deadreckon.services.fill import decider as fill
from deadreckon.services.fill.reduction import SIDES, reducible, signed
from deadreckon.services.fill.state import State, find, position_of
from tests.stories import INSTRUMENT, MINUTE, SECOND, START, bar, quote, routed, trade
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import encoded, fill_driver
from tests.support.market_bounds import lies_within

pytestmark = pytest.mark.slow

PARTICIPATION = Decimal("0.5")
TICK = Decimal("0.01")

Telling = list[tuple[int, Event]]


class Day:
    """A random day of one market and two strategies, all of it from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.price = 100
        self.opened: int | None = None  # a bar is under way
        self.orders = 0

    def telling(self) -> Telling:
        kinds = {
            self.opening: 5,
            self.bar: 8,
            self.quote: 3,
            self.print: 3,
            self.order: 8,
            self.exit: 3,
            self.change: 1,
            self.cancel: 1,
            self.clock: 1,
            self.halt: 0.4,
            self.resume: 1,
            self.cancel_all: 0.2,
        }
        told = self.chance.choices(list(kinds), list(kinds.values()), k=self.chance.randint(20, 90))
        waits = (0, SECOND, MINUTE, MINUTE, MINUTE, 2 * MINUTE)
        return [(self.chance.choice(waits), kind()) for kind in told]

    def opening(self) -> Event:
        self.opened = self.price = max(20, self.price + self.chance.randint(-9, 9))
        return BarOpened(INSTRUMENT, MINUTE, Decimal(self.opened))

    def bar(self) -> Event:
        first = self.price if self.opened is None else self.opened
        self.opened = None
        self.price = max(20, first + self.chance.randint(-4, 4))
        return bar(
            self.price,
            open=first,
            high=max(first, self.price) + self.chance.randint(0, 4),
            low=min(first, self.price) - self.chance.randint(0, 4),
            volume=self.chance.choice((0, 1, 3, 10, 40)),
        )

    def quote(self) -> Event:
        self.price = max(20, self.price + self.chance.randint(-2, 2))
        return quote(self.price - 1, self.price + 1, self.chance.randint(1, 20))

    def print(self) -> Event:
        self.price = max(20, self.price + self.chance.randint(-2, 2))
        return trade(self.price, self.chance.randint(1, 20))

    def order(self, reduce_only: bool = False) -> Event:
        shape: Any = self.chance.choice(
            ["market", "market", "limit", "limit", "stop", "stop_limit"]
        )
        patience: Any = self.chance.choice(["gtc"] * 6 + ["ioc", "fok"])
        side: Any = self.chance.choice(["buy", "sell"])
        ahead = 1 if side == "buy" else -1
        protects = not reduce_only and self.chance.random() < 0.6
        self.orders += 1
        return routed(
            side,
            self.chance.randint(1, 9),
            id=f"o{self.orders}",
            strategy=self.chance.choice(["one", "two"]),
            order_type=shape,
            limit_price=self._near() if "limit" in shape else None,
            stop_price=self._near() if "stop" in shape else None,
            time_in_force=patience,
            post_only=shape == "limit" and patience == "gtc" and self.chance.random() < 0.2,
            reduce_only=reduce_only,
            stop_loss=self.price - 5 * ahead if protects else None,
            take_profit=self.price + 5 * ahead if protects and self.chance.random() < 0.7 else None,
            expires_at=self._time() if self.chance.random() < 0.1 else None,
            producer=self.chance.choice(("", "alice")),
        )

    def exit(self) -> Event:
        return self.order(reduce_only=True)

    def change(self) -> Event:
        quantity = Decimal(self.chance.randint(1, 12)) if self.chance.random() < 0.5 else None
        limit = Decimal(self._near()) if self.chance.random() < 0.5 else None
        return ReplaceRouted(self._some(), "s", quantity, limit, None)

    def cancel(self) -> Event:
        return CancelApproved(self._some(), "s", "one", "")

    def cancel_all(self) -> Event:
        return CancelRequested("op", "why")

    def clock(self) -> Event:
        return ClockTicked()

    def halt(self) -> Event:
        return HaltRequested("op", "why", self.chance.choice(["close_only", "all"]))

    def resume(self) -> Event:
        return ResumeRequested("op", "why")

    def _near(self) -> int:
        return self.price + self.chance.randint(-5, 5)

    def _time(self) -> int:
        return START + self.chance.randint(1, 60) * MINUTE

    def _some(self) -> str:
        return f"o{self.chance.randint(max(1, self.orders - 5), self.orders + 1)}"


tellings = draw.integers(0, 10**9).map(lambda seed: Day(seed).telling())
latencies = draw.sampled_from([0, 0, 10 * SECOND, 90 * SECOND])


def lived(telling: Telling, latency: int, slippage: int = 0) -> DeciderDriver:
    story = fill_driver(latency=latency, participation=PARTICIPATION, slippage=slippage)
    for wait, event in telling:
        story.tell(event, after=wait)
    return story


def answers(story: DeciderDriver) -> list[Event]:
    return [answer.event for _, record in story.history for answer in record]


@given(tellings, latencies)
def test_fills_never_exceed_an_order_and_leaves_always_add_up(
    telling: Telling, latency: int
) -> None:
    quantity: dict[str, Decimal] = {}
    filled: dict[str, Decimal] = {}
    for event in answers(lived(telling, latency)):
        match event:
            case OrderSubmitting() | OrderReplaced():
                quantity[event.order_id] = event.quantity
            case OrderFilled(order_id=order_id):
                assert event.quantity > 0
                filled[order_id] = filled.get(order_id, Decimal(0)) + event.quantity
                assert event.leaves == quantity[order_id] - filled[order_id] >= 0
            case OrderCancelled(order_id=order_id) | OrderExpired(order_id=order_id):
                assert event.leaves == quantity[order_id] - filled.get(order_id, Decimal(0)) > 0


@given(tellings, latencies)
def test_an_order_is_sent_once_and_nothing_is_said_after_its_end(
    telling: Telling, latency: int
) -> None:
    sent: dict[str, bool] = {}
    ended: dict[str, Event] = {}
    for event in answers(lived(telling, latency)):
        order_id = getattr(event, "order_id", None)
        if order_id is None or type(event).__name__ == "CancelMissed":
            continue
        assert order_id not in ended, (ended[order_id], event)
        if isinstance(event, OrderSubmitting):
            assert order_id not in sent
            sent[order_id] = True
        elif not isinstance(event, OrderRejected):
            assert order_id in sent
        if isinstance(event, OrderCancelled | OrderRejected | OrderExpired) or (
            isinstance(event, OrderFilled) and not event.leaves
        ):
            ended[order_id] = event


@given(tellings, latencies)
def test_no_event_gives_more_volume_than_our_share_of_it(telling: Telling, latency: int) -> None:
    before, opened_at, at_open = Decimal(0), 0, Decimal(0)
    for question, record in lived(telling, latency).history:
        taken = {"buy": Decimal(0), "sell": Decimal(0)}
        for answer in record:
            if isinstance(answer.event, OrderFilled):
                taken[answer.event.side] += answer.event.quantity
        match question.event:
            case BarOpened():  # its volume is not known yet: that of the bar before counts
                opened_at, at_open = question.at, taken["buy"] + taken["sell"]
                assert at_open <= before * PARTICIPATION
            case BarClosed(volume=volume):
                before = volume
                if question.at - MINUTE == opened_at:
                    volume -= min(volume, at_open / PARTICIPATION)
                assert taken["buy"] + taken["sell"] <= volume * PARTICIPATION
            case TradePrinted(quantity=volume):
                assert taken["buy"] + taken["sell"] <= volume * PARTICIPATION
            case QuoteUpdated(bid_size=bid_size, ask_size=ask_size):
                assert taken["buy"] <= ask_size * PARTICIPATION
                assert taken["sell"] <= bid_size * PARTICIPATION
            case _:
                assert not any(taken.values()), "only the market fills"


@given(tellings, latencies, draw.sampled_from([0, 25, 300]))
def test_no_fill_lies_outside_the_market_that_made_it(
    telling: Telling, latency: int, slippage: int
) -> None:
    """A taker may be worse off by the declared slippage and a tick, and nobody better off."""
    limits: dict[str, Decimal | None] = {}
    for question, record in lived(telling, latency, slippage).history:
        for answer in record:
            match answer.event:
                case OrderSubmitting() | OrderReplaced() as order:
                    limits[order.order_id] = order.limit_price
                case OrderFilled() as fill:
                    assert lies_within(fill, question.event, Decimal(slippage), TICK)
                    if fill.liquidity == "maker":
                        assert fill.price == limits[fill.order_id]


@given(tellings, latencies)
def test_reduce_only_never_flips_nor_grows_a_position(telling: Telling, latency: int) -> None:
    reduces: dict[str, bool] = {}
    positions: dict[str, Decimal] = {}
    for event in answers(lived(telling, latency)):
        if isinstance(event, OrderSubmitting):
            reduces[event.order_id] = event.reduce_only
        elif isinstance(event, OrderFilled):
            before = positions.get(event.strategy, Decimal(0))
            positions[event.strategy] = before + signed(event.side, event.quantity)
            if reduces[event.order_id]:
                assert event.quantity <= reducible(before, event.side)


@given(tellings, latencies)
def test_no_reduce_only_order_outlives_what_it_was_to_reduce(
    telling: Telling, latency: int
) -> None:
    story = fill_driver(latency=latency, participation=PARTICIPATION)
    for wait, event in telling:
        story.tell(event, after=wait)
        for order in _open(story.state):
            assert not order.doomed_by
            if order.reduce_only and order.status != "submitting":
                assert reducible(position_of(story.state, order.strategy, INSTRUMENT), order.side)


def _open(state: State) -> list[Any]:
    return [order for orders in state.orders.values() for order in orders.values()]


@given(tellings, latencies)
def test_a_bracket_is_armed_and_closed_once_and_its_legs_agree(
    telling: Telling, latency: int
) -> None:
    story = fill_driver(latency=latency, participation=PARTICIPATION)
    armed: dict[str, BracketArmed] = {}
    closed: dict[str, bool] = {}
    crowded: dict[str, bool] = {}  # armed by an event that reduced, too, what it had opened
    for wait, told in telling:
        found = story.tell(told, after=wait)
        sides = {(fill.strategy, fill.side) for fill in found if isinstance(fill, OrderFilled)}
        for event in found:
            if isinstance(event, BracketArmed):
                assert event.bracket_id not in closed
                armed[event.bracket_id] = event
                crowded[event.bracket_id] = all((event.strategy, side) in sides for side in SIDES)
            elif isinstance(event, BracketClosed):
                assert event.bracket_id not in closed
                closed[event.bracket_id] = True
        assert set(story.state.brackets) == set(armed) - set(closed)
        assert not any(bracket.ended_by for bracket in story.state.brackets.values())
        _legs_agree(story.state, crowded, latency)


@given(tellings, latencies)
def test_an_entry_has_one_stop_and_one_target_and_ends_with_them(
    telling: Telling, latency: int
) -> None:
    working: dict[str, dict[str, bool]] = {}  # of an entry and purpose
    entries: dict[str, str] = {}
    over: dict[str, bool] = {}
    for event in answers(lived(telling, latency)):
        match event:
            case OrderSubmitting(purpose="stop_loss" | "take_profit"):
                legs = working.setdefault(event.parent_id + event.purpose, {})
                legs[event.order_id] = True
                assert len(legs) == 1
            case OrderCancelled() | OrderRejected() | OrderFilled(leaves=0):
                for legs in working.values():
                    legs.pop(event.order_id, None)
            case BracketArmed():
                entries[event.bracket_id] = event.entry_order_id
            case BracketClosed(outcome="stop_loss" | "take_profit"):
                over[entries[event.bracket_id]] = True
        if isinstance(event, OrderFilled):
            assert event.order_id not in over


def _legs_agree(state: State, crowded: dict[str, bool], latency: int) -> None:
    """What both legs still have to fill is the same, and never more than is held."""
    for name, bracket in state.brackets.items():
        names = [bracket.stop_order_id, bracket.take_profit_order_id]
        legs = [find(state, name) for name in names if name is not None]
        leaves = [leg.quantity - leg.filled for leg in legs if leg is not None]
        assert leaves
        assert len(leaves) == len(legs)
        assert len(set(leaves)) == 1
        assert leaves[0] == bracket.quantity
        leg = next(leg for leg in legs if leg is not None)
        if not latency and not crowded[name]:
            held = position_of(state, leg.strategy, INSTRUMENT)
            assert leaves[0] <= reducible(held, leg.side)


@given(tellings, latencies)
def test_under_a_halt_no_fill_opens_or_grows_a_position(telling: Telling, latency: int) -> None:
    halted = False
    positions: dict[str, Decimal] = {}
    for question, record in lived(telling, latency).history:
        if isinstance(question.event, HaltRequested | ResumeRequested):
            halted = isinstance(question.event, HaltRequested)
        for answer in record:
            if isinstance(answer.event, OrderFilled):
                before = positions.get(answer.event.strategy, Decimal(0))
                after = before + signed(answer.event.side, answer.event.quantity)
                positions[answer.event.strategy] = after
                assert not halted or abs(after) < abs(before)


@given(tellings, latencies, draw.integers(0, 90), draw.integers(0, 20))
def test_a_restart_anywhere_gives_the_same_state_and_the_same_answers(
    telling: Telling, latency: int, place: int, slippage: int
) -> None:
    story = lived(telling[:place], latency, slippage)
    again = story.restarted(fill)
    assert encoded(again) == encoded(story)
    for wait, event in telling[place:]:
        assert again.tell(event, after=wait) == story.tell(event, after=wait)
    assert encoded(again) == encoded(story)


@given(tellings, latencies, draw.integers(0, 90))
def test_a_snapshot_of_the_state_goes_on_like_the_state(
    telling: Telling, latency: int, place: int
) -> None:
    story = lived(telling[:place], latency)
    again = story.restarted(fill)
    again.runner.state = msgspec.json.decode(encoded(story), type=State)
    note(encoded(story).decode())
    for wait, event in telling[place:]:
        assert again.tell(event, after=wait) == story.tell(event, after=wait)
