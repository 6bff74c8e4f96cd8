"""What is asked of risk: a wish beside the state, with every figure that a rule may need."""

from dataclasses import dataclass
from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Mark
from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk import exposure, sizes
from deadreckon.services.risk.exposure import WorstCases
from deadreckon.services.risk.headroom import closable
from deadreckon.services.risk.lazy_figure import lazily
from deadreckon.services.risk.sizes import Size
from deadreckon.services.risk.state import ApprovedOrder, Exposure, State, key_of, side_of

NOTHING_ALLOWED = LimitsSet(actor="", reason="nobody has set limits", trading_enabled=False)


@dataclass
class Evaluation:
    """One wish, weighed at the moment `at`; each figure is worked out once, when a rule asks.

    For a replace the wish is the whole order as it would be, and `replaces` the one it replaces.
    Amounts are in the reporting currency unless said otherwise.
    """

    state: State
    at: int
    wish: SignalRaised
    replaces: ApprovedOrder | None = None

    @lazily
    def limits(self) -> LimitsSet:
        return self.state.limits or NOTHING_ALLOWED

    @lazily
    def listing(self) -> InstrumentListed | None:
        """None when it was never listed, or is no longer."""
        instrument = self.wish.instrument
        return (
            None
            if instrument in self.state.delisted
            else self.state.ledger.listings.get(instrument)
        )

    @lazily
    def mark(self) -> Mark | None:
        return ledger.mark(self.state.ledger, self.wish.instrument)

    @lazily
    def unit(self) -> Decimal | None:
        """What one unit of quantity x price is worth; None without a rate."""
        return sizes.unit_value(self.state.ledger, self.wish.instrument)

    @lazily
    def shape_fault(self) -> str:
        """What is wrong with the wish as it stands; empty when nothing is."""
        wish = self.wish
        if (wish.quantity is None) == (wish.notional is None):
            return "exactly one of quantity and notional makes a size"
        amounts = (wish.quantity, wish.notional, wish.limit_price, wish.stop_price)
        if any(amount is not None and amount <= 0 for amount in amounts):
            return "sizes and prices are more than 0"
        if (wish.limit_price is None) == (wish.order_type in ("limit", "stop_limit")):
            return f"{wish.order_type}: limit_price is missing, or not its own"
        if (wish.stop_price is None) == (wish.order_type in ("stop", "stop_limit")):
            return f"{wish.order_type}: stop_price is missing, or not its own"
        return ""

    @lazily
    def size(self) -> Size | None:
        """Quantity and prices; None where the shape or the mark does not allow to tell."""
        listing = self.state.ledger.listings.get(self.wish.instrument)
        if self.mark is None or listing is None or self.shape_fault:
            return None
        return sizes.size(self.wish, self.mark.price, listing)

    @lazily
    def known_size(self) -> Size:
        """The size, where a rule before has made sure that there is one."""
        assert self.size is not None, "rules about sizes come after those about shape and price"
        return self.size

    @lazily
    def known_unit(self) -> Decimal:
        """The unit's value, where a rule before has made sure that there is one."""
        assert self.unit is not None, "rules about amounts come after the one about price"
        return self.unit

    @lazily
    def notional(self) -> Decimal:
        """The order's notional: a quantity at the worst of mark, limit and stop."""
        found = sizes.notional(self.state.ledger, self.wish, self.known_size)
        assert found is not None, "rules about amounts come after the one about price"
        return found

    @lazily
    def stake(self) -> Exposure:
        """What the strategy has of the instrument, without the order that is to be replaced."""
        wish, order = self.wish, self.replaces
        found = self.state.stakes.get(key_of(wish.strategy, wish.instrument))
        if found is None:
            listing = self.state.ledger.listings.get(wish.instrument)
            return Exposure(wish.strategy, wish.instrument, listing.venue if listing else "")
        if order is None:
            return found
        if order.reduces:
            return exposure.with_exit(found, order.side, order.share.quantity.copy_negate())
        return exposure.without_entry(found, order.side, order.share)

    @lazily
    def closable(self) -> Decimal:
        """How much of the position is left to close, in base units or contracts."""
        return closable(self.stake, self.wish.side)

    @lazily
    def is_exit(self) -> bool:
        """Whether this can only bring the strategy's own position closer to zero."""
        if self.wish.reduce_only:
            return True
        if not self.closable:  # a position on this side of the wish has nothing to close
            return False
        if self.wish.quantity is not None:
            return self.wish.quantity <= self.closable
        return self.size is not None and self.size.quantity <= self.closable

    @lazily
    def after(self) -> Exposure:
        """The stake with this order in flight."""
        size, side = self.known_size, self.wish.side
        if self.is_exit:
            return exposure.with_exit(self.stake, side, min(size.quantity, self.closable))
        quantity, value = size.quantity, ROUNDING.multiply(size.quantity, size.price)
        if self.replaces is not None:  # until the venue answers, both may stand
            quantity = max(quantity, self.replaces.share.quantity)
            value = max(value, self.replaces.share.value)
        stop_loss = self.wish.stop_loss
        share = sizes.share_of(side, quantity, value, size.entry_price, stop_loss)
        return exposure.with_entry(self.stake, side, share)

    @lazily
    def adds(self) -> bool:
        """Whether the worst case grows: always for an entry; for an exit only where an entry
        against the position is in flight, which would then start from less."""
        if not self.is_exit:
            return True
        if self.mark is None or self.unit is None or not self._opposed:
            return False
        before = exposure.extent(self.stake, self.mark.price, self.unit)
        return exposure.extent(self.after, self.mark.price, self.unit).worst > before.worst

    @lazily
    def _opposed(self) -> bool:
        return side_of(self.stake, self.wish.side).entries > 0

    @lazily
    def book(self) -> WorstCases:
        """The worst cases of the whole book with this order in flight."""
        return exposure.worst_cases_with(self.state, self.after)

    @lazily
    def worth(self) -> ledger.Worth:
        """The book at its marks."""
        return ledger.net_worth(self.state.ledger)

    @lazily
    def added_notional(self) -> Decimal:
        """What this adds to entries: the notional, less that of the order it replaces."""
        order = self.replaces
        if order is None:
            return self.notional
        before = EXACT.multiply(order.share.value, self.known_unit)
        return max(EXACT.subtract(self.notional, before), ZERO)
