"""`dr status`: what runs, what is held, what is halted, and how far behind the views are."""

from typing import TYPE_CHECKING

import msgspec

from deadreckon.cli.options import FolderOptions

if TYPE_CHECKING:
    from deadreckon.node.folder_health import FolderHealth
    from deadreckon.projections.queries import TableAnswer


def status(*, options: FolderOptions = FolderOptions()) -> None:
    """Print what runs, whether the log accepts writes, what is held, what is halted, and what may
    be traded.

    What is halted and what may be traded is as of the log's end, also where no stack runs.
    Every answer of the projections names its position in the log, how long ago that was written,
    and the digest of its table.

    Example: dr status --data run1
    """
    from deadreckon.archive.open_log import server_location
    from deadreckon.cli.projection_queries import messages_behind
    from deadreckon.cli.running import run
    from deadreckon.cli.terminal.status_table import print_status
    from deadreckon.cli.terminal.view_tables import print_json
    from deadreckon.node.folder_health import folder_health
    from deadreckon.node.summary import read_status
    from deadreckon.runtime.process import crash_stacks
    from deadreckon.runtime.process.folder import Folder

    folder = Folder(options.data)

    async def job() -> "tuple[TableAnswer, FolderHealth]":
        return read_status(folder.check()), await folder_health(folder)

    answer, health = run(job)
    if health.halts is not None:
        answer.data["halts"] = health.halts
    server, log = server_location(folder), health.log
    behind, crashes = messages_behind(answer, log), crash_stacks.found(folder.logs)
    if options.json:
        print_json(
            answer,
            behind,
            process=folder.holder(),
            nats=server,
            log=log,
            trading=msgspec.to_builtins(health.trading),
            crashes=[str(path) for path in crashes],
        )
    else:
        print_status(
            answer, behind, folder.holder(), server, log["reason"], health.trading, crashes
        )
