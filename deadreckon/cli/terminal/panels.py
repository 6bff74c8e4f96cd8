"""The boxes of a frame: equity, price, positions, orders, fills and refusals."""

from collections.abc import Sequence
from decimal import Decimal

from deadreckon.cli.terminal.lines import (
    BAD,
    BOLD,
    DIM,
    GOOD,
    PLAIN,
    WARN,
    Column,
    Line,
    Piece,
    boxed,
    table,
)
from deadreckon.cli.terminal.sparkline import braille_line
from deadreckon.formatting.rounded import gain, money, rule_amount, share, stepped
from deadreckon.formatting.text import cell_text
from deadreckon.formatting.times import rounded_moment
from deadreckon.projections.live_view.lines import LiveFill, LiveOrder, LiveRefusal, LiveView
from deadreckon.projections.live_view.live_view import BookFigures, LivePosition, latest_orders
from deadreckon.projections.live_view.live_view import positions as held_positions

FIGURES = 24  # columns of the figures left of the equity curve
CENT = Decimal("0.01")
NAMED = 6  # lines from which a table shows the names of its columns


def _coloured(amount: Decimal | None) -> str:
    return PLAIN if not amount else GOOD if amount > 0 else BAD


def _tick(board: LiveView, instrument: str) -> Decimal | None:
    listing = board.book.listings.get(instrument)
    return listing.tick_size if listing else None


def _lot(board: LiveView, instrument: str) -> Decimal | None:
    listing = board.book.listings.get(instrument)
    return listing.lot_size if listing else None


def _listing(
    title: str,
    note: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Piece]],
    width: int,
    height: int,
) -> list[Line]:
    """Draw a table in a box; without room for both, rows take precedence over the column names."""
    lines = table(columns, rows, width - 4, named=height >= NAMED)
    return boxed(title, note, lines, width, height)


def _side(side: str) -> Piece:
    return (side, GOOD if side == "buy" else BAD)


def _time(at: int) -> Piece:
    return (rounded_moment(at)[5:16], DIM)


def equity(board: LiveView, now: BookFigures, width: int, height: int) -> list[Line]:
    """Draw the equity of the book and its curve."""
    amounts = [point.equity for point in board.curve.points]
    colour = _coloured(now.earned) or GOOD
    drawn = _chart([*amounts, now.equity], width - 4 - FIGURES - 2, height - 2, colour, CENT)
    rows = [
        _figure("equity", money(now.equity), BOLD),
        _figure("earned", gain(now.earned), _coloured(now.earned)),
        _figure("", share(now.earned_share), _coloured(now.earned)),
        _figure("drawdown", share(now.drawdown), PLAIN),
        _figure("exposure", money(now.exposure_gross), PLAIN),
        _figure("cash", money(now.cash), PLAIN),
    ]
    rows += [[(" " * FIGURES, PLAIN)] for _ in range(height - 2 - len(rows))]
    lines = [[*row, ("  ", PLAIN), *line] for row, line in zip(rows, drawn, strict=False)]
    return boxed("equity", now.currency, lines, width, height)


def _chart(
    amounts: Sequence[Decimal], width: int, height: int, style: str, step: Decimal
) -> list[Line]:
    """Draw a curve, labelled with its highest and lowest amount."""
    if len(amounts) < 2:
        return [[] for _ in range(height)]
    high, low = f" {stepped(max(amounts), step)}", f" {stepped(min(amounts), step)}"
    room = max(width - max(len(high), len(low)), 2)
    labels = [high, *[""] * (height - 2), low]
    drawn = braille_line([float(amount) for amount in amounts], room, height)
    return [[(line, style), (label, DIM)] for line, label in zip(drawn, labels, strict=False)]


def _figure(name: str, value: str, style: str) -> Line:
    return [(name.ljust(9), DIM), (value.rjust(FIGURES - 9), style)]


