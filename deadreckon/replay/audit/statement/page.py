"""A statement as one web page: no script, nothing fetched, every figure opens its evidence."""

from decimal import Decimal
from html import escape

from msgspec import UNSET, structs

from deadreckon.formatting.statement_figures import format_cell, one_line
from deadreckon.replay.audit.document import FullStatement
from deadreckon.replay.audit.statement import charts
from deadreckon.replay.audit.statement.parts import (
    NUMBERS,
    Cell,
    Chart,
    Column,
    EvidenceEvent,
    EvidencePiece,
    Figure,
    Table,
    value,
)
from deadreckon.replay.audit.statement.style import STYLE
from deadreckon.replay.audit.statement.venue_report import unread

DRAW = {"lines": charts.lines, "bars": charts.bars, "amounts": charts.amounts}
NARROW = 4  # columns of a table that takes half of the page
LINES = 6_000  # of evidence on the whole page, a quarter of a kilobyte each
LINES_MIN = 3  # of one piece of it
LONG = 90  # characters of a text that is folded away
FOLDED = ("fills", "code")  # tables that are opened by who wants them

# No script may run in it and nothing may be fetched by it, whatever a reason or a name contains.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(document: FullStatement) -> str:
    """Render the whole page; a function of the statement alone."""
    title = f"PnL statement: {document.book}, {document.day}"
    body = [
        _header(document),
        _tiles(document),
        _checks(document),
        *(_venue(document)),
        '<section class="charts">' + "".join(map(_chart, document.charts)) + "</section>",
        '<div class="tables">' + "".join(map(_table, document.tables)) + "</div>",
        _footer(),
        *_pieces(document.evidence),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _text(text: str) -> str:
    return escape(one_line(text))


def _header(document: FullStatement) -> str:
    facts = [
        ("sequences", f"{document.first_sequence} to {document.last_sequence}"),
        ("time (UTC)", f"{document.first_at} to {document.last_at}"),
        ("run digest", document.digest),
        ("Merkle root", document.root),
        ("configuration", document.configuration_hash),
        ("code", ", ".join(document.code)),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{_text(str(value))}</dd>" for name, value in facts)
    day = "everything" if document.day == "all" else f"{document.day} UTC"
    return (
        f"<header><p>Deadreckon · PnL statement</p><h1>{_text(document.book)}"
        f" <small>{_text(day)}</small></h1><dl>{listed}</dl></header>"
    )


def _tiles(document: FullStatement) -> str:
    """Render the figures that are looked for first."""
    by_name = {table.name: table for table in document.tables}
    equity = by_name["equity"]
    total = by_name["by_strategy"].total if "by_strategy" in by_name else None
    unit = document.currency
    tiles: list[tuple[str, Cell, str, str]] = []
    if total is not None:
        tiles.append(("net result", total[-1], "gain", unit))
    if equity.total is not None:
        tiles.append(("closing equity", equity.total[1], "money", unit))
    if total is not None:
        tiles += [("fees", total[3], "money", unit), ("funding", total[4], "gain", unit)]
    wanted = ("fills", "refusals")
    tiles += [
        (value(row[0]), row[1], "count", "") for row in by_name["counts"].rows if row[0] in wanted
    ]
    drawn = "".join(
        f"<div><span>{name}</span><strong>{_cell(cell, kind)}</strong><small>{_text(unit)}</small>"
        "</div>"
        for name, cell, kind, unit in tiles
    )
    return f'<section class="tiles" aria-label="At a glance">{drawn}</section>'


def _checks(document: FullStatement) -> str:
    checks = document.checks
    compared = f"{checks.portfolio_events_compared} figures that portfolio said"
    wrong: list[str] = checks.portfolio_differences + checks.log_damages
    wrong += checks.evidence_differences
    if document.equity.unexplained != "0":
        wrong.append(f"equity moved by {document.equity.unexplained} that nothing explains")
    good = [f"{compared} were recomputed from the log: none differs"]
    if checks.evidence_compared:
        good.append("realised, fees and funding add up to the events they come from")
    if document.equity.revaluation == "0":
        good.append("opening equity, deposits and result add up to closing equity")
    items = [("✗", "bad", text) for text in wrong] or [("✓", "good", text) for text in good]
    unpriced = [("!", "bad", f"{name} has no price or rate") for name in document.unpriced]
    listed = "".join(
        f'<li class="{kind}"><b>{sign}</b> {_text(text)}</li>'
        for sign, kind, text in items + unpriced
    )
    return f'<ul class="checks" aria-label="Checks">{listed}</ul>'


def _venue(document: FullStatement) -> list[str]:
    """Show the comparison with a venue's own statement, where there is one."""
    found = document.venue_statement
    if found is UNSET:
        return []
    sign, kind = ("✓", "good") if found.agrees else ("✗", "bad")
    record = [f'<li class="{kind}"><b>{sign}</b> {_text(found.says)}</li>']
    record += [f"<li><b>·</b> {_text(left)}</li>" for left in unread(found)]
    head = f'<ul class="checks" aria-label="Venue&#x27;s statement">{"".join(record)}</ul>'
    return [head, '<div class="tables">' + "".join(map(_table, found.tables)) + "</div>"]


def _chart(chart: Chart) -> str:
    drawn = DRAW[chart.kind](chart)
    unit = f" <small>{_text(chart.unit)}</small>" if chart.unit else ""
    figure = chart.figure
    opener = f'<button class="f" popovertarget="{figure.evidence}">places</button>'
    return (
        f'<figure id="chart-{chart.name}"><figcaption><h2>{_text(chart.title)}{unit}</h2>'
        f"</figcaption>{drawn}<p>{_text(chart.note)} · {opener}</p></figure>"
    )


def _table(table: Table) -> str:
    columns = table.columns
    head = "".join(
        f'<th scope="col" class="{_aligned(column.kind)}">{_text(column.title)}</th>'
        for column in columns
    )
    rows = "".join(_row(row, columns) for row in table.rows)
    if table.total is not None:
        rows += f"<tfoot>{_row(table.total, columns)}</tfoot>"
    note = f"<p>{_text(table.note)}</p>" if table.note else ""
    body = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(table.title)}">'
        f"<table><thead><tr>{head}</tr></thead>{rows}</table></div>"
    )
    if table.name in FOLDED:
        count = len(table.rows)
        body = f"<details><summary>{count} rows</summary>{body}</details>"
    kinds = [column.kind for column in columns]
    narrow = ' class="narrow"' if len(kinds) <= NARROW and "more" not in kinds else ""
    title = f"<h2>{_text(table.title)}</h2>"
    return f'<section id="{table.name}"{narrow}>{title}{note}{body}</section>'


