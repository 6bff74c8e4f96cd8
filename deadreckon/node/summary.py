"""A stack in a few lines, from its audit book: what is held, open, halted and refused."""

from typing import Any

from deadreckon.projections.queries import OPEN_ORDERS, Answer, Reading, Row, Wanted, reading
from deadreckon.runtime.process.folder import Folder

HALTING = "kind IN ('requested', 'imposed', 'log_damaged')"
SINCE_RESUME = (
    "(sequence, event_index) > (SELECT sequence, event_index FROM (SELECT sequence, event_index "
    "FROM halts WHERE kind = 'resume_requested' UNION ALL SELECT 0, 0) ORDER BY 1 DESC, 2 DESC)"
)
BEGUN = "kind IN ('requested', 'imposed')"
# The audit's refusals: what came to no order. Of those about orders, only the router's words name
# a signal; the others are rejections by a venue or by fill.
REFUSED = "kind IN ('signal', 'operator') OR (kind = 'order' AND signal_id IS NOT NULL)"
REJECTED = "kind = 'order' AND signal_id IS NULL"
STANDING = "(until IS NULL OR until > (SELECT coalesce(max(at), 0) FROM equity))"
RULES_SHOWN = 10


def read_status(folder: Folder) -> Answer:
    """What the views know of the whole stack. Raises NoViewsError or SinkError."""
    with reading(folder) as book:
        return book.answer(_status(book))


def read_portfolio(folder: Folder, wanted: Wanted) -> Answer:
    """Positions, what the book was worth when it was marked last, and the halts in force."""
    with reading(folder) as book:
        marks = book.rows("equity", limit=1)
        data = {
            "positions": book.wanted("positions", wanted),
            "equity": marks[0] if marks else None,
            "halts": _halts(book),
        }
        return book.answer(data, "positions", "equity", "halts")


def _status(book: Reading) -> dict[str, Any]:
    marks = book.rows("equity", limit=1)
    refusals = book.counts("refusals", "rule", REFUSED)
    return {
        "equity": marks[0] if marks else None,
        "halts": _halts(book),
        "positions_open": book.count("positions", "quantity != '0'"),
        "orders_open": book.count("orders", OPEN_ORDERS),
        "orders_unknown": book.count("orders", "status = 'unknown'"),
        "halts_begun": book.count("halts", BEGUN),
        "refusals": sum(refusals.values()),
        "orders_rejected": book.count("refusals", REJECTED),
        "refusals_by_rule": dict(list(refusals.items())[:RULES_SHOWN]),
        "tables": {
            name: {"rows": standing.rows, "digest": standing.text}
            for name, standing in book.standings.items()
        },
    }


def _halts(book: Reading) -> list[Row]:
    """The halts since the last resume that have not run out by what the views have seen."""
    found = book.rows("halts", f"{HALTING} AND {SINCE_RESUME} AND {STANDING}")
    return [halt | {"acknowledged_by": _obeying(book, halt)} for halt in found]


def _obeying(book: Reading, halt: Row) -> list[str]:
    rows = book.rows("halts", "kind = 'acknowledged' AND halt_id = ?", (halt["halt_id"],))
    return sorted({row["source"] for row in rows})
