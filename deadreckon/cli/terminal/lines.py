"""Lines of styled text, boxes and columns for the dashboard, and their printing by rich.

Rich's own Layout, Panel and Table take 45 ms of the processor for a frame of 180 x 47 cells; these
take 5 ms. They draw while services decide in the same process, so the verbs' tables (`tables`) are
rich's and the frames are not.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from msgspec import Struct
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

Piece = tuple[str, str]  # text without control characters, and the name of its style
Line = list[Piece]

PLAIN, DIM, BOLD, GOOD, BAD, WARN, TITLE, ALARM = (
    "",
    "dim",
    "bold",
    "green",
    "red",
    "yellow",
    "bold cyan",
    "bold white on red",
)


class Column(Struct, frozen=True):
    """A column of a table. Those of the highest `rank` go first when there is no room; the one
    that `stretches` takes what is left over."""

    name: str
    width: int
    rank: int = 0
    right: bool = False
    stretches: bool = False


def length(line: Line) -> int:
    """Count the cells that a line takes."""
    return sum(len(text) for text, _ in line)


def fitted(line: Line, width: int) -> Line:
    """Cut or pad a line to a width."""
    room = width
    pieces: Line = []
    for text, style in line:
        if len(text) > room:
            pieces.append((text[: max(room - 1, 0)] + "…" * (room > 0), style))
            return pieces
        pieces.append((text, style))
        room -= len(text)
    if room:
        pieces.append((" " * room, PLAIN))
    return pieces


def between(left: Line, right: Line, width: int) -> Line:
    """Put one line at the left edge and one at the right; the left one is cut."""
    room = width - length(right)
    return fitted(left, room) + right if room > 0 else fitted(left, width)


def side_by_side(left: list[Line], right: list[Line]) -> list[Line]:
    """Put two blocks of the same height next to each other."""
    return [one + other for one, other in zip(left, right, strict=True)]


def boxed(title: str, note: str, lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Draw a frame of `width` x `height` around as many of the lines as fit."""
    inner = width - 4
    rule = "─" * max(width - len(title) - len(note) - 8, 0)
    top: Line = [("╭─ ", DIM), (title, TITLE), (f" {rule} ", DIM), (note, DIM), (" ─╮", DIM)]
    body = [*lines[: height - 2], *[[] for _ in range(height - 2 - len(lines))]]
    middle = [[("│ ", DIM), *fitted(line, inner), (" │", DIM)] for line in body]
    return [fitted(top, width), *middle, [("╰" + "─" * (width - 2) + "╯", DIM)]]


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Piece]], width: int, *, named: bool = True
) -> list[Line]:
    """Lay out names and rows in the columns that fit; a row has a piece for every column."""
    shown = _chosen(columns, width)
    spare = width - _needed([columns[index] for index in shown])
    widths = {index: columns[index].width for index in shown}
    for index in shown:
        if columns[index].stretches:
            widths[index] += spare
    names = [[(column.name, DIM) for column in columns]] if named else []
    return [_row(columns, widths, pieces) for pieces in (*names, *rows)]


def _chosen(columns: Sequence[Column], width: int) -> list[int]:
    indices = list(range(len(columns)))
    while len(indices) > 1 and _needed([columns[index] for index in indices]) > width:
        indices.remove(max(indices, key=lambda index: (columns[index].rank, index)))
    return indices


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + 2 * (len(columns) - 1)


def _row(columns: Sequence[Column], widths: dict[int, int], pieces: Sequence[Piece]) -> Line:
    line: Line = []
    for index, width in widths.items():
        text, style = pieces[index]
        cut = text if len(text) <= width else text[: width - 1] + "…"
        filled = cut.rjust(width) if columns[index].right else cut.ljust(width)
        line += [("  ", PLAIN)] * bool(line) + [(filled, style)]
    return line


class StyledLines:
    """Lines that rich can print or draw, one to a row and without wrapping."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in self._lines:
            yield from (Segment(text, _style(name)) for text, name in line)
            yield Segment.line()


@cache
def _style(name: str) -> Style:
    return Style.parse(name)
