"""SQL that both databases share: views of trades and of changed limits, and views with numbers."""

from collections.abc import Sequence

from deadreckon.projections.columns import Column
from deadreckon.projections.table import Table
from deadreckon.projections.tables import BY_NAME

# Why a round trip ended, by the purpose of the order that ended it.
_REASON = """CASE WHEN trip.closed_at IS NULL THEN NULL
    WHEN leaving.order_id IS NULL THEN 'external'
    WHEN leaving.purpose = 'entry' THEN 'reversal' ELSE leaving.purpose END"""

_TAKEN = frozenset(
    {"event_id", "at", "mode", "number", "status", "sequence", "event_index", "stored_at"}
)
_OF_TRIP = tuple(c.name for c in BY_NAME["round_trips"].stored if c.name not in _TAKEN)
_AFTER = ("mode", "event_id", "sequence", "event_index")

# Amounts of the view `trades`: those of its table, and the signal's confidence.
TRADE_AMOUNTS = (
    *(c.name for c in BY_NAME["round_trips"].columns if c.kind == "amount"),
    "confidence",
)

LIMITS = tuple(
    column for column in BY_NAME["limits"].columns[4:] if column.name not in ("actor", "reason")
)
CHANGED_BY = ("book", "at", "event_id", "actor", "reason", "sequence", "event_index")


def trades(confidence: str, times: str, fills: str = "fills", orders: str = "orders") -> str:
    """Return the query of `trades`, given the dialect's expressions for the confidence of the
    signal `entering` came from and for times of `trip`, and where it finds fills and orders."""
    return f"""
SELECT {_named("trip", _OF_TRIP[:4])}, trip.number,
  CASE trip.status WHEN 'open' THEN 'open' ELSE 'closed' END AS status,
  {_named("trip", _OF_TRIP[4:])},
  (trip.closed_at - trip.opened_at) / 1000000000.0 AS seconds, {times},
  {_REASON} AS exit_reason,
  entering.producer, entering.signal_id AS entry_signal_id, entering.order_id AS entry_order_id,
  leaving.signal_id AS exit_signal_id, leaving.order_id AS exit_order_id,
  {confidence} AS confidence, {_named("trip", _AFTER)}
FROM round_trips AS trip
LEFT JOIN {fills} AS entry ON entry.event_id = trip.entry_event_id
LEFT JOIN {orders} AS entering ON entering.order_id = entry.order_id
LEFT JOIN {fills} AS leave ON leave.event_id = trip.exit_event_id
LEFT JOIN {orders} AS leaving ON leaving.order_id = leave.order_id
"""


def amounts_of(table: Table) -> tuple[str, ...]:
    """Return the names of a table's amounts."""
    return tuple(column.name for column in table.columns if column.kind == "amount")


def columns(names: Sequence[str], qualifier: str = "") -> str:
    """Join column names for SQL."""
    return _named(qualifier, names) if qualifier else ", ".join(f'"{name}"' for name in names)


def text_of(column: Column, amount: str, flag: str) -> str:
    """Return a limit as text, by the dialect's templates for amounts and flags."""
    forms = {"amount": amount, "flag": flag, "integer": 'CAST("{}" AS TEXT)', "text": '"{}"'}
    return forms[column.kind].format(column.name)


def _named(qualifier: str, names: Sequence[str]) -> str:
    return ", ".join(f'{qualifier}."{name}"' for name in names)


# What the views return, for docs/analytics.md.
NOTES = {
    "trades": "every round trip: in, out, side, quantity, gross, fees, net, seconds, exit reason, "
    "entry signal, confidence, MAE, MFE",
    "limits_changes": "every limit that was changed: when, by whom, why, from what to what",
}
