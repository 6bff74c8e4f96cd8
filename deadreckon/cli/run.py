"""`dr run`: some services in this process."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import LogOptions
from deadreckon.contracts.event import Mode

if TYPE_CHECKING:
    from deadreckon.node.worker import WorkerEvent


def run(
    *services: Annotated[str, Parameter(help="Services to run, such as risk fill.")],
    options: LogOptions = LogOptions(),
    book: str = "desk",
    mode: Mode = "paper",
    pace: Literal["free", "turns"] = "free",
    standby: bool = False,
) -> None:
    """Run some services in this process, on the log of a data folder or of a NATS server.

    A service that meets another instance of itself which writes becomes its standby. A standby
    follows the log, compares its state with that of the instance at work, and takes over when
    that one is gone; one whose state differs ends with code 1.

    Example: dr run risk fill --data run1

    Parameters
    ----------
    book
        The book whose facts these services answer.
    mode
        The mode stamped on what they say.
    pace
        "free": answer as the log grows. "turns": answer when the player of a tape says so.
    standby
        Begin as the standby of instances that are at work elsewhere.
    """
    from deadreckon.contracts.subjects import VENUE_EDGES
    from deadreckon.services.catalogue import RANK, in_turn_order

    unknown = sorted(set(services) - set(in_turn_order(services)))
    if unknown or not services:
        fail(
            f"name services out of {', '.join((*RANK, VENUE_EDGES))}; found {unknown or 'none'}",
            EXIT_USAGE,
        )
    from deadreckon.cli.running import run as run_job
    from deadreckon.node.worker import WorkerOptions, run_worker

    worker = WorkerOptions(
        services, options.data, options.nats, book, mode, pace == "turns", standby
    )
    run_job(lambda: run_worker(worker, _print_json if options.json else _print))


def _print_json(record: "WorkerEvent") -> None:
    import msgspec

    print(msgspec.json.encode(record).decode(), flush=True)


def _print(record: "WorkerEvent") -> None:
    print(_line(record), flush=True)


def _line(record: "WorkerEvent") -> str:
    from deadreckon.node.worker import AtWork, Ready, TookOver

    if isinstance(record, AtWork):
        return f"{', '.join(record.services)}: at work behind message {record.sequence}"
    if isinstance(record, Ready):
        return f"{record.service}: ready; equal at commit {record.n}, digest {record.digest[:16]}"
    if isinstance(record, TookOver):
        return f"{record.service}: took over behind commit {record.n}, message {record.sequence}"
    return f"{', '.join(record.services)}: fenced out, now a standby ({record.reason})"
