"""Summary of a stack from its audit database: what is held, open, halted and refused."""

from typing import Any

from deadreckon.projections.queries import (
    OPEN_ORDERS,
    RowDocument,
    TableAnswer,
    TableQuery,
    ViewsReader,
    open_views,
)
from deadreckon.runtime.process.folder import Folder

HALT_KINDS = "kind IN ('requested', 'imposed', 'log_damaged')"
SINCE_RESUME = (
    "(sequence, event_index) > (SELECT sequence, event_index FROM (SELECT sequence, event_index "
    "FROM halts WHERE kind = 'resume_requested' UNION ALL SELECT 0, 0) ORDER BY 1 DESC, 2 DESC)"
)
HALTS_BEGUN = "kind IN ('requested', 'imposed')"
# The audit's refusals: signals that led to no order. Of refusals about orders, only the router's
# name a signal; the others are rejections by a venue or by fill.
REFUSED = "kind IN ('signal', 'operator') OR (kind = 'order' AND signal_id IS NOT NULL)"
REJECTED = "kind = 'order' AND signal_id IS NULL"
IN_FORCE = "(until IS NULL OR until > (SELECT coalesce(max(at), 0) FROM equity))"
RULES_SHOWN = 10


def read_status(folder: Folder) -> TableAnswer:
    """Summarize the whole stack. Raises NoViewsError or SinkError."""
    with open_views(folder) as book:
        return book.answer(_status(book))


def read_portfolio(folder: Folder, wanted: TableQuery) -> TableAnswer:
    """Query positions, the latest equity mark and the halts in force."""
    with open_views(folder) as book:
        marks = book.rows("equity", limit=1)
        data = {
            "positions": book.wanted("positions", wanted),
            "equity": marks[0] if marks else None,
            "halts": _halts(book),
        }
        return book.answer(data, "positions", "equity", "halts")


def _status(book: ViewsReader) -> dict[str, Any]:
    marks = book.rows("equity", limit=1)
    refusals = book.counts("refusals", "rule", REFUSED)
    return {
        "equity": marks[0] if marks else None,
        "halts": _halts(book),
        "positions_open": book.count("positions", "quantity != '0'"),
        "orders_open": book.count("orders", OPEN_ORDERS),
        "orders_unknown": book.count("orders", "status = 'unknown'"),
        "halts_begun": book.count("halts", HALTS_BEGUN),
        "refusals": sum(refusals.values()),
        "orders_rejected": book.count("refusals", REJECTED),
        "refusals_by_rule": dict(list(refusals.items())[:RULES_SHOWN]),
        "tables": {
            name: {"rows": digest.rows, "digest": digest.text}
            for name, digest in book.digests.items()
        },
    }


def _halts(book: ViewsReader) -> list[RowDocument]:
    """Query the halts since the last resume that had not expired at the latest equity mark."""
    found = book.rows("halts", f"{HALT_KINDS} AND {SINCE_RESUME} AND {IN_FORCE}")
    return [halt | {"acknowledged_by": _obeying(book, halt)} for halt in found]


def _obeying(book: ViewsReader, halt: RowDocument) -> list[str]:
    rows = book.rows("halts", "kind = 'acknowledged' AND halt_id = ?", (halt["halt_id"],))
    return sorted({row["source"] for row in rows})
