"""`dr version`."""

import json as codec

from deadreckon import __version__


def version(*, json: bool = False) -> None:
    """Print the version of the program and of the data folders it writes.

    Example: dr version --json

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from deadreckon.runtime.process.folder import FORMAT

    record = {"version": __version__, "folder_format": FORMAT}
    print(codec.dumps(record) if json else f"deadreckon {__version__} (data format {FORMAT})")
