"""Table macros of `analytics.duckdb`: the tables as they were at a sequence of the log.

They show what the recorded events say up to that sequence, so a position is the last one that
portfolio published; `dr replay asof` folds the fills itself.
"""

from deadreckon.projections.tables import TABLES, orders

# The parameter of every macro; no column has this name.
ASKED = "asked"

_SEQUENCES = " UNION ALL ".join(
    f'SELECT sequence, "at" FROM {table.name}{"_changes" if table.updates else ""}'
    for table in TABLES
)


def _latest(table: str, identity: str) -> str:
    return (
        f"SELECT * FROM {table} WHERE sequence <= {ASKED} QUALIFY row_number() OVER "
        f"(PARTITION BY {identity} ORDER BY sequence DESC, event_index DESC) = 1"
    )


_POSITIONS = _latest("positions_changes", "book, strategy, venue, instrument")

_ENDED = ", ".join(f"'{status}'" for status in sorted(orders.ENDED))
_ORDERS = f"SELECT * FROM ({_latest('orders_changes', 'order_id')}) WHERE status NOT IN ({_ENDED})"

_HALTS = f"""
SELECT halt.* FROM halts AS halt
WHERE halt.sequence <= {ASKED} AND halt.kind IN ('requested', 'imposed', 'log_damaged')
  AND NOT EXISTS (
    SELECT 1 FROM halts AS lifted
    WHERE lifted.kind = 'resume_requested' AND lifted.book = halt.book
      AND lifted.sequence <= {ASKED}
      AND (lifted.sequence, lifted.event_index) > (halt.sequence, halt.event_index)
  )
  AND (halt.until IS NULL OR halt.until > coalesce(moment, moment_at({ASKED})))
"""

_MOMENT = f'(SELECT coalesce(max("at"), 0) FROM ({_SEQUENCES}) WHERE sequence <= {ASKED})'

_SEQUENCE = f"""(
SELECT coalesce(
  min(sequence) FILTER ("at" > epoch_ns({ASKED})) - 1, (SELECT sequence FROM place)
) FROM ({_SEQUENCES}))"""

# The body of each macro; a macro may use those defined before it.
MACROS: dict[str, str] = {
    "moment_at": f"({ASKED}) AS {_MOMENT}",
    "sequence_at": f"({ASKED}) AS {_SEQUENCE}",
    "positions_asof": f"({ASKED}) AS TABLE {_POSITIONS}",
    "orders_asof": f"({ASKED}) AS TABLE {_ORDERS}",
    "equity_asof": f"({ASKED}) AS TABLE {_latest('equity', 'book')}",
    "limits_asof": f"({ASKED}) AS TABLE {_latest('limits', 'book')}",
    "halts_asof": f"({ASKED}, moment := NULL) AS TABLE {_HALTS}",
}

# What each macro returns, for docs/analytics.md.
MACRO_NOTES: dict[str, str] = {
    "sequence_at(time)": "the sequence at which the tables stood at a time (a TIMESTAMP, UTC)",
    "moment_at(sequence)": "the decision time of the tables at a sequence, nanoseconds UTC",
    "positions_asof(sequence)": "every position as portfolio had last published it",
    "orders_asof(sequence)": "the orders that were open",
    "equity_asof(sequence)": "the last mark of each book's equity",
    "limits_asof(sequence)": "the limits of each book in force, with who set them",
    "halts_asof(sequence)": "the halts in force; `moment := ...` for those that lift by themselves",
}
