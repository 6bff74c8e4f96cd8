"""`dr status`: what runs, what is held, what is halted, and how far behind the views are."""

from deadreckon.cli.options import FolderOptions


def status(*, options: FolderOptions = FolderOptions()) -> None:
    """Print what runs, whether the log accepts writes, what is held and what is halted.

    Every answer of the projections names its position in the log, how long ago that was written,
    and the digest of its table.

    Example: dr status --data run1
    """
    from deadreckon.archive.open_log import server_location
    from deadreckon.cli.projection_queries import ask, messages_behind
    from deadreckon.cli.terminal.status_table import print_status
    from deadreckon.cli.terminal.view_tables import print_json
    from deadreckon.node.summary import read_status

    folder, answer, log = ask(options.data, read_status)
    server, behind = server_location(folder), messages_behind(answer, log)
    if options.json:
        print_json(answer, behind, process=folder.holder(), nats=server, log=log)
    else:
        print_status(answer, behind, folder.holder(), server, log["reason"])
