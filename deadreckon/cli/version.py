"""`dr version`."""

from deadreckon import __version__
from deadreckon.cli.document import print_document


def version(*, json: bool = False) -> None:
    """Print the version of the program and of the data folders it writes.

    Example: dr version --json

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from deadreckon.runtime.process.folder import FORMAT

    if json:
        print_document({"version": __version__, "folder_format": FORMAT})
    else:
        print(f"deadreckon {__version__} (data format {FORMAT})")
