"""A statement as Markdown: exact figures, each with the name of its evidence at the end."""

from msgspec import UNSET

from deadreckon.formatting.statement_figures import one_line
from deadreckon.replay.audit.document import FullStatement
from deadreckon.replay.audit.statement.parts import (
    NUMBERS,
    Cell,
    Chart,
    EvidenceEvent,
    EvidencePiece,
    Table,
    value,
)
from deadreckon.replay.audit.statement.venue_report import unread

EVENTS_SHOWN = 5  # of a piece of evidence; the other forms show more
SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|#"})


def markdown(document: FullStatement) -> str:
    """Render the whole statement; a function of the document alone."""
    parts = [_header(document), _checks(document)]
    found = document.venue_statement
    if found is not UNSET:
        parts.append(f"**Venue's statement**: {_text(found.says)}")
        parts.append("\n".join(f"- {_text(record)}" for record in unread(found)))
        parts += map(_table, found.tables)
    parts += map(_table, document.tables)
    parts += map(_chart, document.charts)
    parts.append("## Evidence\n\nA place is `sequence.index` in the log.")
    parts += (_piece(name, piece) for name, piece in document.evidence.items())
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    return one_line(text).translate(SPECIAL)


def _header(document: FullStatement) -> str:
    facts = [
        ("sequences", f"{document.first_sequence} to {document.last_sequence}"),
        ("time", f"{document.first_at} to {document.last_at}"),
        ("run digest", f"`{document.digest}`"),
        ("Merkle root", f"`{document.root}`"),
        ("configuration", f"`{document.configuration_hash}`"),
        ("code", ", ".join(map(_text, document.code))),
    ]
    listed = "\n".join(f"- {name}: {record}" for name, record in facts)
    day = "everything" if document.day == "all" else f"{document.day} (UTC)"
    return f"# PnL statement: {_text(document.book)}, {day}\n\n{listed}"


def _checks(document: FullStatement) -> str:
    checks = document.checks
    wrong = checks.portfolio_differences + checks.log_damages
    wrong += checks.evidence_differences + [f"no price: {name}" for name in document.unpriced]
    shown = "\n".join(f"- WRONG: {_text(fault)}" for fault in wrong)
    compared = f"{checks.portfolio_events_compared} figures of portfolio recomputed"
    return f"{compared}, {len(wrong)} things are wrong{chr(10) * 2 + shown if shown else '.'}"


def _table(table: Table) -> str:
    columns = table.columns
    head = " | ".join(_text(column.title) for column in columns)
    rule = " | ".join("---:" if column.kind in NUMBERS else "---" for column in columns)
    rows = [*table.rows, *([table.total] if table.total else [])]
    lines = [" | ".join(map(_cell, row)) for row in rows]
    body = "\n".join(f"| {line} |" for line in (head, rule, *lines))
    note = f"{_text(table.note)}\n\n" if table.note else ""
    return f"## {_text(table.title)}\n\n{note}{body}"


def _cell(cell: Cell) -> str:
    shown = _text(value(cell))
    if isinstance(cell, str):
        return shown
    return f"{shown} [{cell.evidence}](#{cell.evidence})"


def _chart(chart: Chart) -> str:
    """Write a chart's figures as text, since Markdown has no pictures."""
    return f"*{_text(chart.title)}*: {_text(chart.note)} {_cell(chart.figure)}"


def _piece(name: str, piece: EvidencePiece) -> str:
    record = [f"### {name}"]
    if piece.note:
        record.append(_text(piece.note))
    if piece.parts:
        record.append("made of " + ", ".join(map(_cell, piece.parts)))
    if piece.count:
        sums = ", ".join(f"{amount} {unit}".strip() for unit, amount in piece.sums.items())
        positions = " ".join(piece.sequences)
        left = piece.ranges_left_out
        more = f" and {left} more, the last at {piece.last}" if left else ""
        adding = f", adding up to {_text(sums)}" if sums else ""
        record.append(f"{piece.count} places{adding}: {positions}{more}")
        record.append("\n".join(map(_line, piece.events[:EVENTS_SHOWN])))
    elif not piece.parts and not piece.note:
        record.append("no event")
    return "\n\n".join(record)


def _line(line: EvidenceEvent) -> str:
    amount = f" ({_text(line.amount)})" if line.amount else ""
    return f"- {line.position} `{line.id}` {line.at} {_text(line.what)}{amount}"
