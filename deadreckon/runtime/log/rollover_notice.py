"""Notice of a rollover under way: old history leaves the log, and nothing else may start."""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from deadreckon.runtime.log.bus import ConfigurationError
from deadreckon.runtime.process import durable

FILE = Path("nats", "roll.json")


class UnfinishedRolloverError(ConfigurationError):
    """You started on a folder with an unfinished rollover of its log."""


class Rollover(Struct, frozen=True):
    """The state of a rollover: the log is to begin with `first`, ends with `last`, and `digest` is
    of every message between (see stream_roll). The last two are known once nobody can write any
    more.

    `step` is what is done: the second copy of the log is whole and on disk ("copied"), and so is
    the log that was made of it again ("back"). What is not done is done anew. `bytes` is what the
    store took on disk before.
    """

    first: int
    last: int = 0
    digest: str = ""
    step: Literal["begun", "copied", "back"] = "begun"
    bytes: int = 0


def unfinished(data: Path) -> Rollover | None:
    """Return the unfinished rollover of a folder, if any. Raises UnfinishedRolloverError when its
    notice cannot be read."""
    path = data / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Rollover)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UnfinishedRolloverError(
            f"{path} cannot be read: {error}; see docs/runbook.md"
        ) from error


def refuse_unfinished_rollover(data: Path) -> None:
    """Refuse a log whose rollover is unfinished. Raises UnfinishedRolloverError."""
    if unfinished(data) is not None:
        raise UnfinishedRolloverError(
            f"old history is leaving the log of {data}, or was when that was interrupted: "
            f"`dr archive prune --data {data}` finishes it, nothing else may start before"
        )


def keep(data: Path, roll: Rollover) -> None:
    """Write the note to disk, before the step that it announces."""
    durable.replace(data / FILE, msgspec.json.encode(roll) + b"\n")


def forget(data: Path) -> None:
    """Delete the note: the rollover is finished."""
    durable.remove(data / FILE)
