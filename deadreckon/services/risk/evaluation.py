"""A signal with every figure that a rule may need."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar, overload

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Mark
from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk import sizes, worst_case
from deadreckon.services.risk.headroom import closable
from deadreckon.services.risk.sizes import Size
from deadreckon.services.risk.state import ApprovedOrder, Exposure, State, key_of, side_of
from deadreckon.services.risk.worst_case import WorstCases

T = TypeVar("T")


class lazily(Generic[T]):  # noqa: N801  # reads like `property`
    """Cache a property as `functools.cached_property` does, without the lock of Python before 3.12.

    In the thirteen figures of a signal the lock cost more than the sums.
    """

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "lazily[T]": ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> "lazily[T] | T":
        if owner is None:
            return self
        found = self._work(owner)
        # Found there first from now on: this class has no say in how attributes are set.
        owner.__dict__[self._name] = found
        return found


NOTHING_ALLOWED = LimitsSet(actor="", reason="nobody has set limits", trading_enabled=False)


@dataclass
class Evaluation:
    """One signal checked at the time `at`; each figure is computed when a rule first reads it.

    For a replace the signal is the whole order as it would be, and `replaces` the present order.
    Amounts are in the reporting currency unless a figure says differently.
    """

    state: State
    at: int
    signal: SignalRaised
    replaces: ApprovedOrder | None = None

    @lazily
    def price_age(self) -> int:
        """Return the nanoseconds since the mark.

        A time that was refused after a start counts until time is moved: the stop was as long, or
        the clock is wrong, and a price of before it must not be fresh because time stands still.
        """
        refused, now = self.state.stop_refused, self.at
        if refused is not None and now <= refused.log_at:
            now = refused.refused_at
        return now - self.mark.at if self.mark else 0

    @lazily
    def limits(self) -> LimitsSet:
        return self.state.limits or NOTHING_ALLOWED

    @lazily
    def listing(self) -> InstrumentListed | None:
        """Return the listing; None when the instrument was never listed, or was delisted."""
        instrument = self.signal.instrument
        return (
            None
            if instrument in self.state.delisted
            else self.state.ledger.listings.get(instrument)
        )

    @lazily
    def mark(self) -> Mark | None:
        return ledger.mark(self.state.ledger, self.signal.instrument)

    @lazily
    def unit(self) -> Decimal | None:
        """Return the worth of one unit of quantity x price; None without a rate."""
        return sizes.unit_value(self.state.ledger, self.signal.instrument)

    @lazily
    def shape_fault(self) -> str:
        """Return the fault in the shape of the signal; empty when it has none."""
        signal = self.signal
        if (signal.quantity is None) == (signal.notional is None):
            return "exactly one of quantity and notional makes a size"
        amounts = (signal.quantity, signal.notional, signal.limit_price, signal.stop_price)
        if any(amount is not None and amount <= 0 for amount in amounts):
            return "sizes and prices are more than 0"
        if (signal.limit_price is None) == (signal.order_type in ("limit", "stop_limit")):
            return f"{signal.order_type}: limit_price is missing, or not its own"
        if (signal.stop_price is None) == (signal.order_type in ("stop", "stop_limit")):
            return f"{signal.order_type}: stop_price is missing, or not its own"
        return ""

    @lazily
    def size(self) -> Size | None:
        """Return quantity and prices; None without a valid shape or a mark."""
        listing = self.state.ledger.listings.get(self.signal.instrument)
        if self.mark is None or listing is None or self.shape_fault:
            return None
        return sizes.size(self.signal, self.mark.price, listing)

    @lazily
    def known_size(self) -> Size:
        """Return the size, once an earlier rule has made sure that there is one."""
        assert self.size is not None, "rules about sizes come after those about shape and price"
        return self.size

    @lazily
    def known_unit(self) -> Decimal:
        """Return the unit's worth, once an earlier rule has made sure that there is one."""
        assert self.unit is not None, "rules about amounts come after the one about price"
        return self.unit

    @lazily
    def notional(self) -> Decimal:
        """Return the order's notional: quantity is valued at the worst of mark, limit and stop."""
        found = sizes.notional(self.state.ledger, self.signal, self.known_size)
        assert found is not None, "rules about amounts come after the one about price"
        return found

    @lazily
    def exposure(self) -> Exposure:
        """Return the strategy's exposure in the instrument, without the order that would be
        replaced."""
        signal, order = self.signal, self.replaces
        found = self.state.exposures.get(key_of(signal.strategy, signal.instrument))
        if found is None:
            listing = self.state.ledger.listings.get(signal.instrument)
            return Exposure(signal.strategy, signal.instrument, listing.venue if listing else "")
        if order is None:
            return found
        if order.reduces:
            taken = order.share.quantity.copy_negate()
            return worst_case.with_exit(found, order.side, taken, waits=order.waits)
        return worst_case.without_entry(found, order.side, order.share)

    @lazily
    def closable(self) -> Decimal:
        """Return the quantity of the position that is left to close, in base units or contracts."""
        return closable(self.exposure, self.signal.side)

    @lazily
    def is_exit(self) -> bool:
        """Return True when it can only bring the strategy's own position closer to zero."""
        if self.signal.reduce_only:
            return True
        if not self.closable:  # a position on this side of the signal has nothing to close
            return False
        if self.signal.quantity is not None:
            return self.signal.quantity <= self.closable
        return self.size is not None and self.size.quantity <= self.closable

    @lazily
    def after(self) -> Exposure:
        """Return the exposure with this order in flight."""
        size, side = self.known_size, self.signal.side
        if self.is_exit:
            return worst_case.with_exit(self.exposure, side, min(size.quantity, self.closable))
        quantity, value = size.quantity, ROUNDING.multiply(size.quantity, size.price)
        if self.replaces is not None:  # until the venue answers, both may stand
            quantity = max(quantity, self.replaces.share.quantity)
            value = max(value, self.replaces.share.value)
        stop_loss = self.signal.stop_loss
        share = sizes.share_of(side, quantity, value, size.entry_price, stop_loss)
        return worst_case.with_entry(self.exposure, side, share)

    @lazily
    def adds(self) -> bool:
        """Return True when the worst case grows: for an exit only if an entry against the position
        is in flight, which would then start from less."""
        if not self.is_exit:
            return True
        if self.mark is None or self.unit is None or not self._opposed:
            return False
        before = worst_case.extent(self.exposure, self.mark.price, self.unit)
        return worst_case.extent(self.after, self.mark.price, self.unit).worst > before.worst

    @lazily
    def _opposed(self) -> bool:
        return side_of(self.exposure, self.signal.side).entries > 0

    @lazily
    def book(self) -> WorstCases:
        """Return the worst cases of the whole book with this order in flight."""
        return worst_case.worst_cases_with(self.state, self.after)

    @lazily
    def worth(self) -> ledger.Worth:
        """Return the book valued at its marks."""
        return ledger.net_worth(self.state.ledger)

    @lazily
    def added_notional(self) -> Decimal:
        """Return the notional that this adds to entries, less that of the order it replaces."""
        order = self.replaces
        if order is None:
            return self.notional
        before = EXACT.multiply(order.share.value, self.known_unit)
        return max(EXACT.subtract(self.notional, before), ZERO)
