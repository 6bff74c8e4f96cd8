"""Statements of the sessions, made as `dr replay audit -o` makes them."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from deadreckon.replay.audit.audit import Audit
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
    """The full statement of a log."""
    gathering = StatementCollector(keeps_trades=True)
    audit = Audit(BOOK, "paper", day, gathering)
    for message in decoded(log):
        audit.fold(message)
    return full_statement(audit, gathering, statement(audit, BOOK, day), theirs)


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
