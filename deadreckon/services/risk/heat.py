"""Portfolio heat: what equity loses if every stop is hit, orders in flight included.

A position is at risk from its mark to its stop, an order in flight from its entry price to its own.
What no stop covers is at risk for a default share of its price.
"""

from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, ZERO, ratio
from deadreckon.contracts.governance import LimitsSet
from deadreckon.contracts.signals import Side
from deadreckon.services.portfolio import ledger
from deadreckon.services.risk.asked import Asked
from deadreckon.services.risk.refusals import Breach
from deadreckon.services.risk.sizes import unit_value
from deadreckon.services.risk.state import Stake, State, key_of

_multiply = ROUNDING.multiply


def heat_max(asked: Asked) -> Breach | None:
    limit = asked.limits.heat_max
    if limit is None:
        return None
    found, equity = heat(asked), asked.worth.equity
    if found <= _multiply(limit, equity):
        return None
    share = ratio(found, equity) if equity > 0 else None
    return Breach(limit, share, "what all stops together can lose, as a share of equity")


def heat(asked: Asked) -> Decimal:
    """What is at risk with this order, in the reporting currency."""
    state, limits, size = asked.state, asked.limits, asked.known_size
    found = (
        ZERO
        if asked.is_exit
        else _at_risk(
            size.quantity, size.entry_price, asked.wish.stop_loss, asked.wish.side, limits
        )
    )
    found = _multiply(found, asked.known_unit)
    for order in state.orders.values():
        if not order.reduces and order is not asked.replaces:
            risk = _at_risk(order.counted, order.entry_price, order.stop_loss, order.side, limits)
            found = ROUNDING.add(found, _worth(state, order.instrument, risk))
    covered = _covered(state)
    for key, stake in state.stakes.items():
        risk = _held_at_risk(state, stake, covered.get(key, []), limits)
        found = ROUNDING.add(found, _worth(state, stake.instrument, risk))
    return found


def _at_risk(
    quantity: Decimal, price: Decimal, stop: Decimal | None, side: Side, limits: LimitsSet
) -> Decimal:
    """Quantity x distance, in quote currency per unit of contract; 0 beyond the stop."""
    if stop is None:
        distance = _multiply(price, limits.heat_stop_default)
    else:
        distance = ROUNDING.subtract(price, stop)
        distance = distance if side == "buy" else distance.copy_negate()
    return _multiply(quantity, max(distance, ZERO))


def _covered(state: State) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """By stake: quantity and price of each stop-loss that waits."""
    found: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for leg in state.legs.values():
        if leg.purpose == "stop_loss" and leg.stop_price is not None:
            bracket = state.brackets[leg.bracket]
            stops = found.setdefault(key_of(bracket.strategy, bracket.instrument), [])
            stops.append((leg.leaves, leg.stop_price))
    return found


def _held_at_risk(
    state: State, stake: Stake, stops: list[tuple[Decimal, Decimal]], limits: LimitsSet
) -> Decimal:
    mark = ledger.mark(state.ledger, stake.instrument)
    if not stake.held or mark is None:
        return ZERO
    side: Side = "buy" if stake.held > 0 else "sell"
    bare = stake.held.copy_abs()
    found = ZERO
    for quantity, stop in stops:
        part = min(quantity, bare)
        bare = ROUNDING.subtract(bare, part)
        found = ROUNDING.add(found, _at_risk(part, mark.price, stop, side, limits))
    return ROUNDING.add(found, _at_risk(bare, mark.price, None, side, limits))


def _worth(state: State, instrument: str, amount: Decimal) -> Decimal:
    return _multiply(amount, unit_value(state.ledger, instrument) or ZERO)
