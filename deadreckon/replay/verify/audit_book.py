"""Compares the audit book with the figures of an audit, at one sequence of the log."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts.amounts import canonical, text
from deadreckon.contracts.timestamps import DAY, day_start
from deadreckon.projections.digest import as_stored
from deadreckon.replay.audit.document import ProjectionCheck
from deadreckon.replay.audit.volumes import FillTotals, TradedVolumes

SHOWN = 5  # differences that are named; `dr verify` finds the first row of each table


class AuditBookFigures(Struct, frozen=True):
    """The audit book's figures up to one sequence; it has read the log up to `sequence`."""

    sequence: int
    totals: FillTotals
    positions: dict[PositionKey, tuple[Decimal, Decimal]]


def compare_projections(
    path: Path, traded: TradedVolumes, last: int, day: str | None, book: str
) -> ProjectionCheck:
    """Compare fills, fees and positions with the audit book up to message `last` of the log.

    Positions are only compared where the book has read exactly that far, and not for a single day.
    The book is read after the figures were made and changes none of them.
    """
    if not path.exists():
        return ProjectionCheck(agree=None, says="there is no audit book to compare with")
    try:
        found = _read(path, last, day, book)
    except (sqlite3.DatabaseError, ArithmeticError, TypeError, ValueError) as error:
        says = f"the audit book is damaged: {error}; `dr rebuild audit` makes it anew"
        return ProjectionCheck(agree=False, says=says)
    if found.sequence < last:
        says = f"the audit book has read {found.sequence} of {last} messages"
        return ProjectionCheck(agree=None, says=says)
    whole = day is None and found.sequence == last
    differences = _fill_differences(found.totals, traded.totals)
    if whole:
        differences += _position_differences(found, traded)
    if differences:
        more = len(differences) - SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        return ProjectionCheck(agree=False, says="; ".join(differences[:SHOWN] + rest))
    return ProjectionCheck(agree=True, says=_agreement(found, whole))


def _agreement(found: AuditBookFigures, whole: bool) -> str:
    compared = f"{found.totals.fills} fills with their values and fees"
    if whole:
        compared += f", {len(found.positions)} positions"
    return f"the audit book agrees: {compared}; `dr verify` compares every row"


def _read(path: Path, last: int, day: str | None, book: str) -> AuditBookFigures:
    """Read sequence and rows in one transaction: the book's writer may go on meanwhile."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        (sequence,) = connection.execute("SELECT min(place) FROM _projection").fetchone()
        totals = _totals(connection, last, day, book)
        return AuditBookFigures(int(sequence or 0), totals, _positions(connection, book))


def _totals(connection: sqlite3.Connection, last: int, day: str | None, book: str) -> FillTotals:
    where = "book = ? AND sequence <= ?"
    values: list[str | int] = [book, last]
    if day is not None:
        where += " AND at >= ? AND at < ?"
        values += [day_start(day), day_start(day) + DAY]
    rows = connection.execute(
        f"SELECT quantity, price, fee, fee_currency FROM fills WHERE {where}", values
    )
    totals = FillTotals()
    for quantity, price, fee, currency in rows:
        totals.add(_amount(quantity), _amount(price), _amount(fee), currency)
    return totals


def _positions(
    connection: sqlite3.Connection, book: str
) -> dict[PositionKey, tuple[Decimal, Decimal]]:
    rows = connection.execute(
        "SELECT strategy, venue, instrument, quantity, realised FROM positions WHERE book = ?",
        (book,),
    )
    return {row[:3]: (_amount(row[3]), _amount(row[4])) for row in rows}


def _amount(written: str) -> Decimal:
    return canonical(Decimal(written))  # refuses NaN, which is equal to nothing


def _fill_differences(theirs: FillTotals, ours: FillTotals) -> list[str]:
    if theirs.fills != ours.fills:
        return [f"the audit book has {theirs.fills} fills, the log {ours.fills}"]
    return [
        f"{name}: the audit book has {text(stored)}, the log {text(recorded)}"
        for name, stored, recorded in theirs.differences(ours)
    ]


def _position_differences(theirs: AuditBookFigures, ours: TradedVolumes) -> list[str]:
    recorded = {
        key: (as_stored(quantity), as_stored(realised))
        for key, (quantity, realised) in ours.positions.items()
    }
    return [
        f"{'/'.join(key)}: the audit book has {_held(theirs.positions.get(key))}, "
        f"the log {_held(recorded.get(key))}"
        for key in sorted(theirs.positions.keys() | recorded.keys())
        if theirs.positions.get(key) != recorded.get(key)
    ]


def _held(position: tuple[Decimal, Decimal] | None) -> str:
    if position is None:
        return "none"
    return f"{text(position[0])} realised {text(position[1])}"
