"""The command `dr replay asof`: the book as known at a time, a sequence or an event."""

import sys
from pathlib import Path
from typing import Any, Literal


def asof(
    place: str,
    /,
    *,
    known: Literal["then", "now", "both"] = "both",
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Show the book at a place of the log: positions, cash, open orders, limits, halts and marks.

    "As known then" is what the log said up to there. "As known now" adds what was due by then and
    came later: a fee, a funding, a venue's trade. What differs is shown with the events behind it.

    Example: dr replay asof 2022-01-15T12:00:00Z --data run1

    Parameters
    ----------
    place
        A time (UTC if it names no zone), a sequence, SEQUENCE.INDEX, or an id or its beginning.
    known
        Which of the two to show.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object.
    """
    from deadreckon.cli.running import run
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.asof.job import book_asof

    shows = sys.stderr.isatty()
    document = run(lambda: book_asof(data, place, known=known, nats=nats, shows=shows))
    until_nobody_reads(lambda: _print(document, json))


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(document).decode())
    else:
        from deadreckon.cli.terminal.asof_table import show

        show(document)
