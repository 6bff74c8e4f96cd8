"""A full statement: the audit's figures with tables, charts and the evidence behind them."""

import hashlib

import msgspec
from msgspec import UNSET, Struct

from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.document import AuditFigures, FullChecks, FullStatement, Setting
from deadreckon.replay.audit.statement import activity, costs, overview
from deadreckon.replay.audit.statement.appendix import Appendix
from deadreckon.replay.audit.statement.chart_data import drawings
from deadreckon.replay.audit.statement.collect import StatementCollector
from deadreckon.replay.audit.statement.overview import StatementView
from deadreckon.replay.audit.statement.parts import Table, VenueReport
from deadreckon.replay.audit.statement.venue_comparison import compared
from deadreckon.replay.audit.statement.venue_file import read_venue_file
from deadreckon.replay.audit.statement.venue_matching import venue_of
from deadreckon.replay.audit.statement.venue_report import report
from deadreckon.replay.pnl.rows import change_between


class VenueStatement(Struct, frozen=True):
    """Statement by the venue: the bytes of its file, and the venue's name if one was given."""

    content: bytes
    venue: str = ""


def full_statement(
    audit: Audit,
    gathered: StatementCollector,
    figures: AuditFigures,
    theirs: VenueStatement | None = None,
) -> FullStatement:
    """Add tables, charts and evidence to an audit's `figures` (`replay/audit/figures.py`).

    Projections are left out: they are not the log. Raises VenueFileError.
    """
    if figures.day == "all":
        gathered.origin.reach()
    view = _view(audit, gathered)
    tables = _tables(view, audit, figures)
    charts = drawings(view)
    venue = UNSET if theirs is None else _venue(view, figures.day, theirs)
    shared = {name: getattr(figures, name) for name in AuditFigures.__struct_fields__}
    checks = figures.checks
    shared["checks"] = FullChecks(
        checks.portfolio_events_compared,
        checks.portfolio_differences,
        checks.log_damages,
        evidence_compared=view.closing.one_currency,
        evidence_differences=costs.differences(view),
    )
    return FullStatement(
        **shared,
        currency=view.currency,
        first_at="" if gathered.first_at is None else format_timestamp(gathered.first_at),
        last_at=format_timestamp(gathered.last_at) if gathered.last_at else "",
        messages=gathered.origin.tree.size,
        root=gathered.origin.tree.root().hex(),
        configuration_hash=_configuration_hash(figures.configuration),
        code=sorted({code for _, code in gathered.origin.codes}),
        tables=tables,
        charts=charts,
        venue_statement=venue,
        evidence=view.appendix.pieces,
    )


def _venue(view: StatementView, day: str, theirs: VenueStatement) -> VenueReport:
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
        change=change_between(audit.opening.figures, closing.figures),
    )


def _tables(view: StatementView, audit: Audit, figures: AuditFigures) -> list[Table]:
    tables = [
        overview.equity_table(view, figures.equity),
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
    return [table for table in tables if table.rows]


def _configuration_hash(configuration: dict[str, Setting]) -> str:
    """Hash the configuration (SHA-256, hex) as sorted JSON without spaces."""
    return hashlib.sha256(msgspec.json.encode(configuration, order="sorted")).hexdigest()
