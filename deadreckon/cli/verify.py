"""`dr verify`: compare the projections with the log."""

import sys
from typing import TYPE_CHECKING, Literal

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions

if TYPE_CHECKING:
    from deadreckon.projections.comparison import TableDifference
    from deadreckon.replay.verify.document import VerifyDocument

Name = Literal["audit", "lake", "analytics", "metrics"]
ALL: tuple[Name, ...] = ("audit", "lake", "metrics")


def verify(
    *names: Name,
    options: LogOptions = LogOptions(),
) -> None:
    """Compare projections with their own digests and with a fresh fold of the log, up to its end.

    Exits 1 and names the first table and key that differ, or the projection that is behind the log.

    Example: dr verify --data run1

    Parameters
    ----------
    names
        audit (SQLite), lake or analytics (DuckDB), metrics; all when none is named.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.verify.job import verify as job

    wanted = chosen_projections(names)
    document = run(lambda: job(options.data, wanted, options.nats, shows=sys.stderr.isatty()))
    if options.json:
        print_document(document)
    else:
        for found in document.differences:
            print(_line(found))
        if document.agree:
            print(_agreement(document))
    if not document.agree:
        raise VerbEnd(EXIT_DIFFERENCE, "; ".join(map(_line, document.differences)))


def _agreement(document: "VerifyDocument") -> str:
    """Say how far the projections agree with the log; those that agree less far by name."""
    level = {name for name, reached in document.reached.items() if reached >= document.sequence}
    text = f"{', '.join(sorted(level))} agree with the log up to sequence {document.sequence}"
    for name in sorted(document.reached.keys() - level):
        text += f"; {name} up to {document.reached[name]}, which a running stack saves seldom"
    return text


def _line(found: "TableDifference") -> str:
    where = " ".join(part for part in (found.projection, found.table) if part)
    key = f" key {'/'.join(found.key)}" if found.key else ""
    column = f", {found.column}: {found.stored}" if found.column else ""
    expected = f", the log says {found.expected}" if found.column else ""
    return f"DIFFERENT: {where}{key}{column}{expected} {found.note}".rstrip()


def chosen_projections(names: tuple[Name, ...]) -> tuple[Name, ...]:
    """Return the projections named, or all; `analytics.duckdb` shows the lake."""
    return tuple("lake" if name == "analytics" else name for name in names) or ALL
