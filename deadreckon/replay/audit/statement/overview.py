"""First tables of a statement: worth of the book, profit by strategy, positions."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting.pnl import PnlFigures, PositionKey, total
from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.contracts.event import Recorded
from deadreckon.replay.audit.audit import AuditPosition, AuditSnapshot
from deadreckon.replay.audit.document import EquityChange
from deadreckon.replay.audit.statement.appendix import Appendix
from deadreckon.replay.audit.statement.collect import Boundary, StatementCollector
from deadreckon.replay.audit.statement.evidence import Evidence, event_line, merged
from deadreckon.replay.audit.statement.parts import Cell, Table, table

PARTS = (("strategy", 0), ("venue", 1), ("instrument", 2))
MADE = "realised + unrealised - fees + funding"


class StatementView(Struct, frozen=True):
    """The input of all tables: both ends of the book, and the events behind the figures."""

    opening: AuditSnapshot
    closing: AuditSnapshot
    gathered: StatementCollector
    ends: Boundary
    currency: str  # reporting currency
    appendix: Appendix
    change: dict[PositionKey, PnlFigures]  # what came between the ends


def profit_tables(view: StatementView) -> list[Table]:
    """Break profit and loss down by strategy, venue and instrument."""
    columns = [("realised", "gain"), ("unrealised", "gain"), ("fees", "money")]
    columns += [("funding", "gain"), ("net", "gain")]
    tables = []
    for name, part in PARTS:
        groups = sorted({key[part] for key in view.change})
        tables.append(
            table(
                f"by_{name}",
                f"Profit and loss by {name}",
                [(name, "text"), *columns],  # type: ignore[list-item]
                [[group, *_row(view, part, group)] for group in groups],
                f"in {view.currency}",
                ["total", *_row(view, part, None)],
            )
        )
    return tables


def _row(view: StatementView, part: int, group: str | None) -> list[Cell]:
    return list(cells(view, [key for key in view.change if group in (None, key[part])]).values())


def cells(view: StatementView, keys: list[PositionKey]) -> dict[str, Cell]:
    """Build the figures of some keys, each with the events it comes from."""
    appendix = view.appendix
    sums = total(view.change[key] for key in keys)
    sources = [view.gathered.earning.sources[key] for key in keys if _traded(view, key)]
    note = "" if view.closing.one_currency else f"converted to {view.currency} at either end"
    made: dict[str, Cell] = {
        "realised": appendix.figure(sums.realised, *(s.realised for s in sources), note=note),
        "unrealised": _unrealised(view, keys, sums.unrealised),
        "fees": appendix.figure(sums.fees, *(s.fees for s in sources), note=note),
        "funding": appendix.figure(sums.funding, *(s.funding for s in sources), note=note),
    }
    made["net"] = appendix.figure(sums.net, note=MADE, parts=made.values())
    return made


def _traded(view: StatementView, key: PositionKey) -> bool:
    return key in view.gathered.earning.sources


def _unrealised(view: StatementView, keys: list[PositionKey], amount: Decimal) -> Cell:
    """Return the change of unrealised profit: positions at their prices, end less beginning."""
    ends = ((view.closing, view.ends), (view.opening, view.gathered.opening))
    found = [_held(end, keys) for _, end in ends]
    after, before = (_sum(book.figures, keys, lambda f: f.unrealised) for book, _ in ends)
    note = f"{text(after)} at the end less {text(before)} at the beginning"
    return view.appendix.figure(amount, *found, note=note)


def _held(end: Boundary, keys: list[PositionKey]) -> Evidence:
    """Return the fills that positions were built from, and the facts they were priced by."""
    built = [end.building[key] for key in keys if key in end.building]
    instruments = dict.fromkeys(key[2] for key in keys if key in end.building)
    priced = [priced_by(end, instrument) for instrument in instruments]
    whole = merged([*built, *priced])
    return _without_sums(whole)


def _without_sums(evidence: Evidence) -> Evidence:
    """Drop sums: quantities of several instruments add up to nothing."""
    bare = merged([evidence], alone=False)
    bare.sums = {}
    return bare


def priced_by(end: Boundary, instrument: str) -> Evidence:
    """Return the fact that an instrument was last priced by, if there is one."""
    price = end.prices.get(instrument)
    return one(price) if price is not None else Evidence()


def one(record: Recorded[Any]) -> Evidence:
    """Make the evidence of a single event."""
    evidence = Evidence()
    evidence.add(record, lambda: event_line(record))
    return evidence


def _sum(
    figures: dict[PositionKey, PnlFigures],
    keys: Iterable[PositionKey],
    of: Callable[[PnlFigures], Decimal],
) -> Decimal:
    total = ZERO
    for key in keys:
        if key in figures:
            total = EXACT.add(total, of(figures[key]))
    return total


def positions(view: StatementView) -> Table:
    """List the positions at either end."""
    rows: list[list[Cell]] = []
    for key, after in sorted(view.closing.positions.items()):
        before = view.opening.positions.get(key)
        figure, nothing = view.appendix.figure, Evidence()
        opened = view.gathered.opening.building.get(key, nothing)
        sources = view.gathered.earning.sources.get(key)
        built = view.ends.building.get(key) or (sources.fees if sources else nothing)
        price = priced_by(view.ends, key[2])
        rows.append(
            [
                *key,
                figure(before.quantity if before else "0", opened, note="since it was last flat"),
                figure(after.quantity, _without_sums(built), note="since it was last flat"),
                figure(after.average_price, _without_sums(built), note="cost / quantity")
                if Decimal(after.quantity)
                else "",
                figure(after.mark or "", price),
                *_dust(view, after, _without_sums(built), price),
            ]
        )
    return table(
        "positions",
        "Positions",
        [
            ("strategy", "text"),
            ("venue", "text"),
            ("instrument", "text"),
            ("opening", "quantity"),
            ("closing", "quantity"),
            ("average price", "price"),
            ("mark", "price"),
            ("dust", "quantity"),
            ("value of dust", "price"),
        ],
        rows,
        "average price, mark and value of dust (what is too small to sell) in the instrument's "
        "quote currency",
    )


def _dust(
    view: StatementView, held: AuditPosition, built: Evidence, price: Evidence
) -> tuple[Cell, Cell]:
    if held.dust is None:
        return "", ""
    figure = view.appendix.figure
    rest = figure(held.dust.quantity, built, note="what no order can sell of quantity less fees")
    return rest, figure(held.dust.value or "", price, note="at the mark", parts=[rest])


def equity_table(view: StatementView, equity: EquityChange) -> Table:
    """Show how the book came from its opening to its closing equity; the parts add up exactly."""
    figure = view.appendix.figure
    earned = cells(view, list(view.change))
    before = figure(
        equity.opening,
        _held(view.gathered.opening, list(view.opening.positions)),
        note="cash, and what was held, at its prices before the first sequence",
        kind="money",
    )
    deposited = figure(equity.deposited, view.gathered.earning.deposits)
    middle: list[list[Cell]] = [["deposited less withdrawn", deposited]]
    middle += [[name, earned[name]] for name in ("realised", "unrealised")]
    paid = EXACT.minus(total(view.change.values()).fees)
    middle.append(
        ["fees", figure(paid, note="paid, so they are taken off", parts=[earned["fees"]])]
    )
    middle.append(["funding", earned["funding"]])
    rest = "what cash in other currencies gained or lost in worth"
    if equity.revaluation != "0":
        middle.append(["revaluation", figure(equity.revaluation, note=rest)])
    if equity.unexplained != "0":
        middle.append(["unexplained", figure(equity.unexplained, note="must be 0")])
    parts = [before, deposited, earned["net"]]
    note = "opening + deposited + realised + unrealised - fees + funding (+ revaluation)"
    return table(
        "equity",
        "From opening to closing equity",
        [("", "text"), ("amount", "gain")],
        [["opening equity", before], *middle],
        f"in {view.currency}",
        ["closing equity", figure(equity.closing, note=note, parts=parts, kind="money")],
    )
