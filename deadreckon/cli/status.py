"""`dr status`, `positions`, `orders`, `fills`: what is, as the views of a folder know it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail

if TYPE_CHECKING:
    from deadreckon.projections.queries import TableAnswer, TableQuery
    from deadreckon.runtime.process.folder import Folder

Data = Annotated[Path, Parameter(help="The folder of the stack, running or not.")]
Json = Annotated[bool, Parameter(help="Print one JSON object.")]
Strategy = Annotated[str | None, Parameter(help="Only those of this strategy.")]
Instrument = Annotated[str | None, Parameter(help="Only those of this instrument.")]


def status(*, data: Data = Path("var"), json: Json = False) -> None:
    """Print what runs, whether the log takes what is written, what is held and what is halted.

    Every answer of the views says which message of the log it stands at, how long ago it was
    written, and the digest of its table.

    Example: dr status --data run1
    """
    from deadreckon.archive.open_log import server_location
    from deadreckon.cli.terminal.view_tables import print_json, print_status
    from deadreckon.node.summary import read_status

    folder, answer, log = _ask(data, read_status)
    server, behind = server_location(folder), _behind(answer, log)
    if json:
        print_json(answer, behind, process=folder.holder(), nats=server, log=log)
    else:
        print_status(answer, behind, folder.holder(), server, log["reason"])


def positions(
    *,
    open_only: Annotated[bool, Parameter(name="--open", negative="")] = False,
    strategy: Strategy = None,
    instrument: Instrument = None,
    data: Data = Path("var"),
    json: Json = False,
) -> None:
    """Print every position: what is held, what it cost, what was made.

    Example: dr positions --open --data run1

    Parameters
    ----------
    open_only
        Leave out what is flat.
    """
    from deadreckon.cli.terminal.view_tables import print_positions
    from deadreckon.projections.queries import TableQuery

    wanted = TableQuery(None, strategy, instrument, open_only)
    _show("positions", wanted, data, print_positions, json)


def orders(
    *,
    open_only: Annotated[bool, Parameter(name="--open", negative="")] = False,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    limit: int = 20,
    strategy: Strategy = None,
    instrument: Instrument = None,
    data: Data = Path("var"),
    json: Json = False,
) -> None:
    """Print the orders that changed last, the latest first.

    Example: dr orders --open --data run1

    Parameters
    ----------
    open_only
        Only those that have not ended, all of them.
    everything
        Every order there ever was.
    limit
        At most so many.
    """
    if open_only and everything:
        fail("give --open or --all, not both", EXIT_USAGE)
    from deadreckon.cli.terminal.view_tables import print_orders
    from deadreckon.projections.queries import TableQuery

    most = None if open_only or everything else _positive(limit)
    _show("orders", TableQuery(most, strategy, instrument, open_only), data, print_orders, json)


def fills(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    limit: int = 20,
    strategy: Strategy = None,
    instrument: Instrument = None,
    data: Data = Path("var"),
    json: Json = False,
) -> None:
    """Print the latest fills, the newest first.

    Example: dr fills --limit 5 --data run1

    Parameters
    ----------
    everything
        Every fill there ever was.
    limit
        At most so many.
    """
    from deadreckon.cli.terminal.view_tables import print_fills
    from deadreckon.projections.queries import TableQuery

    most = None if everything else _positive(limit)
    _show("fills", TableQuery(most, strategy, instrument), data, print_fills, json)


def _positive(limit: int) -> int:
    if limit < 1:
        fail(f"--limit {limit}: give a number of rows from 1 on", EXIT_USAGE)
    return limit


def _show(
    name: str,
    wanted: "TableQuery",
    data: Path,
    show: "Callable[[TableAnswer, int | None], None]",
    as_json: bool,
) -> None:
    from deadreckon.cli.terminal.view_tables import print_json
    from deadreckon.projections.queries import read_table

    _, answer, log = _ask(data, lambda folder: read_table(folder, name, wanted))
    if log["reason"]:
        print(log["reason"], file=sys.stderr)
    (print_json if as_json else show)(answer, _behind(answer, log))


def _ask(
    data: Path, read: "Callable[[Folder], TableAnswer]"
) -> "tuple[Folder, TableAnswer, dict[str, Any]]":
    """The folder, its answer, and how its log is."""
    from deadreckon.cli.running import run
    from deadreckon.node.health import log_health
    from deadreckon.runtime.process.folder import Folder

    async def job() -> "tuple[Folder, TableAnswer, dict[str, Any]]":
        folder = Folder(data).check()
        return folder, read(folder), await log_health(folder)

    return run(job)


def _behind(answer: "TableAnswer", log: dict[str, Any]) -> int | None:
    """How many messages an answer is behind the log; null where nobody knows."""
    return None if log["sequence"] is None else max(log["sequence"] - answer.sequence, 0)
