"""Statement for an operator, made from a finished audit."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import UNSET

from deadreckon.accounting.pnl import PnlFigures, PositionKey, total
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.replay.audit.audit import Audit, AuditSnapshot
from deadreckon.replay.audit.document import (
    AuditChecks,
    AuditDocument,
    EquityChange,
)
from deadreckon.replay.pnl.rows import (
    PositionRow,
    by_instrument,
    by_strategy,
    by_venue,
    change_between,
    pnl_texts,
)


def statement(audit: Audit, book: str, day: str | None) -> AuditDocument:
    """Finish an audit and build its statement; `day` is a UTC day, null for everything."""
    closing = audit.finish()
    change = change_between(audit.opening.figures, closing.figures)
    tally = audit.tally
    return AuditDocument(
        book=book,
        day=day or "all",
        events=tally.events,
        signals=tally.signals,
        refusals=tally.refusals,
        refusals_by_rule=dict(sorted(tally.refusals_by_rule.items())),
        orders=tally.orders,
        fills=tally.fills,
        pnl=pnl_texts(change),
        by_strategy=by_strategy(change),
        by_venue=by_venue(change),
        by_instrument=by_instrument(change),
        positions=[_position(key, audit.opening, closing) for key in sorted(closing.positions)],
        equity=_equity(audit.opening, closing),
        unpriced=closing.unpriced,
        configuration=dict(sorted(audit.configuration.items())),
        first_sequence=tally.first_sequence,
        last_sequence=audit.last_sequence if day is None else tally.last_sequence,
        digest=audit.digest(),
        checks=AuditChecks(
            portfolio_events_compared=audit.compared,
            portfolio_differences=audit.differences,
            log_damages=audit.damages,
        ),
    )


def _position(key: PositionKey, opening: AuditSnapshot, closing: AuditSnapshot) -> PositionRow:
    before = opening.positions.get(key)
    after = closing.positions[key]
    return PositionRow(
        *key,
        opening_quantity=before.quantity if before else "0",
        closing_quantity=after.quantity,
        average_price=after.average_price,
        mark=after.mark,
        dust=after.dust or UNSET,
    )


def _equity(opening: AuditSnapshot, closing: AuditSnapshot) -> EquityChange:
    deposited = EXACT.subtract(closing.deposited, opening.deposited)
    change = EXACT.subtract(closing.equity, opening.equity)
    pnl = EXACT.subtract(_net(closing.figures.values()), _net(opening.figures.values()))
    rest = text(EXACT.subtract(EXACT.subtract(change, deposited), pnl))
    return EquityChange(
        opening=text(opening.equity),
        deposited=text(deposited),
        pnl=text(pnl),
        closing=text(closing.equity),
        revaluation="0" if closing.one_currency else rest,
        unexplained=rest if closing.one_currency else "0",
    )


def _net(figures: Iterable[PnlFigures]) -> Decimal:
    return total(figures).net