def price(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw the price curve."""
    prices = [point.price for point in board.curve.points]
    tick = _tick(board, board.instrument)
    last = stepped(prices[-1], tick) if prices else ""
    lines = _chart(prices, width - 4, height - 2, "cyan", tick or CENT)
    return boxed("price", last, lines, width, height)


def positions(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw the positions of each strategy."""
    columns = (
        Column("strategy", 10, stretches=True),
        Column("quantity", 10, right=True),
        Column("average", 11, 1, right=True),
        Column("mark", 11, 3, right=True),
        Column("unrealised", 11, right=True),
        Column("realised", 11, 2, right=True),
    )
    known = held_positions(board)
    rows = [_position(board, held) for held in known]
    count = sum(bool(held.quantity) for held in known)
    lines = table(columns, rows, width - 4)
    return boxed("positions", f"{count} open", lines, width, height)


def _position(board: LiveView, held: LivePosition) -> list[Piece]:
    tick = _tick(board, held.instrument)
    size = stepped(held.quantity, _lot(board, held.instrument)) if held.quantity else "flat"
    return [
        (cell_text(held.strategy), BOLD if held.quantity else DIM),
        (size, _coloured(held.quantity) or DIM),
        (stepped(held.average_price, tick) if held.quantity else "", PLAIN),
        (stepped(held.mark, tick), DIM),
        (gain(held.unrealised), _coloured(held.unrealised)),
        (gain(held.realised), _coloured(held.realised)),
    ]


def rules(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw refusals by rule, the most frequent first."""
    found = sorted(board.refusals_by_rule.items(), key=lambda item: (-item[1], item[0]))
    most = found[0][1] if found else 1
    room = max(width - 4 - 34, 1)
    lines: list[Line] = [
        [
            (cell_text(rule)[:24].ljust(25), WARN),
            (f"{count:>7,}  ", PLAIN),
            ("━" * max(round(count / most * room), 1), WARN),
        ]
        for rule, count in found
    ]
    note = f"{board.refusals:,} of {board.signals:,} signals"
    return boxed("refusals by rule", note, lines, width, height)


def orders(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw the latest orders."""
    columns = (
        Column("time", 11, 3),
        Column("strategy", 8, 1),
        Column("side", 4),
        Column("quantity", 9, right=True),
        Column("type", 11, 2),
        Column("price", 10, 4, right=True),
        Column("status", 13, stretches=True),
    )
    rows = [_order(board, order) for order in latest_orders(board, height)]
    note = f"{board.orders:,}, {len(board.open_orders):,} open"
    return _listing("orders", note, columns, rows, width, height)


def _order(board: LiveView, order: LiveOrder) -> list[Piece]:
    kind = order.order_type if order.purpose == "entry" else order.purpose
    return [
        _time(order.at),
        (cell_text(order.strategy), PLAIN),
        _side(order.side),
        (stepped(order.quantity, _lot(board, order.instrument)), PLAIN),
        (kind.replace("_", " "), DIM),
        (stepped(order.price, _tick(board, order.instrument)), PLAIN),
        _status(order),
    ]


def _status(order: LiveOrder) -> Piece:
    match order.status:
        case "filled":
            return (order.status, GOOD)
        case "cancelled":
            return (cell_text(order.rule.replace("_", " ")), DIM)
        case "rejected":
            return (f"rejected: {cell_text(order.rule)}", BAD)
        case "unknown" | "submitting" | "cancelling":
            return (order.status, WARN)
        case _:
            return (order.status, PLAIN)


def fills(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw the latest fills."""
    columns = (
        Column("time", 11, 2),
        Column("strategy", 8, 1, stretches=True),
        Column("side", 4),
        Column("quantity", 9, right=True),
        Column("price", 11, right=True),
        Column("fee", 8, 3, right=True),
        Column("", 5, 4),
    )
    rows = [_fill(board, fill) for fill in reversed(board.recent_fills[-height:])]
    return _listing("fills", f"{board.fills:,}", columns, rows, width, height)


def _fill(board: LiveView, fill: LiveFill) -> list[Piece]:
    return [
        _time(fill.at),
        (cell_text(fill.strategy), PLAIN),
        _side(fill.side),
        (stepped(fill.quantity, _lot(board, fill.instrument)), PLAIN),
        (stepped(fill.price, _tick(board, fill.instrument)), PLAIN),
        (money(fill.fee), DIM),
        (fill.liquidity, DIM),
    ]


def refusals(board: LiveView, width: int, height: int) -> list[Line]:
    """Draw the latest refusals, each with its measured value and limit."""
    columns = (
        Column("time", 11, 2),
        Column("strategy", 8, 1),
        Column("rule", 23),
        Column("measured", 12, right=True),
        Column("limit", 12, right=True),
        Column("reason", 16, 3, stretches=True),
    )
    rows = [_refusal(no) for no in reversed(board.recent_refusals[-height:])]
    note = f"{board.refusals:,}"
    return _listing("refusals", note, columns, rows, width, height)


def _refusal(no: LiveRefusal) -> list[Piece]:
    return [
        _time(no.at),
        (cell_text(no.strategy), PLAIN),
        (cell_text(no.rule), WARN),
        (rule_amount(no.rule, no.measured), BOLD),
        (rule_amount(no.rule, no.limit), PLAIN),
        (cell_text(no.reason), DIM),
    ]
