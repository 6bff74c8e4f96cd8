"""Whatever happens to orders in flight, the worst that can come of them stays within the limits."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deadreckon.contracts.fields import Side
from deadreckon.contracts.orders import (
    CancelMissed,
    OrderApproved,
    OrderReplaced,
    OrderRouted,
    ReplaceApproved,
)
from deadreckon.contracts.signals import ReplaceRaised
from tests.stories import INSTRUMENT, SECOND, exact, filled, limits
from tests.stories import signal as trade_signal
from tests.support.risk_driver import OTHER, RiskDriver, cancelled, leg, routed

pytestmark = pytest.mark.slow

PRICE = 100
CAPS = {
    "exposure_instrument_max": 1_300,
    "exposure_strategy_max": 1_500,
    "exposure_venue_max": 1_300,
    "exposure_gross_max": 1_800,
    "exposure_net_max": 1_400,
}
# Sizes that meet the caps exactly, and some that do not.
SIZES = [exact(number) for number in (1, "6.5", 13, 20, 26)]
SIDES: tuple[Side, ...] = ("buy", "sell")
Place = tuple[str, str]  # strategy, instrument


@dataclass
class Open:
    """An order at the venue, as this test knows it; quantities, and the totals asked for."""

    order: OrderApproved
    place: Place
    side: Side
    reduces: bool
    leaves: Decimal
    bracket: bool = False
    filled: Decimal = Decimal(0)
    wanted: dict[str, Decimal] = field(default_factory=dict)
    sibling: str = ""

    def most(self) -> Decimal:
        """What can still trade, replaces that may yet succeed included."""
        return max([self.leaves, *(total - self.filled for total in self.wanted.values())])


def signed(side: Side, quantity: Decimal) -> Decimal:
    return quantity if side == "buy" else -quantity


class RandomTrading(RuleBasedStateMachine):
    """Random wishes, and a venue that does with its orders whatever it likes, in any order."""

    strategies: tuple[str, ...] = ("bull", "bear")
    instruments: tuple[str, ...] = (INSTRUMENT, OTHER)

    def __init__(self) -> None:
        super().__init__()
        self.driver = RiskDriver(limits(**CAPS), cash=10**9)
        self.held: dict[Place, Decimal] = {}
        self.open: dict[str, Open] = {}
        self.approved: list[OrderApproved] = []  # not routed yet
        self.count = 0

    def _next(self, word: str) -> str:
        self.count += 1
        return f"{word}{self.count}"

    # --- What may happen --------------------------------------------------------------------------

    @rule(
        strategy=st.runner().flatmap(lambda self: st.sampled_from(self.strategies)),
        instrument=st.runner().flatmap(lambda self: st.sampled_from(self.instruments)),
        side=st.sampled_from(SIDES),
        quantity=st.sampled_from(SIZES),
        by_notional=st.booleans(),
        reduce_only=st.sampled_from((False, False, True)),
        bracket=st.booleans(),
        parts=st.integers(0, 3),
    )
    def trade_signal(
        self,
        strategy: str,
        instrument: str,
        side: Side,
        quantity: Decimal,
        by_notional: bool,
        reduce_only: bool,
        bracket: bool,
        parts: int,
    ) -> None:
        answer = self.driver.ask(
            trade_signal(
                side,
                None if by_notional else quantity,
                notional=quantity * PRICE if by_notional else None,
                id=self._next("s"),
                strategy=strategy,
                instrument=instrument,
                reduce_only=reduce_only,
                stop_loss=(50 if side == "buy" else 150) if bracket else None,
                take_profit=(150 if side == "buy" else 50) if bracket else None,
            )
        )
        if isinstance(answer, OrderApproved):
            self.approved.append(answer)
            if not answer.reduce_only:
                self._check_net()
            if parts:
                self._route(self.approved.pop(), parts)

    @precondition(lambda self: self.approved)
    @rule(data=st.data(), parts=st.integers(1, 3))
    def route(self, data: st.DataObject, parts: int) -> None:
        self._route(self._take(data, self.approved), parts)

    def _route(self, order: OrderApproved, parts: int) -> None:
        quantity = order.quantity or (order.notional or Decimal(0)) / PRICE
        lots = int(quantity * 1_000)
        sizes = [Decimal(lots // parts) / 1_000 for _ in range(parts)]
        children = [routed(order, child, sizes) for child in range(parts)]
        self.driver.tell(*children)
        for child in children:
            place = (order.strategy, order.instrument)
            bracket = order.stop_loss is not None
            found = Open(order, place, order.side, order.reduce_only, child.quantity, bracket)
            self.open[child.order_id] = found
            self._end_if_nothing(child)

    def _end_if_nothing(self, child: OrderRouted) -> None:
        if not child.quantity:
            self._cancel(child.order_id)

    @precondition(lambda self: self.open)
    @rule(again=st.booleans())
    def fill_all(self, again: bool) -> None:
        for order_id in sorted(self.open):
            if order_id in self.open and not self.open[order_id].sibling:
                self._fill(order_id, 10, again)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), tenths=st.sampled_from((10, 5, 3)), again=st.booleans())
    def fill(self, data: st.DataObject, tenths: int, again: bool) -> None:
        self._fill(data.draw(st.sampled_from(sorted(self.open))), tenths, again)

    def _fill(self, order_id: str, tenths: int, again: bool) -> None:
        found = self.open[order_id]
        quantity = found.leaves * tenths / 10
        if found.reduces:
            held = self.held.get(found.place, Decimal(0))
            quantity = min(quantity, max(signed(found.side, Decimal(1)) * -held, Decimal(0)))
        if not quantity:
            self._cancel(order_id)
            return
        self._trade(order_id, found, quantity, again)

    def _trade(self, order_id: str, found: Open, quantity: Decimal, again: bool) -> None:
        found.leaves -= quantity
        found.filled += quantity
        self.held[found.place] = self.held.get(found.place, Decimal(0)) + signed(
            found.side, quantity
        )
        strategy, instrument = found.place
        told = filled(
            found.side,
            quantity,
            PRICE,
            order=order_id,
            id=self._next("t"),
            strategy=strategy,
            instrument=instrument,
            leaves=found.leaves,
        )
        self.driver.tell(*[told] * (2 if again else 1))
        sibling = self.open.get(found.sibling)
        if sibling is not None:
            self._resize(found.sibling, sibling, found.leaves)
        if not found.leaves:
            self.open.pop(order_id, None)
        if found.bracket:
            self._protect(found, quantity)

    def _resize(self, order_id: str, found: Open, leaves: Decimal) -> None:
        found.leaves = leaves
        if leaves:
            self.driver.tell(OrderReplaced(order_id, leaves, leaves, None, None))
        else:
            self._cancel(order_id)

    def _protect(self, found: Open, quantity: Decimal) -> None:
        """As fill does: legs for what the fill has opened, never for more than is held."""
        side: Side = "sell" if found.side == "buy" else "buy"
        held = max(signed(found.side, self.held[found.place]), Decimal(0))
        quantity = min(quantity, held)
        if not quantity:
            return
        stop, profit = self._next("stop"), self._next("profit")
        self.driver.tell(
            leg(found.order, "stop_loss", quantity, order=stop, stop=50),
            leg(found.order, "take_profit", quantity, order=profit, limit=150),
        )
        self.open[stop] = Open(found.order, found.place, side, True, quantity, sibling=profit)
        self.open[profit] = Open(found.order, found.place, side, True, quantity, sibling=stop)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self._cancel(data.draw(st.sampled_from(sorted(self.open))))

    def _cancel(self, order_id: str) -> None:
        found = self.open.pop(order_id)
        self.driver.tell(cancelled(order_id, found.leaves))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), total=st.sampled_from(SIZES))
    def replace(self, data: st.DataObject, total: Decimal) -> None:
        found = self.open[data.draw(st.sampled_from(sorted(self.open)))]
        order = found.order
        if order.order_id not in self.open:  # of a bracket, or split: the venue does not change it
            return
        signal = self._next("r")
        raised = ReplaceRaised(signal, "", order.strategy, order.signal_id, total, None, None)
        answer = self.driver.ask(raised)
        if isinstance(answer, ReplaceApproved):
            self.open[order.order_id].wanted[signal] = total

    @precondition(lambda self: any(found.wanted for found in self.open.values()))
    @rule(data=st.data(), succeeds=st.booleans())
    def replaced(self, data: st.DataObject, succeeds: bool) -> None:
        waiting = sorted(name for name, found in self.open.items() if found.wanted)
        order_id = data.draw(st.sampled_from(waiting))
        found = self.open[order_id]
        signal = next(iter(found.wanted))
        total = found.wanted.pop(signal)
        if not succeeds or total <= found.filled:
            self.driver.tell(CancelMissed(order_id, signal, "the venue did not take it"))
            return
        found.leaves = total - found.filled
        self.driver.tell(OrderReplaced(order_id, total, found.leaves, None, None))

    @rule(crash=st.booleans())
    def wait(self, crash: bool) -> None:
        self.driver.price(PRICE, after=SECOND)
        self.driver.price(PRICE, OTHER)
        if crash:
            self.driver = self.driver.restarted()

    def _take(self, data: st.DataObject, things: list[OrderApproved]) -> OrderApproved:
        return things.pop(data.draw(st.integers(0, len(things) - 1)))

    # --- What must hold ---------------------------------------------------------------------------

    def _reach(self, place: Place, side: Side) -> Decimal:
        """The furthest a position can go to one side: exits first, then every entry."""
        held = signed(side, self.held.get(place, Decimal(0)))
        exits = entries = Decimal(0)
        brackets: dict[str, Decimal] = {}
        for order_id, found in self.open.items():
            if (found.place, found.side) != (place, side):
                continue
            if found.sibling:
                pair = min(order_id, found.sibling)
                brackets[pair] = max(brackets.get(pair, Decimal(0)), found.leaves)
            elif found.reduces:
                exits += found.most()
            else:
                entries += found.most()
        for order in self.approved:
            if (order.strategy, order.instrument, order.side) == (*place, side):
                quantity = order.quantity or (order.notional or Decimal(0)) / PRICE
                exits, entries = (
                    (exits + quantity, entries)
                    if order.reduce_only
                    else (exits, entries + quantity)
                )
        closing = exits + sum(brackets.values(), Decimal(0))
        return (min(held + closing, Decimal(0)) if held < 0 else held) + entries

    def _extents(self) -> dict[Place, tuple[Decimal, Decimal]]:
        places = [(strategy, name) for strategy in self.strategies for name in self.instruments]
        return {
            place: (-self._reach(place, "sell") * PRICE, self._reach(place, "buy") * PRICE)
            for place in places
        }

    @invariant()
    def nothing_can_come_to_more_than_its_limit(self) -> None:
        extents = self._extents()
        worst = {place: max(abs(low), abs(high)) for place, (low, high) in extents.items()}
        for place, amount in worst.items():
            strategy, instrument = place
            per_instrument = sum(worst[s, instrument] for s in self.strategies)
            assert per_instrument <= CAPS["exposure_instrument_max"], place
            assert per_instrument <= CAPS["exposure_venue_max"], place  # one each
            assert (
                sum(worst[strategy, i] for i in self.instruments) <= CAPS["exposure_strategy_max"]
            )
            assert amount <= CAPS["exposure_gross_max"]
        assert sum(worst.values()) <= CAPS["exposure_gross_max"]

    def _check_net(self) -> None:
        """Right after an approved entry: later a hedge may be closed, which nothing holds up."""
        extents = self._extents()
        low = sum((low for low, _ in extents.values()), Decimal(0))
        high = sum((high for _, high in extents.values()), Decimal(0))
        assert max(abs(low), abs(high)) <= CAPS["exposure_net_max"]

    @invariant()
    def risk_holds_what_was_filled(self) -> None:
        for (strategy, instrument), quantity in self.held.items():
            assert self.driver.exposure(strategy, instrument).held == quantity
            assert self.driver.held(strategy, instrument) == quantity

    def teardown(self) -> None:
        """When every order has ended, nothing is promised any more."""
        for order in self.approved:
            (child,) = self.driver.route(order, 1)
            self.driver.tell(cancelled(child.order_id))
        for order_id in list(self.open):
            if order_id in self.open:
                self._cancel(order_id)
        state = self.driver.state
        leftovers: list[Any] = [state.orders, state.children, state.signals]
        leftovers += [state.legs, state.brackets]
        assert leftovers == [{}] * 5
        for exposure in state.exposures.values():
            assert exposure.held
            flights = (exposure.buys, exposure.sells)
            assert all(not getattr(f, name) for f in flights for name in f.__struct_fields__)
            assert exposure.entry_orders == exposure.flatten_orders == 0
        self.driver.restarted()


class OneStake(RandomTrading):
    """One strategy in one instrument, so that orders get in each other's way all the time."""

    strategies = ("bull",)
    instruments = (INSTRUMENT,)


TestDesks = RandomTrading.TestCase
TestOneStake = OneStake.TestCase
SETTINGS = settings(max_examples=150, stateful_step_count=40, derandomize=True, deadline=None)
TestDesks.settings = TestOneStake.settings = SETTINGS
