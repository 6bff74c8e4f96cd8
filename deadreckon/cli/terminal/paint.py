"""Lines of coloured text as rich prints them, one to a row and nothing wrapped."""

from collections.abc import Iterator, Sequence
from functools import cache

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

from deadreckon.cli.terminal.columns import Line


class Painted:
    """Lines that rich can print or draw."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in self._lines:
            yield from (Segment(text, _style(name)) for text, name in line)
            yield Segment.line()


@cache
def _style(name: str) -> Style:
    return Style.parse(name)
