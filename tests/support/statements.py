"""Full statements of the sessions, as `dr replay audit -o statement.json` writes them."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import convert, to_builtins

from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.document import FullStatement
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.audit.statement.collect import StatementCollector
from deadreckon.replay.audit.statement.document import VenueStatement, full_statement
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.catalogue import BOOK
from tests.sessions.player import decoded
from tests.sessions.test_sessions import session

Document = dict[str, Any]


def stated(
    log: Iterable[Stored], day: str | None = None, theirs: VenueStatement | None = None
) -> Document:
    """Make the full statement of a log."""
    collector = StatementCollector(keeps_trades=True)
    audit = Audit(BOOK, "paper", day, collector)
    for message in decoded(log):
        audit.fold(message)
    full = full_statement(audit, collector, statement(audit, BOOK, day), theirs)
    document: Document = to_builtins(full)
    return document


def read_statement(document: Document) -> FullStatement:
    """Read a statement back, as it is or with changes."""
    return convert(document, FullStatement)


def made(name: str, day: str | None = None, theirs: VenueStatement | None = None) -> Document:
    """The full statement of a session."""
    return stated(session(name).log, day, theirs)


@cache
def whole(name: str) -> Document:
    """The same for everything, made once."""
    return made(name)


def rows(document: Document, name: str) -> list[list[str]]:
    """A table's rows without their evidence."""
    table = next((it for it in document["tables"] if it["name"] == name), None)
    return [] if table is None else [list(map(value, row)) for row in table["rows"]]


def value(cell: Any) -> str:
    return cell if isinstance(cell, str) else str(cell["value"])


def piece(document: Document, cell: Any) -> Document:
    """The evidence of a figure."""
    found: Document = document["evidence"][cell["evidence"]]
    return found
