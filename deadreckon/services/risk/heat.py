"""Portfolio heat: what equity loses if every stop is hit, orders in flight included.

A position is at risk from its mark to its stop, an order in flight from its entry price to its own.
What no stop covers is at risk for a default share of its price.
"""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ROUNDING, ZERO, ratio
from deadreckon.contracts.fields import Side
from deadreckon.contracts.limits import LimitsSet
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.exposure import exposures_with
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.sizes import share_of, unit_value
from deadreckon.services.risk.state import Exposure, State, key_of

_add = ROUNDING.add
_multiply = ROUNDING.multiply


def heat_max(asked: Evaluation) -> Violation | None:
    limit = asked.limits.heat_max
    if limit is None:
        return None
    found, equity = heat(asked), asked.worth.equity
    if found <= _multiply(limit, equity):
        return None
    share = ratio(found, equity) if equity > 0 else None
    return Violation(limit, share, "what all stops together can lose, as a share of equity")


def heat(asked: Evaluation) -> Decimal:
    """What is at risk with this order, in the reporting currency."""
    state, limits = asked.state, asked.limits
    covered = _covered(state)
    found = ZERO
    for stake in exposures_with(state, asked.after):
        stops = covered.get(key_of(stake.strategy, stake.instrument), [])
        risk = _add(_held_at_risk(state, stake, stops, limits), _in_flight(stake, limits))
        unit = unit_value(state.ledger, stake.instrument) or ZERO
        found = _add(found, _multiply(risk, unit))
    return found


def _in_flight(stake: Exposure, limits: LimitsSet) -> Decimal:
    stopped = _add(stake.buys.stopped, stake.sells.stopped)
    bare = _add(stake.buys.bare, stake.sells.bare)
    return _add(stopped, _multiply(bare, limits.heat_stop_default))


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
    state: State, stake: Exposure, stops: list[tuple[Decimal, Decimal]], limits: LimitsSet
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
        found = _add(found, share_of(side, part, ZERO, mark.price, stop).stopped)
    return _add(found, _multiply(_multiply(bare, mark.price), limits.heat_stop_default))
