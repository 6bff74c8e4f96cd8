"""One frame of what a demo shows while it plays, composed for the size of the terminal."""

from msgspec import Struct

from deadreckon.accounting.halts import Halt
from deadreckon.cli.terminal import panels
from deadreckon.cli.terminal.lines import (
    ALARM,
    BOLD,
    DIM,
    GOOD,
    PLAIN,
    TITLE,
    WARN,
    Line,
    between,
    fitted,
    side_by_side,
)
from deadreckon.formatting.rounded import money
from deadreckon.formatting.text import cell_text
from deadreckon.formatting.times import countdown, rounded_moment
from deadreckon.projections.live_view.lines import LiveView
from deadreckon.projections.live_view.live_view import BookFigures, book_figures, halts_in_force

WIDE = 116  # columns from which two boxes fit side by side
LAG_WARNED = 5_000  # messages that the board may be behind the log before it says so in colour


class RunProgress(Struct, frozen=True):
    """Progress of a run: rows of the tape, seconds since it began, rates per second over the last
    few seconds, the log's last sequence, and how many messages the board is behind it."""

    rows: int
    rows_total: int
    seconds: float
    rows_rate: float
    events_rate: float
    sequence: int
    lag: int
    over: bool = False
    url: str = ""  # of the gateway

    @property
    def done(self) -> float:
        """The share of the tape that was played, 0 to 1."""
        return min(1.0, self.rows / self.rows_total) if self.rows_total else 0.0

    @property
    def left(self) -> str:
        """Time left at the present rate."""
        if self.over or self.rows >= self.rows_total:
            return ""
        return countdown((self.rows_total - self.rows) / self.rows_rate) if self.rows_rate else "?"


def compose(board: LiveView, progress: RunProgress, width: int, height: int) -> list[Line]:
    """Compose exactly `height` lines of `width` cells."""
    now = book_figures(board)
    lines = header(board, progress, width)
    lines += _wide(board, now, width, height - len(lines)) if width >= WIDE else []
    if width < WIDE:
        lines += _narrow(board, now, width, height - len(lines))
    lines += [[] for _ in range(height - len(lines))]
    return [fitted(line, width) for line in lines[:height]]


def one_line(board: LiveView, progress: RunProgress) -> str:
    """Return the state of the run as one line, for where there is no screen."""
    now = book_figures(board)
    rest = f", {progress.left} left" if progress.left else ""
    return (
        f"{progress.rows:,} of {progress.rows_total:,} rows ({progress.done:.0%}), "
        f"{progress.rows_rate:,.0f} rows/s{rest}; equity {money(now.equity)} {now.currency}, "
        f"{board.signals:,} signals, {board.refusals:,} refusals, {board.fills:,} fills; "
        f"log at {progress.sequence:,}"
    )


def header(board: LiveView, progress: RunProgress, width: int) -> list[Line]:
    """Return the lines on top: the tape, progress and rates; in red, why nothing trades."""
    title: Line = [(" deadreckon", TITLE), (f"  {cell_text(board.instrument)}", BOLD)]
    title += [(f"  {progress.url}", DIM)] if progress.url else []
    when: Line = [(f"{rounded_moment(board.at)} UTC ", PLAIN)] if board.at else []
    halts = [_halt_banner(halt, width) for halt in halts_in_force(board)[-1:]]
    return [
        between(title, when, width),
        _bar(progress, width),
        _rates(board, progress, width),
        *halts,
        *(_venue_banner(*gone, width) for gone in board.unreachable.items()),
    ]


def _bar(progress: RunProgress, width: int) -> Line:
    left = f"{progress.left} left" if progress.left else "done" if progress.done == 1 else "stopped"
    note = f" {progress.done:6.1%}  {left:>12} "
    cells = max(width - len(note) - 1, 1)
    full = round(progress.done * cells)
    return [(" ", PLAIN), ("━" * full, GOOD), ("━" * (cells - full), DIM), (note, PLAIN)]


def _rates(board: LiveView, progress: RunProgress, width: int) -> Line:
    record = [
        f"{progress.rows:,} of {progress.rows_total:,} rows",
        f"{progress.rows_rate:,.0f} rows/s",
        f"lag {progress.lag:,}",
        countdown(progress.seconds),
        f"{progress.events_rate:,.0f} events/s",
        f"log at {progress.sequence:,}",
    ]
    while len(record) > 1 and len(" · ".join(record)) > width - 2:
        record.pop()
    return [(" " + " · ".join(record), DIM if progress.lag < LAG_WARNED else WARN)]


def _halt_banner(halt: Halt, width: int) -> Line:
    until = f" until {rounded_moment(halt.until)} UTC" if halt.until else ""
    obeyed = f", acknowledged by {', '.join(halt.acknowledged)}" if halt.acknowledged else ""
    text = f" HALTED ({halt.scope}) by {halt.imposed_by}{until}{obeyed}: {halt.reason}"
    return fitted([(cell_text(text).ljust(width), ALARM)], width)


def _venue_banner(venue: str, reason: str, width: int) -> Line:
    text = f" {venue} CANNOT BE REACHED: {reason}"
    return fitted([(cell_text(text).ljust(width), ALARM)], width)


def _wide(board: LiveView, now: BookFigures, width: int, height: int) -> list[Line]:
    left = width // 2
    right = width - left
    curves, held, orders, refused = _heights(height, (8, 5, 6, 5), (12, 7, 15, 12))
    lines = side_by_side(
        panels.equity(board, now, left, curves), panels.price(board, right, curves)
    )
    lines += side_by_side(panels.positions(board, left, held), panels.rules(board, right, held))
    lines += side_by_side(panels.orders(board, left, orders), panels.fills(board, right, orders))
    return lines + panels.refusals(board, width, refused)


def _narrow(board: LiveView, now: BookFigures, width: int, height: int) -> list[Line]:
    if height < 26:
        curve, held, fills, refused = _heights(height, (7, 5, 4, 4), (9, 6, 8, 8))
        lines = panels.equity(board, now, width, curve) + panels.positions(board, width, held)
        return lines + panels.fills(board, width, fills) + panels.refusals(board, width, refused)
    curve, held, orders, fills, refused = _heights(height, (7, 5, 5, 5, 4), (12, 7, 14, 14, 14))
    lines = panels.equity(board, now, width, curve) + panels.positions(board, width, held)
    lines += panels.orders(board, width, orders) + panels.fills(board, width, fills)
    return lines + panels.refusals(board, width, refused)


def _heights(height: int, least: tuple[int, ...], most: tuple[int, ...]) -> list[int]:
    """Share a height out: first what each needs, then in turn what each can use."""
    heights = list(least)
    while sum(heights) < height and any(map(int.__lt__, heights, most)):
        for index, limit in enumerate(most):
            if heights[index] < limit and sum(heights) < height:
                heights[index] += 1
    return heights
