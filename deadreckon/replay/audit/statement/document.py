"""A statement in full: the audit's document, with tables, charts and the places behind them."""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.statement import activity, costs, overview
from deadreckon.replay.audit.statement.appendix import Appendix
from deadreckon.replay.audit.statement.chart_data import drawings
from deadreckon.replay.audit.statement.collect import StatementCollector
from deadreckon.replay.audit.statement.overview import StatementView, change_between
from deadreckon.replay.audit.statement.venue_comparison import compared
from deadreckon.replay.audit.statement.venue_file import read_venue_file
from deadreckon.replay.audit.statement.venue_matching import venue_of
from deadreckon.replay.audit.statement.venue_report import report

Document = dict[str, Any]


class VenueStatement(Struct, frozen=True):
    """A venue's own statement: its file's bytes, and the venue it is said to be of, if any."""

    content: bytes
    venue: str = ""


def full_statement(
    audit: Audit,
    gathered: StatementCollector,
    document: Document,
    theirs: VenueStatement | None = None,
) -> Document:
    """The audit's own `document` (`replay/audit/figures.py`) with all that opens its figures.

    What projections say is left out: they are not the log. Raises VenueFileError.
    """
    if document["day"] == "all":
        gathered.origin.reach()
    view = _view(audit, gathered)
    tables = _tables(view, audit, document)
    charts = drawings(view)
    venue = {} if theirs is None else {"venue_statement": _venue(view, document["day"], theirs)}
    checks = document["checks"] | {
        "evidence_compared": view.closing.one_currency,
        "evidence_differences": costs.differences(view),
    }
    checks.pop("projections", None)
    return document | {
        "checks": checks,
        "currency": view.currency,
        "first_at": "" if gathered.first_at is None else format_timestamp(gathered.first_at),
        "last_at": format_timestamp(gathered.last_at) if gathered.last_at else "",
        "messages": gathered.origin.tree.size,
        "root": gathered.origin.tree.root().hex(),
        "configuration_hash": _configuration_hash(document["configuration"]),
        "code": sorted({code for _, code in gathered.origin.codes}),
        "tables": tables,
        "charts": charts,
        **venue,
        "evidence": view.appendix.pieces,
    }


def _venue(view: StatementView, day: str, theirs: VenueStatement) -> Document:
    found = read_venue_file(theirs.content)
    listings = view.gathered.executions.listings
    venue = venue_of(found, listings, theirs.venue)
    comparison = compared(found, view.gathered.trades, listings, venue, day)
    digest = hashlib.sha256(theirs.content).hexdigest()
    return report(view, comparison, found.unknown, digest)


def _view(audit: Audit, gathered: StatementCollector) -> StatementView:
    closing = audit.finish()
    return StatementView(
        opening=audit.opening,
        closing=closing,
        gathered=gathered,
        ends=gathered.ends(),
        currency=audit.reporting,
        appendix=Appendix(),
        change=change_between(audit.opening, closing),
    )


def _tables(view: StatementView, audit: Audit, document: Document) -> list[Document]:
    tables = [
        overview.equity_table(view, document["equity"]),
        activity.counts(view, audit),
        *overview.profit_tables(view),
        overview.positions(view),
        costs.slippage(view),
        costs.fees(view),
        costs.funding(view),
        activity.orders(view),
        activity.refusals(view),
        activity.interventions(view),
        activity.fills(view),
        activity.configuration(view, audit),
        activity.code(view),
    ]
    return [table for table in tables if table["rows"]]


def _configuration_hash(configuration: Document) -> str:
    """SHA-256 of what was in force, as sorted JSON without spaces."""
    return hashlib.sha256(msgspec.json.encode(configuration, order="sorted")).hexdigest()
