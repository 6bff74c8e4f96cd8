"""The command `dr replay asof`: the book as known at a time, a sequence or an event."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions, absolute

if TYPE_CHECKING:
    from deadreckon.replay.asof import AsofDocument

_ID = re.compile("[0-9a-f]{6,}")  # the beginning of an id, though 123456d could be a time


def asof(
    point: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    known: Literal["then", "now", "both"] = "both",
    options: LogOptions = LogOptions(),
) -> None:
    """Show the book at a point of the log: positions, cash, open orders, limits, halts and marks.

    "As known then" is what the log held up to there. "As known now" adds what was due by then and
    came later: a fee, a funding, a venue's trade. Differences are shown with their events.

    Example: dr replay asof 2022-01-15T12:00:00Z --data run1

    Parameters
    ----------
    point
        A time (UTC if it names no zone; 2h is two hours ago), a sequence, SEQUENCE.INDEX, or an id
        or its beginning.
    known
        Which of the two to show.
    """
    from deadreckon.cli.running import run
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.asof.job import book_asof

    shows = sys.stderr.isatty()
    document = run(
        lambda: book_asof(
            options.data,
            point if _ID.fullmatch(point) else absolute(point),
            known=known,
            nats=options.nats,
            shows=shows,
        )
    )
    until_nobody_reads(lambda: _print(document, options.json))


def _print(document: "AsofDocument", as_json: bool) -> None:
    if as_json:
        print_document(document)
    else:
        from deadreckon.cli.terminal.asof_table import show

        show(document)
