"""Options that many verbs share, each declared once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from deadreckon.cli.app import DATA_DEFAULT, EXIT_USAGE, fail

DATA_VARIABLE = "DR_DATA"  # stands for --data where that is not given
ACTOR_VARIABLE = "DR_ACTOR"  # stands for --actor

DataFolder = Annotated[
    Path, Parameter(help="The data folder of a stack, running or not.", env_var=DATA_VARIABLE)
]


def person() -> str:
    """Return who calls: user@host."""
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in many containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Options that name the data folder, and whether to print JSON."""

    data: Annotated[
        DataFolder,
        Parameter(
            help="The data folder of a stack, running or not; without it the only one that runs "
            "here."
        ),
    ] = DATA_DEFAULT
    json: Annotated[bool, Parameter(help="Print JSON instead of text.")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LogOptions(FolderOptions):
    """Options that name the log: that of the data folder, or that of an external NATS server."""

    nats: Annotated[
        str | None,
        Parameter(
            help="Use a NATS server instead of the folder's own: its URL, several URLs separated "
            "by commas, or a file that lists them (docs/security.md)."
        ),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CommandOptions(LogOptions):
    """Actor and reason of an operator's command, and the log that records it."""

    actor: Annotated[
        str,
        Parameter(
            help="Who does this; recorded in the log. By default your user@host.",
            env_var=ACTOR_VARIABLE,
            show_default=False,
        ),
    ] = field(default_factory=person)
    reason: Annotated[str, Parameter(help="Why; recorded in the log.")]

    @property
    def signature(self) -> dict[str, str]:
        """The actor and the reason, as fields of an event."""
        return {"actor": self.actor, "reason": self.reason}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class UrgentOptions(CommandOptions):
    """Options of a command that must not wait for a reason to be written."""

    reason: Annotated[str, Parameter(help="Why; recorded in the log.")] = "-"


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value[:40]!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole)]  # 1.085 is refused, not rounded


def _seconds(_: Any, tokens: Sequence[Token]) -> float:
    from deadreckon.formatting.field_text import parse_amount

    return float(parse_amount(tokens[0].value, "seconds"))


Seconds = Annotated[float, Parameter(converter=_seconds)]  # a number, or 90s, 5min, 1h
Day = Annotated[str | None, Parameter(help="A UTC day, YYYY-MM-DD, today or yesterday.")]
Everything = Annotated[bool, Parameter(name="--all", negative="", help="The whole log.")]
Flag = Annotated[bool, Parameter(negative="")]
OutputFile = Annotated[Path, Parameter(name=["--output", "-o"], help="The file to write.")]


def absolute(text: str) -> str:
    """Return a time such as 2h, -15m, now or yesterday, by the machine's clock, as it is written
    in full; any other text as it is."""
    import time

    from deadreckon.formatting.field_text import parse_when

    return parse_when(text, time.time_ns())


def checked_day(day: str) -> str:
    """Return the day, also of today and yesterday; end with exit code 2 unless it is one."""
    from deadreckon.contracts.timestamps import day_start

    day = absolute(day)
    try:
        day_start(day)
    except ValueError:
        fail(f"{day!r} is not a day; write it as 2022-01-15", EXIT_USAGE)
    return day


def chosen_day(day: str | None, everything: bool) -> str | None:
    """Return the day, or null for --all; end with exit code 2 unless one of them was given."""
    if (day is None) != everything:
        fail("name a day such as 2022-01-15, or --all", EXIT_USAGE)
    return None if day is None else checked_day(day)
