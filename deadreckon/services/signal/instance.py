"""One configured strategy: its setup, its memory of the market, and what it holds by its fills."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting.sellable import received, sellable
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import (
    OrderApproved,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderRouted,
    OrderSubmitting,
    OrderUnroutable,
)
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.strategies.registry import (
    CODE_RULES,
    ConfigurationFault,
    Setup,
    read_setup,
)

# What tells whether a strategy has a signal or an order at work.
FOLLOWED: tuple[type[Event], ...] = (
    SignalRaised,
    SignalRefused,
    OrderApproved,
    OrderUnroutable,
    OrderRouted,
    OrderSubmitting,
    OrderFilled,
    OrderCancelled,
    OrderRejected,
    OrderExpired,
)


class StrategyInstance(Struct, dict=True):
    """A strategy from its first configuration on.

    `configured` is its newest configuration. `memory` is the strategy's own state; null while it
    cannot run. `refused` says that the log refuses that configuration. `held` is what it owns by
    its own fills and can sell, per instrument (base units or contracts, shorts negative); `dust` is
    what it owns beside that, too little for an order. `entered_at` and
    `left_at` (nanoseconds UTC) are when it last raised an entry, and an exit of what it still
    holds. `bar` is the last one it has seen, `waiting` are those whose fills are not all recorded.
    `working` holds its signals that nobody answered yet and its orders that have not ended.
    """

    configured: StrategyConfigured
    memory: Any = None
    refused: bool = False
    held: dict[str, Decimal] = {}
    dust: dict[str, Decimal] = {}
    entered_at: int | None = None
    left_at: int | None = None
    bar: Recorded[BarClosed] | None = None
    waiting: list[Recorded[BarClosed]] = []
    working: dict[str, Literal[True]] = {}

    @cached_property
    def setup(self) -> Setup | ConfigurationFault:
        """The strategy and its parameters, or what is wrong with the configuration."""
        return read_setup(self.configured)

    @property
    def running(self) -> Setup | None:
        """The setup of a strategy that can run."""
        setup = self.setup
        if isinstance(setup, ConfigurationFault) or self.refused or self.memory is None:
            return None
        return setup

    @property
    def position(self) -> Decimal:
        """Signed quantity that it holds of the instrument it trades."""
        return self.held.get(self.configured.instrument, ZERO)

    @property
    def code_fault(self) -> ConfigurationFault | None:
        """The fault of a strategy whose code is not the one of its configuration, as long as the
        log does not refuse it."""
        setup = self.setup
        if self.refused or not isinstance(setup, ConfigurationFault):
            return None
        return setup if setup.rule in CODE_RULES else None


def restore_memory(instance: StrategyInstance) -> None:
    """Give the memory that was read from a snapshot its own type."""
    if (setup := instance.running) is not None:
        instance.memory = msgspec.convert(instance.memory, setup.strategy.state)


def reset_time(instance: StrategyInstance, at: int) -> None:
    """Let no entry or exit be of a time that was taken back: waits count from the reset."""
    if instance.entered_at is not None:
        instance.entered_at = min(instance.entered_at, at)
    if instance.left_at is not None:
        instance.left_at = min(instance.left_at, at)


def configure(before: StrategyInstance | None, event: StrategyConfigured) -> StrategyInstance:
    """Return the strategy under its new configuration. It keeps what it has seen where kind, code,
    instrument and bar length stay the same, and always what it holds."""
    after = StrategyInstance(event)
    setup = after.setup
    if isinstance(setup, Setup):
        strategy, parameters = setup.strategy, setup.parameters
        if before is not None and _sees_alike(before, after):
            after.memory = strategy.adapt(before.memory, parameters)
            after.bar, after.waiting = before.bar, before.waiting
        else:
            after.memory = strategy.initial(parameters)
    if before is not None:
        after.held, after.entered_at, after.left_at = before.held, before.entered_at, before.left_at
        after.dust, after.working = before.dust, before.working
    return after


def _sees_alike(before: StrategyInstance, after: StrategyInstance) -> bool:
    old, new = before.running, after.setup
    if old is None or isinstance(new, ConfigurationFault) or old.strategy is not new.strategy:
        return False
    same_length = old.parameters.bar_seconds == new.parameters.bar_seconds
    return same_length and before.configured.instrument == after.configured.instrument


def looks_at(instance: StrategyInstance, bar: BarClosed) -> bool:
    """Return True for a bar of the strategy's instrument and length."""
    if bar.instrument != instance.configured.instrument or instance.running is None:
        return False
    seconds = instance.running.parameters.bar_seconds
    return seconds is None or seconds * NANOSECONDS == bar.interval


