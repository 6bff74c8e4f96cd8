"""`dr nats config`: what a server of your own has to be told of who may do what."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

nats = App(name="nats", help="For a NATS server of your own. Example: dr nats config --data run1")


@nats.command(name="config")
def config(
    *,
    book: str = "desk",
    data: Annotated[Path, Parameter(help="The folder with the credentials.")] = Path("var"),
) -> None:
    """Print accounts and users for a server's configuration, with public keys alone.

    Put it into a file, and `include` that in nats.conf; again after `dr producer add` or `remove`,
    then reload the server. Credentials that are missing are made.

    Example: dr nats config --data var > accounts.conf

    Parameters
    ----------
    book
        A book that is to be served, beside those that the folder knows.
    """
    from deadreckon.cli.running import run
    from deadreckon.runtime.process.folder import Folder
    from deadreckon.runtime.server.server_files import ServerFiles, change_known_roles

    async def job() -> str:
        folder = Folder(data).create()
        registry = change_known_roles(folder, lambda known: known.with_book(book))
        return ServerFiles(folder.root).accounts_text(registry)

    print(run(job), end="")
