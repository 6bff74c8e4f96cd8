"""The command `dr replay why`: from an id back to its causes and forward to its effects."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deadreckon.replay.why.job import WhyResult
    from deadreckon.replay.why.page import StyledLine

DEPTH_MOST = 200
WIDTH_LEAST = 72
WIDTH_MOST = 132


def why(
    what: Annotated[str, Parameter(name="ID")],
    /,
    *,
    depth: int = 24,
    svg: Path | None = None,
    dot: Path | None = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Explain why something happened and what followed: every line with its sequence and id.

    ID is an event, order, client order, signal, trade or bracket by its id or six or more of its
    first characters, a sequence with an index such as 5066.0, or a figure such as
    pnl:cross/BTCUSD-PERP.PAPER@5066 (position: is the same; without @ it is the current one).

    Example: dr replay why 696e046d --data run1

    Parameters
    ----------
    depth
        How many links away from the event the story may go, 0 to 200.
    svg
        Draw the story into this file too.
    dot
        Write the story as Graphviz DOT into this file too.
    """
    if not 0 <= depth <= DEPTH_MOST:
        fail(f"--depth {depth}: give 0 to {DEPTH_MOST}", EXIT_USAGE)
    from deadreckon.cli.running import run
    from deadreckon.replay.why.job import why as job

    found = run(lambda: job(options.data, what, options.nats, depth, shows=sys.stderr.isatty()))
    _draw(found, svg, dot)
    _show(found, options.json)


def _draw(found: "WhyResult", svg: Path | None, dot: Path | None) -> None:
    if svg is None and dot is None:
        return
    if found.story is None:
        fail("a figure is a sum, not a story: ask for a picture of one of its events", EXIT_USAGE)
    from deadreckon.replay.why.picture import as_dot, as_svg

    for file, draw in ((svg, as_svg), (dot, as_dot)):
        if file is not None:
            try:
                file.write_text(draw(found.story), "utf-8")
            except OSError as error:
                fail(f"{file} cannot be written: {error.strerror}")
            print(f"dr: {file} is written", file=sys.stderr)


def _show(found: "WhyResult", as_json: bool) -> None:
    from deadreckon.cli.tail import until_nobody_reads

    if as_json:
        from deadreckon.replay.why.document import figure_document, story_document

        if found.story is not None:
            print_document(story_document(found.story))
        else:
            assert found.figure is not None
            print_document(figure_document(found.history, found.figure))
        return
    until_nobody_reads(lambda: print_lines(_lines(found)))


def _lines(found: "WhyResult") -> "Iterable[StyledLine]":
    from deadreckon.replay.why.figure_page import figure_page
    from deadreckon.replay.why.page import page

    if found.story is not None:
        return page(found.story, width())
    assert found.figure is not None
    return figure_page(found.history, found.figure)


def width() -> int:
    """Return the text width: the terminal's within bounds, 100 without a terminal."""
    import shutil

    columns = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    return min(max(columns, WIDTH_LEAST), WIDTH_MOST)


def print_lines(lines: "Iterable[StyledLine]") -> None:
    """Print lines, in colour on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        text = Text()
        if line.gutter:
            text.append(line.gutter + "  ", "cyan dim")
        text.append(line.guides, "dim")
        text.append(line.text, line.style)
        console.print(text)
