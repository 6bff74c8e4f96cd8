"""Portfolio heat: what equity loses if every stop is hit, orders in flight included.

A position is at risk from its mark to its stop, an order in flight from its entry price to its own
stop. Without a stop, a default share of the price is at risk.
"""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ROUNDING, ZERO, ratio
from deadreckon.contracts.fields import Side
from deadreckon.contracts.limits import LimitsSet
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.sizes import share_of, unit_value
from deadreckon.services.risk.state import Exposure, State, key_of
from deadreckon.services.risk.worst_case import exposures_with

_add = ROUNDING.add
_multiply = ROUNDING.multiply


def heat_max(check: Evaluation) -> Violation | None:
    limit = check.limits.heat_max
    if limit is None:
        return None
    found, equity = heat(check), check.worth.equity
    if found <= _multiply(limit, equity):
        return None
    share = ratio(found, equity) if equity > 0 else None
    return Violation(limit, share, "what all stops together can lose, as a share of equity")


def heat(check: Evaluation) -> Decimal:
    """Return the amount at risk with this order, in the reporting currency."""
    state, limits = check.state, check.limits
    covered = _covered(state)
    found = ZERO
    for exposure in exposures_with(state, check.after):
        stops = covered.get(key_of(exposure.strategy, exposure.instrument), [])
        risk = _add(_held_at_risk(state, exposure, stops, limits), _in_flight(exposure, limits))
        unit = unit_value(state.ledger, exposure.instrument) or ZERO
        found = _add(found, _multiply(risk, unit))
    return found


def _in_flight(exposure: Exposure, limits: LimitsSet) -> Decimal:
    stopped = _add(exposure.buys.stopped, exposure.sells.stopped)
    bare = _add(exposure.buys.bare, exposure.sells.bare)
    return _add(stopped, _multiply(bare, limits.heat_stop_default))


def _covered(state: State) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """Return quantity and price of each waiting stop-loss, by exposure."""
    found: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for leg in state.legs.values():
        if leg.purpose == "stop_loss" and leg.stop_price is not None:
            bracket = state.brackets[leg.bracket]
            stops = found.setdefault(key_of(bracket.strategy, bracket.instrument), [])
            stops.append((leg.leaves, leg.stop_price))
    return found


def _held_at_risk(
    state: State, exposure: Exposure, stops: list[tuple[Decimal, Decimal]], limits: LimitsSet
) -> Decimal:
    mark = ledger.mark(state.ledger, exposure.instrument)
    if not exposure.held or mark is None:
        return ZERO
    side: Side = "buy" if exposure.held > 0 else "sell"
    bare = exposure.held.copy_abs()
    found = ZERO
    for quantity, stop in stops:
        part = min(quantity, bare)
        bare = ROUNDING.subtract(bare, part)
        found = _add(found, share_of(side, part, ZERO, mark.price, stop).stopped)
    return _add(found, _multiply(_multiply(bare, mark.price), limits.heat_stop_default))
