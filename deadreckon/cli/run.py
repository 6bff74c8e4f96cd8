"""`dr run`: some services in this process."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail
from deadreckon.contracts.event import Mode

if TYPE_CHECKING:
    from deadreckon.node.worker import Said


def run(
    *services: Annotated[str, Parameter(help="Services to run, such as risk fill.")],
    data: Path = Path("var"),
    nats: str | None = None,
    book: str = "desk",
    mode: Mode = "paper",
    pace: Literal["free", "turns"] = "free",
    standby: bool = False,
    json: bool = False,
) -> None:
    """Run some services in this process, on the log of a data folder or of a NATS server.

    A service that meets another instance of itself which writes becomes its standby. A standby
    follows the log, compares its state with that of the instance at work, and takes over when
    that one is gone; one whose state differs ends with code 1.

    Example: dr run risk fill --data run1

    Parameters
    ----------
    data
        The folder of the stack; its running server is used.
    nats
        URLs of NATS servers, or a file that names them, in place of the folder's own.
    book
        The book whose facts these services answer.
    mode
        The mode stamped on what they say.
    pace
        "free": answer as the log grows. "turns": answer when the player of a tape says so.
    standby
        Begin as the standby of instances that are at work elsewhere.
    json
        Print a JSON object a line: at_work, ready, took_over, fenced_out.
    """
    from deadreckon.services.catalogue import RANK_WITH_VENUE

    unknown = sorted(set(services) - set(RANK_WITH_VENUE))
    if unknown or not services:
        fail(
            f"name services out of {', '.join(RANK_WITH_VENUE)}; found {unknown or 'none'}",
            EXIT_USAGE,
        )
    from deadreckon.cli.running import run as run_job
    from deadreckon.node.worker import Worker, work
    from deadreckon.runtime.service.standby import DivergedError

    wish = Worker(services, data, nats, book, mode, pace == "turns", standby)
    try:
        run_job(lambda: work(wish, _print_json if json else _print))
    except DivergedError as error:
        fail(str(error), EXIT_DIFFERENCE)


def _print_json(said: "Said") -> None:
    import msgspec

    print(msgspec.json.encode(said).decode(), flush=True)


def _print(said: "Said") -> None:
    print(_line(said), flush=True)


def _line(said: "Said") -> str:
    from deadreckon.node.worker import AtWork, Ready, TookOver

    if isinstance(said, AtWork):
        return f"{', '.join(said.services)}: at work behind message {said.sequence}"
    if isinstance(said, Ready):
        return f"{said.service}: ready; equal at commit {said.n}, digest {said.digest[:16]}"
    if isinstance(said, TookOver):
        return f"{said.service}: took over behind commit {said.n}, message {said.sequence}"
    return f"{', '.join(said.services)}: fenced out, now a standby ({said.reason})"
