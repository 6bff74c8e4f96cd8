"""Quarantine: an instrument whose stop-losses keep being hit takes no entries for a while."""

from deadreckon.accounting import ledger
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.services.risk.state import State
from deadreckon.services.risk.windows import remember


def fill(state: State, record: Recorded[OrderFilled]) -> None:
    """Count a stop-loss at its first trade. Runs before `protection` marks it as struck."""
    limits = state.limits
    leg = state.legs.get(record.event.order_id)
    if limits is None or limits.quarantine_stops is None:
        return
    if leg is None or leg.purpose != "stop_loss" or leg.struck:
        return
    if not ledger.is_new_fill(state.ledger, record):
        return
    instrument = record.event.instrument
    struck = state.breakers.stops.setdefault(instrument, [])
    remember(struck, record.at, limits.quarantine_window)
    if len(struck) >= limits.quarantine_stops:
        state.breakers.quarantined[instrument] = record.at + limits.quarantine_for
