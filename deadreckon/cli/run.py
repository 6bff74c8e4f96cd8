"""`dr run`: some services in this process."""

import json as codec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.contracts.event import Mode


def run(
    *services: Annotated[str, Parameter(help="Services to run, such as risk fill.")],
    data: Path = Path("var"),
    nats: str | None = None,
    book: str = "desk",
    mode: Mode = "paper",
    pace: Literal["free", "turns"] = "free",
    json: bool = False,
) -> None:
    """Run some services in this process, on the log of a data folder or of a NATS server.

    Example: dr run risk fill --data run1

    Parameters
    ----------
    data
        The folder of the stack; its running server is used.
    nats
        URL of a NATS server to use in place of the folder's own.
    book
        The book whose facts these services answer.
    mode
        The mode stamped on what they say.
    pace
        "free": answer as the log grows. "turns": answer when the player of a tape says so.
    json
        Print one JSON object when the services have recalled the log and are at work.
    """
    from deadreckon.stack.assembly import RANK

    unknown = sorted(set(services) - set(RANK))
    if unknown or not services:
        fail(f"name services out of {', '.join(RANK)}; found {unknown or 'none'}", EXIT_USAGE)
    from deadreckon.cli.running import run as run_job
    from deadreckon.stack.worker import Worker, work

    def ready(sequence: int) -> None:
        if json:
            print(codec.dumps({"services": list(services), "sequence": sequence}), flush=True)

    wish = Worker(services, data, nats, book, mode, turns=pace == "turns")
    run_job(lambda: work(wish, ready))
