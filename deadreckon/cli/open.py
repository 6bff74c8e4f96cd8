"""`dr replay open`: replay the decision in a bundle, without a log."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd
from deadreckon.cli.document import print_document

if TYPE_CHECKING:
    from deadreckon.replay.bundle.opening import OpenedBundle


def open_(file: Path, /, *, json: bool = False) -> None:
    """Replay the decision of a bundle, without a log; exits with 1 when the answers differ.

    Example: dr replay open refusal.bundle

    Parameters
    ----------
    file
        What `dr replay bundle` wrote.
    json
        Print one JSON object.
    """
    from deadreckon.cli.running import run_sync
    from deadreckon.replay.bundle.opening import open_bundle

    opened = run_sync(lambda: open_bundle(file))
    for warning in opened.warnings:
        print(f"dr: {warning}", file=sys.stderr)
    if json:
        print_document(opened, opened.manifest.question.sequence)
    else:
        for line in _lines(opened):
            print(line)
    if opened.divergence is not None:
        raise VerbEnd(EXIT_DIFFERENCE, "this program answers differently")


def _lines(opened: "OpenedBundle") -> Iterator[str]:
    from deadreckon.cli.terminal.rerun_table import divergence, fact, facts
    from deadreckon.replay.rerun.document import divergence_state

    manifest = opened.manifest
    position = f"{manifest.question.sequence}.{manifest.question.index}"
    yield f"{manifest.service}, asked at {manifest.question.at} ({position} in its log)"
    if opened.divergence is not None:
        yield "DIFFERENT: this program answers differently"
        state = divergence_state(opened.effects)
        yield from divergence(opened.divergence, state, "the divergence")
        return
    yield from fact("question", opened.question)
    yield from facts("recorded", opened.recorded)
    count = len(opened.current)
    yield f"equal: this program gives the same, {count} answer{'s' * (count != 1)}"
