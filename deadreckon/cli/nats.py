"""`dr nats config`: accounts and rights for an external server's configuration."""

from pathlib import Path

from cyclopts import App

from deadreckon.cli.options import DataFolder

nats = App(name="nats", help="For a NATS server of your own. Example: dr nats config --data run1")


@nats.command(name="config")
def config(
    *,
    book: str = "desk",
    venue: tuple[str, ...] = (),
    data: DataFolder = Path("var"),
) -> None:
    """Print accounts and users for a server's configuration, with public keys alone.

    Put it into a file, and `include` that in nats.conf; again after `dr producer add` or `remove`,
    then reload the server. Credentials that are missing are made.

    Example: dr nats config --data var > accounts.conf

    Parameters
    ----------
    book
        A book that is to be served, besides those that the folder knows.
    venue
        A venue edge that is to write, `venue-sim` for the simulated venue, besides those that the
        folder knows.
    """
    from deadreckon.cli.running import run
    from deadreckon.runtime.process.folder import Folder
    from deadreckon.runtime.server.known_roles import KnownRoles
    from deadreckon.runtime.server.server_files import ServerFiles, change_known_roles

    async def job() -> str:
        folder = Folder(data).create()

        def change(known: KnownRoles) -> KnownRoles:
            for edge in venue:
                known = known.with_venue(edge)
            return known.with_book(book)

        registry = change_known_roles(folder, change)
        return ServerFiles(folder.root).accounts_text(registry)

    print(run(job), end="")
