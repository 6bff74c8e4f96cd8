"""SQL views of `audit.sqlite`: trades, changed limits, and every table with numbers that sort."""

import sqlite3

from deadreckon.projections import shared_views
from deadreckon.projections.shared_views import CHANGED_BY, LIMITS, TRADE_AMOUNTS
from deadreckon.projections.tables import TABLES

_CONFIDENCE = """(SELECT signal.confidence FROM signals AS signal
    WHERE signal.signal_id = entering.signal_id AND signal.book = entering.book
      AND signal.producer = entering.producer AND signal.kind = 'trade'
    ORDER BY signal.sequence, signal.event_index LIMIT 1)"""
_TIME = "strftime('%Y-%m-%d %H:%M:%f', {0} / 1000000000.0, 'unixepoch') AS {1}"
_TIMES = ", ".join(
    (
        _TIME.format("trip.opened_at", "opened"),
        _TIME.format("trip.closed_at", "closed"),
        "date(trip.closed_at / 1000000000, 'unixepoch') AS day",
    )
)
_FLAG = "CASE \"{0}\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"


def views() -> dict[str, str]:
    """Return the query of every view by its name."""
    found = {
        "trades": shared_views.trades(_CONFIDENCE, _TIMES),
        "trades_numbers": _numbers("trades", _trade_columns(), frozenset(TRADE_AMOUNTS)),
        "limits_changes": _limits_changes(),
    }
    for table in TABLES:
        names = tuple(column.name for column in table.stored)
        amounts = frozenset(shared_views.amounts_of(table))
        found[f"{table.name}_numbers"] = _numbers(table.name, names, amounts)
    return found


def statements() -> dict[str, str]:
    """Return the statement that creates each view, by its name."""
    return {name: f"CREATE VIEW {name} AS {query.strip()}" for name, query in views().items()}


def stored(database: sqlite3.Connection) -> dict[str, str]:
    """Return the statements with which the views of a database were created."""
    listed = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    return dict(listed.fetchall())


def refresh(database: sqlite3.Connection) -> None:
    """Create the views, or those of another program anew; does nothing when all are current."""
    wanted, known = statements(), stored(database)
    if known == wanted:
        return
    database.execute("BEGIN IMMEDIATE")
    with database:
        for name in known:
            database.execute(f'DROP VIEW "{name}"')
        for statement in wanted.values():
            database.execute(statement)


def _trade_columns() -> tuple[str, ...]:
    """Return the columns of `trades`, as SQLite names them."""
    with sqlite3.connect(":memory:") as database:
        for table in TABLES:
            names = shared_views.columns([column.name for column in table.stored])
            database.execute(f"CREATE TABLE {table.name} ({names})")
        query = shared_views.trades(_CONFIDENCE, _TIMES)
        return tuple(column[0] for column in database.execute(query).description)


def _numbers(source: str, names: tuple[str, ...], amounts: frozenset[str]) -> str:
    chosen = [
        f'CAST("{name}" AS REAL) AS "{name}"' if name in amounts else f'"{name}"' for name in names
    ]
    if source != "trades":
        chosen.append(_TIME.format('"at"', "time"))
    return f"SELECT {', '.join(chosen)} FROM {source}"


def _limits_changes() -> str:
    """One branch for each limit: SQLite turns no columns into rows."""
    who = shared_views.columns(CHANGED_BY)
    branches = " UNION ALL ".join(
        f"SELECT {who}, '{limit.name}' AS name, "
        f"lag({text}) OVER past AS old, {text} AS new FROM limits "
        "WINDOW past AS (PARTITION BY book ORDER BY sequence, event_index)"
        for limit in LIMITS
        for text in [shared_views.text_of(limit, '"{}"', _FLAG)]
    )
    return f"SELECT * FROM ({branches}) WHERE old IS NOT new"