def observe_bar(instance: StrategyInstance, record: Recorded[BarClosed]) -> None:
    """Show a closed bar; also while disabled, so that it knows the market when enabled again.

    On paper a strategy with orders at work sees a bar only once the fills of that are recorded: it
    decides on what it holds. Elsewhere the venue is asked by nobody, and nothing waits.
    """
    if not looks_at(instance, record.event):
        return
    if record.mode in ("paper", "backtest") and (instance.working or instance.waiting):
        instance.waiting.append(_without_position(record))
    else:
        _close(instance, record)


def _without_position(record: Recorded[BarClosed]) -> Recorded[BarClosed]:
    """Return a bar to keep: a state does not depend on where in the log its events stand."""
    return replace(record, sequence=0, index=0)


def settle_bar(instance: StrategyInstance, bar: str) -> None:
    """Show the bars up to the one whose fills are now recorded."""
    while any(record.id == bar for record in instance.waiting):
        _close(instance, instance.waiting.pop(0))


def _close(instance: StrategyInstance, record: Recorded[BarClosed]) -> None:
    instance.bar = _without_position(record)
    _show(instance, record)


def observe_model(instance: StrategyInstance, record: Recorded[Any]) -> None:
    """Show a model that was fitted for this strategy and its instrument, if it asks for one."""
    if trains(instance) and record.event.instrument == instance.configured.instrument:
        _show(instance, record)


def _show(instance: StrategyInstance, record: Recorded[Any]) -> None:
    if (setup := instance.running) is not None:
        memory = setup.strategy.evolve(instance.memory, setup.parameters, record)
        instance.memory = memory


def trains(instance: StrategyInstance) -> bool:
    """Return True for a strategy that rests on fitted models."""
    setup = instance.running
    return setup is not None and setup.strategy.training(setup.parameters) is not None


def add_fill(
    instance: StrategyInstance, fill: OrderFilled, listing: InstrumentListed | None
) -> None:
    """Move what is held by a fill; a position that is closed or turned needs no further exit."""
    before = instance.held.pop(fill.instrument, ZERO)
    owned = EXACT.add(before, instance.dust.pop(fill.instrument, ZERO))
    owned = EXACT.add(owned, received(fill, listing))
    after = canonical(sellable(owned, listing))
    if after:
        instance.held[fill.instrument] = after
    if after != owned:
        instance.dust[fill.instrument] = canonical(EXACT.subtract(owned, after))
    if (after > 0) != (before > 0) or (after < 0) != (before < 0):
        instance.left_at = None


def remember_signal(instance: StrategyInstance, record: Recorded[SignalRaised]) -> None:
    """Remember when it last raised an exit or an entry."""
    if record.event.reduce_only:
        instance.left_at = record.at
    else:
        instance.entered_at = record.at


def follow_order(instances: Mapping[str, StrategyInstance], event: Event) -> None:
    """Keep account of the signals and orders at work of every strategy."""
    match event:
        case SignalRaised(producer="", strategy=name, signal_id=opened):
            ended = ""
        case OrderApproved(strategy=name, order_id=opened, signal_id=ended):
            pass
        case OrderRouted(strategy=name, order_id=opened, parent_id=ended):
            pass
        case OrderSubmitting(strategy=name, order_id=opened):
            ended = ""
        case SignalRefused(strategy=name, signal_id=ended):
            opened = ""
        case OrderFilled(strategy=name, order_id=ended, leaves=leaves) if not leaves:
            opened = ""
        case OrderUnroutable() | OrderRejected() | OrderCancelled() | OrderExpired():
            for instance in instances.values():
                instance.working.pop(event.order_id, None)
            return
        case _:
            return
    if (found := instances.get(name)) is None:
        return
    if ended:
        found.working.pop(ended, None)
    if opened:
        found.working[opened] = True


def refuse(instance: StrategyInstance) -> None:
    """Stop a strategy whose configuration the log refuses, until it is configured again."""
    instance.refused = True
    instance.memory = None
