"""Tables and lines of the verbs, drawn by rich; plain text of a fixed width in a pipe."""

from collections.abc import Sequence

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED = 200  # columns where there is no terminal
MEASURED = 1_000  # columns: wide enough for any table to show its full width

Cell = Text | str


class Column(Struct, frozen=True):
    """A column of a table; those with the highest `rank` are left out first to make room."""

    name: str
    rank: int = 0
    right: bool = False


def console(width: int = PIPED) -> Console:
    """Return a console as wide as the terminal, or `width` columns in a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=width)


def ruled_table(left: Sequence[str] = (), right: Sequence[str] = ()) -> Table:
    """Return a table with a rule below its head: columns aligned left, then aligned right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def plain_table(columns: Sequence[Column]) -> Table:
    """Return a table without any lines."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def fitting_table(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    """Return a table without lines; columns that do not fit the console are left out by rank."""
    shown = list(range(len(columns)))
    while True:
        table = plain_table([columns[index] for index in shown])
        for row in rows:
            table.add_row(*(row[index] for index in shown))
        if len(shown) == 1 or natural_width(out, table) <= out.width:
            return table
        shown.remove(max(shown, key=lambda index: (columns[index].rank, index)))


def natural_width(out: Console, table: Table) -> int:
    """Return the columns a table takes when nothing in it is cut or wrapped."""
    wide = out.options.update(max_width=MEASURED)
    return out.measure(table, options=wide).maximum