def _row(row: list[Cell], columns: list[Column]) -> str:
    cells = "".join(
        f'<td class="{_aligned(column.kind)}">{_cell(cell, column.kind)}</td>'
        for cell, column in zip(row, columns, strict=True)
    )
    return f"<tr>{cells}</tr>"


def _aligned(kind: str) -> str:
    return f"n {kind}" if kind in NUMBERS else kind


def _cell(cell: Cell, kind: str) -> str:
    content = value(cell)
    if isinstance(cell, Figure) and cell.kind is not UNSET:
        kind = cell.kind
    shown = _text(format_cell(content, kind))
    if kind == "more" and len(content) > LONG:
        start = _text(content[:LONG])
        return f"<details><summary>{start}…</summary>{_text(content)}</details>"
    if kind == "id":
        shown = f"<code>{shown}</code>"
    if isinstance(cell, str):
        return _coloured(content, kind, shown)
    exact = f' title="exactly {_text(content)}"' if kind in NUMBERS else ""
    opener = f'<button class="f" popovertarget="{cell.evidence}"{exact}>{shown}</button>'
    return _coloured(content, kind, opener)


def _coloured(value: str, kind: str, shown: str) -> str:
    """Colour an amount in addition to its sign; a higher cost is worse."""
    if kind not in ("gain", "cost") or not value or not Decimal(value):
        return shown
    is_good = (Decimal(value) > 0) == (kind == "gain")
    return f'<span class="{"up" if is_good else "down"}">{shown}</span>'


def _pieces(pieces: dict[str, EvidencePiece]) -> list[str]:
    """Write all evidence; with many pieces, fewer lines of each, so that the page stays small."""
    most = max(LINES_MIN, LINES // max(1, len(pieces)))
    return [_piece(name, _shortened(piece, most)) for name, piece in pieces.items()]


def _shortened(piece: EvidencePiece, most: int) -> EvidencePiece:
    """Shorten a piece to at most so many lines, with four ranges for each of them."""
    sequences = piece.sequences[: 4 * most]
    left = piece.ranges_left_out + len(piece.sequences) - len(sequences)
    events = piece.events[:most]
    return structs.replace(piece, events=events, sequences=sequences, ranges_left_out=left)


def _piece(name: str, piece: EvidencePiece) -> str:
    """Write what a figure opens: how it is made, how many events, where, and which."""
    count = piece.count
    parts = " ".join(
        f'<button class="f" popovertarget="{part.evidence}">{_text(part.value)}</button>'
        for part in piece.parts
    )
    sums = ", ".join(f"{amount} {unit}".strip() for unit, amount in piece.sums.items())
    left = piece.ranges_left_out
    more = f" and {left} more, the last at {piece.last}" if left else ""
    record = [
        _closer(name),
        f"<p>{_text(piece.note)}</p>" if piece.note else "",
        f"<p>made of {parts}</p>" if parts else "",
        f"<p><b>{count}</b> place{'' if count == 1 else 's'} in the log"
        + (f", adding up to <b>{_text(sums)}</b>" if sums else "")
        + "</p>"
        if count
        else "",
        f'<p class="places">sequences {" ".join(piece.sequences)}{more}</p>' if count else "",
        _events(piece.events, count),
    ]
    if not count and not parts and not piece.note:
        record.append("<p>no event</p>")
    return (
        f'<div popover id="{name}" class="piece" role="dialog" aria-label="Evidence {name}">'
        f"{''.join(record)}</div>"
    )


def _closer(name: str) -> str:
    return (
        f'<button class="f close" popovertarget="{name}" popovertargetaction="hide" '
        'aria-label="close">×</button>'
    )


def _events(events: list[EvidenceEvent], count: int) -> str:
    rows = "".join(
        f"<tr><td>{line.position}<td><code>{line.id}</code>"
        f'<td class="time">{format_cell(line.at, "time")}<td>{_text(line.what)}'
        f'<td class="n">{_text(line.amount)}'
        for line in events
    )
    if not rows:
        return ""
    first = f"<p>the first {len(events)} of {count}:</p>" if count > len(events) else ""
    return f'{first}<div class="wide"><table>{rows}</table></div>'


def _footer() -> str:
    return (
        "<footer><p>Each underlined figure opens the places it comes from. A place is "
        "<code>sequence.index</code>: a message of the log, and which of its events. The first "
        "letters of an id are enough for <code>dr replay why ID</code>. Figures are rounded to be "
        "read; the exact ones are in the JSON form and under the pointer.</p><p>Made from the log "
        "alone: the same log gives the same bytes on any machine.</p></footer>"
    )
