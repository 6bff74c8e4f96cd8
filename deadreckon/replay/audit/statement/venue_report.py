"""The comparison of a venue's statement with the log, as tables of the full statement."""

from decimal import Decimal
from functools import partial
from typing import Any

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, text
from deadreckon.replay.audit.statement.evidence import Evidence, event_line
from deadreckon.replay.audit.statement.overview import StatementView
from deadreckon.replay.audit.statement.parts import Cell, Table, VenueReport, table
from deadreckon.replay.audit.statement.venue_booking import PARTS, VenueComparison, VenueDifference

SHOWN = 300  # differences listed one by one
MEANING = {
    "missing here": "a trade that the log does not have",
    "missing there": "a fill that the venue does not tell of",
    "timing": "the log has it on another day",
    "side": "bought here, sold there",
    "price": "the same trade at another price",
    "quantity": "the same trade with another quantity",
    "fee": "another fee, or in another currency",
    "funding": "another funding, or one that only one side has",
    "realised": "another realised profit",
    "rounding": "less than one unit of the coarser side's last decimal",
}


def report(
    view: StatementView, compared: VenueComparison, unknown: list[str], sha256: str
) -> VenueReport:
    """Report a comparison; `sha256` is that of the venue's file."""
    rest = compared.unexplained()
    found = compared.differences
    parts = {part: _times([it for it in found if it.part == part]) for part in PARTS}
    tables = (_money(view, compared, rest), _parts(view, compared), _list(compared))
    return VenueReport(
        venue=compared.venue,
        sha256=sha256,
        agrees=compared.agrees,
        says=_says(compared, parts, rest),
        compared=compared.compared,
        of_another_day=compared.outside,
        differences={part: count for part, count in parts.items() if count},
        unexplained={currency: text(amount) for currency, amount in rest.items()},
        unknown_columns=unknown,
        not_compared=[*compared.not_compared, *_left_out(compared)],
        tables=[table for table in tables if table.rows],
    )


def _times(found: list[VenueDifference]) -> int:
    """Count the entries that differ; a trade that is missing with its fee is one."""
    named = {it.trade_id for it in found if it.trade_id}
    return len(named) + sum(not it.trade_id for it in found)


def unread(found: VenueReport) -> list[str]:
    """List the parts of a venue's statement that were not compared, and the file's SHA-256."""
    lines = [f"a column that was not read: {name}" for name in found.unknown_columns]
    lines += [f"not compared: {left}" for left in found.not_compared]
    return [*lines, f"the file's SHA-256 is {found.sha256}"]


def _says(compared: VenueComparison, parts: dict[str, int], rest: dict[str, Decimal]) -> str:
    found = ", ".join(f"{count} of {part}" for part, count in parts.items() if count)
    what = f"{compared.compared} entries of {compared.venue} were compared"
    if compared.outside:
        what += f", {compared.outside} of another day left out"
    if rest:
        left = ", ".join(f"{text(amount)} {currency}" for currency, amount in rest.items())
        return f"{what}: {found or 'no difference'}; UNEXPLAINED {left}"
    return f"{what}: {found}; unexplained 0" if found else f"{what}: no difference"


def _left_out(compared: VenueComparison) -> list[str]:
    return [
        f"{len(amounts)} lines of {kind or 'no type'}: {text(_total(amounts))} {currency}".strip()
        for (kind, currency), amounts in sorted(compared.left_out.items())
    ]


def _total(amounts: list[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return canonical(total)


def _money(view: StatementView, compared: VenueComparison, rest: dict[str, Decimal]) -> Table:
    rows: list[list[Cell]] = []
    for currency in sorted({*compared.theirs, *compared.ours}):
        there, here = (side.get(currency, ZERO) for side in (compared.theirs, compared.ours))
        apart = canonical(EXACT.subtract(there, here))
        amounts = (there, here, apart, rest.get(currency, ZERO))
        rows.append([currency, *(text(canonical(amount)) for amount in amounts)])
    columns: list[Any] = [("currency", "text"), ("venue", "gain"), ("log", "gain")]
    columns += [("difference", "gain"), ("unexplained", "gain")]
    note = "notional of trades, signed, less fees, with funding; income: realised less fees"
    return table("venue_money", "The venue's statement beside the log", columns, rows, note)


def _parts(view: StatementView, compared: VenueComparison) -> Table:
    """Split the whole difference by kind and currency."""
    groups: dict[tuple[int, str], list[VenueDifference]] = {}
    for found in compared.differences:
        groups.setdefault((PARTS.index(found.part), found.currency), []).append(found)
    rows: list[list[Cell]] = []
    for (part, currency), alike in sorted(groups.items()):
        positions = Evidence()
        for record in (difference.record for difference in alike):
            if record is not None:
                positions.add(record, partial(event_line, record))
        times = _times(alike)
        count: Cell = view.appendix.figure(times, positions) if positions else f"{times}"
        amount = text(_total([difference.effect for difference in alike]))
        rows.append([PARTS[part], count, amount, currency, MEANING[PARTS[part]]])
    columns: list[Any] = [("part", "text"), ("times", "count"), ("venue - log", "gain")]
    columns += [("", "text"), ("", "text")]
    return table("venue_parts", "What the difference is made of", columns, rows)


def _list(compared: VenueComparison) -> Table:
    found = compared.differences
    rows: list[list[Cell]] = [
        [
            f"{difference.line}" if difference.line else "",
            difference.trade_id,
            difference.part,
            difference.ours,
            difference.theirs,
            text(canonical(difference.effect)),
            difference.currency,
            "" if difference.record is None else f"{difference.record.sequence}",
        ]
        for difference in found[:SHOWN]
    ]
    columns: list[Any] = [("line", "text"), ("trade", "id"), ("part", "text"), ("log", "text")]
    columns += [("venue", "text"), ("venue - log", "gain"), ("", "text"), ("sequence", "text")]
    note = "all of them" if len(found) <= SHOWN else f"the first {SHOWN} of {len(found)}"
    return table("venue_differences", "Difference by difference", columns, rows, note)
