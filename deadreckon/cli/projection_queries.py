"""Questions to the projections of a folder, and the options by which rows are chosen."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import FolderOptions

if TYPE_CHECKING:
    from deadreckon.projections.queries import TableAnswer, TableQuery
    from deadreckon.runtime.process.folder import Folder

Strategy = Annotated[str | None, Parameter(help="Only those of this strategy.")]
Instrument = Annotated[str | None, Parameter(help="Only those of this instrument.")]
OpenOnly = Annotated[bool, Parameter(name="--open", negative="", help="Only what is open.")]
AllRows = Annotated[bool, Parameter(name="--all", negative="", help="All rows.")]
Limit = Annotated[int, Parameter(help="At most this many rows.")]


def row_limit(limit: int, everything: bool) -> int | None:
    """Return the most rows to show, null for all; end with exit code 2 for less than one."""
    if everything:
        return None
    if limit < 1:
        fail(f"--limit {limit}: give a number of rows from 1 on", EXIT_USAGE)
    return limit


def print_table(
    name: str,
    query: "TableQuery",
    options: FolderOptions,
    show: "Callable[[TableAnswer, int | None], None]",
) -> None:
    """Print rows of a projection as a table or as JSON, with their position in the log."""
    from deadreckon.cli.terminal.view_tables import print_json
    from deadreckon.projections.queries import read_named

    _, answer, log = ask(options.data, lambda folder: read_named(folder, name, query))
    if log["reason"]:
        print(log["reason"], file=sys.stderr)
    (print_json if options.json else show)(answer, messages_behind(answer, log))


def ask(
    data: Path, read: "Callable[[Folder], TableAnswer]"
) -> "tuple[Folder, TableAnswer, dict[str, Any]]":
    """Return the folder, an answer from its projections, and the health of its log."""
    from deadreckon.cli.running import run
    from deadreckon.node.folder_log import log_health
    from deadreckon.runtime.process.folder import Folder

    async def job() -> "tuple[Folder, TableAnswer, dict[str, Any]]":
        folder = Folder(data).check()
        return folder, read(folder), await log_health(folder)

    return run(job)


def messages_behind(answer: "TableAnswer", log: dict[str, Any]) -> int | None:
    """Count the messages of the log that an answer does not know yet; null where unknown."""
    return None if log["sequence"] is None else max(log["sequence"] - answer.sequence, 0)
