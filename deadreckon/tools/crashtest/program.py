"""Copies of this program with a few edits: what a crash test runs.

A test can take snapshots early, change a decider between a crash and a restart, or plant a fault to
be found; the program itself has no switch for any of it.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from deadreckon.runtime.process.source_tree import ROOT

PACKAGE = "deadreckon"


class Edit(Struct, frozen=True):
    """A text that occurs once in one file, and its replacement."""

    file: str  # beneath the package
    old: str
    new: str


class EditError(ValueError):
    """You asked to replace a text that the file does not hold exactly once."""


# A crash test is short: what happens every half second or 25,000 facts has to happen in it.
HASTY = (
    Edit("projections/runner.py", "FLUSH_SECONDS = 0.5", "FLUSH_SECONDS = 0.1"),
    Edit("runtime/service/snapshots.py", "FACTS_MIN = 25_000", "FACTS_MIN = 300"),
    Edit("runtime/service/service.py", "PROGRESS_EVERY = 1_000", "PROGRESS_EVERY = 200"),
    Edit("projections/sinks/lake_writer.py", "MERGED = 16", "MERGED = 4"),
)

# Risk refuses every signal from here on; its fold is unchanged.
OTHER_DECIDER = Edit(
    "services/risk/decider.py",
    "def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:\n",
    """def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    answers = _decide(state, record)
    if isinstance(record.event, SignalRaised):
        from deadreckon.contracts.signals import SignalRefused
        signal = record.event
        refusal = SignalRefused(
            signal_id=signal.signal_id, producer=signal.producer, strategy=signal.strategy,
            instrument=signal.instrument, rule="other_code", limit=None, measured=None,
            limit_set_by=None, reason="another program decides now", evidence="",
        )
        return [refusal]
    return answers


def _decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
""",
)
OTHER_RULE = "other_code"


def copy_program(to: Path, edits: Sequence[Edit]) -> Path:
    """Copy the program into a folder and edit it; return the folder. Raises EditError."""
    shutil.copytree(ROOT / PACKAGE, to / PACKAGE)  # compiled files too: they keep their dates
    for edit in edits:
        path = to / PACKAGE / edit.file
        text = path.read_text("utf-8")
        if text.count(edit.old) != 1:
            raise EditError(f"{edit.file} holds {text.count(edit.old)} times: {edit.old}")
        path.write_text(text.replace(edit.old, edit.new), "utf-8")
    return to
