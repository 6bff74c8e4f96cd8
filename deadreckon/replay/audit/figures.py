"""The statement an operator reads: an audit's figures as a document with a stable form."""

from collections.abc import Iterable
from typing import Any

from deadreckon.accounting.pnl import PnlFigures, PositionKey, total
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.replay.audit.audit import Audit, AuditSnapshot

Document = dict[str, Any]


def statement(audit: Audit, book: str, day: str | None) -> Document:
    """The whole statement; keys stand in a fixed order, amounts are decimal texts."""
    closing = audit.finish()
    change = _change(audit.opening, closing)
    tally = audit.tally
    return {
        "book": book,
        "day": day or "all",
        "events": tally.events,
        "signals": tally.signals,
        "refusals": tally.refusals,
        "refusals_by_rule": dict(sorted(tally.refusals_by_rule.items())),
        "orders": tally.orders,
        "fills": tally.fills,
        "pnl": total(change.values()).texts(),
        "by_strategy": _by(change, 0, "strategy"),
        "by_venue": _by(change, 1, "venue"),
        "by_instrument": _by(change, 2, "instrument"),
        "positions": _positions(audit.opening, closing),
        "equity": _equity(audit.opening, closing),
        "unpriced": closing.unpriced,
        "configuration": dict(sorted(audit.configuration.items())),
        "first_sequence": tally.first_sequence,
        "last_sequence": audit.last_sequence if day is None else tally.last_sequence,
        "digest": audit.digest(),
        "checks": {
            "portfolio_events_compared": audit.compared,
            "portfolio_differences": audit.differences,
            "log_damages": audit.damages,
        },
    }


def sound(document: Document) -> bool:
    """Whether nothing in the statement contradicts the log."""
    checks = document["checks"]
    views = checks.get("projections", {})
    theirs = document.get("venue_statement", {"agrees": True})
    seal = document.get("seal", {"agrees": None})
    return not (
        document.get("evidence_differences")
        or not theirs["agrees"]
        or seal["agrees"] is False
        or checks["portfolio_differences"]
        or checks["log_damages"]
        or document["equity"]["unexplained"] != "0"
        or views.get("agree") is False
    )


def _change(opening: AuditSnapshot, closing: AuditSnapshot) -> dict[PositionKey, PnlFigures]:
    none = PnlFigures()
    return {
        key: figures.minus(opening.figures.get(key, none))
        for key, figures in sorted(closing.figures.items())
    }


def _by(change: dict[PositionKey, PnlFigures], part: int, name: str) -> list[Document]:
    groups: dict[str, list[PnlFigures]] = {}
    for key, figures in change.items():
        groups.setdefault(key[part], []).append(figures)
    return [{name: group} | total(members).texts() for group, members in sorted(groups.items())]


def _positions(opening: AuditSnapshot, closing: AuditSnapshot) -> list[Document]:
    return [_position(key, opening, closing) for key in sorted(closing.positions)]


def _position(key: PositionKey, opening: AuditSnapshot, closing: AuditSnapshot) -> Document:
    before = opening.positions.get(key)
    after = closing.positions[key]
    strategy, venue, instrument = key
    return {
        "strategy": strategy,
        "venue": venue,
        "instrument": instrument,
        "opening_quantity": before.quantity if before else "0",
        "closing_quantity": after.quantity,
        "average_price": after.average_price,
        "mark": after.mark,
    }


def _equity(opening: AuditSnapshot, closing: AuditSnapshot) -> Document:
    """What equity did beyond deposits and PnL is `revaluation` of cash in other currencies; in a
    book of one currency it is `unexplained` and must be 0."""
    deposited = EXACT.subtract(closing.deposited, opening.deposited)
    change = EXACT.subtract(closing.equity, opening.equity)
    pnl = EXACT.subtract(_net(closing.figures.values()), _net(opening.figures.values()))
    rest = text(EXACT.subtract(EXACT.subtract(change, deposited), pnl))
    return {
        "opening": text(opening.equity),
        "deposited": text(deposited),
        "pnl": text(pnl),
        "closing": text(closing.equity),
        "revaluation": "0" if closing.one_currency else rest,
        "unexplained": rest if closing.one_currency else "0",
    }


def _net(figures: Iterable[PnlFigures]) -> Any:
    return total(figures).net
