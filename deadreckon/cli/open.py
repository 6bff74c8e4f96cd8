"""`dr replay open`: replay the decision in a bundle, without a log."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deadreckon.cli.app import EXIT_DIFFERENCE

if TYPE_CHECKING:
    from deadreckon.replay.bundle.opening import OpenedBundle


def open_(file: Path, /, *, json: bool = False) -> None:
    """Replay the decision of a bundle, without a log; exits with 1 when it comes out otherwise.

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
        print(_document(opened))
    else:
        for line in _opened(opened):
            print(line)
    if opened.divergence is not None:
        raise SystemExit(EXIT_DIFFERENCE)


def _document(opened: "OpenedBundle") -> str:
    import msgspec

    equal = {"equal": opened.divergence is None}
    return msgspec.json.encode(equal | msgspec.structs.asdict(opened)).decode()


def _opened(opened: "OpenedBundle") -> Iterator[str]:
    import msgspec

    from deadreckon.cli.terminal.rerun_table import divergence, fact, facts

    manifest = opened.manifest
    question, recorded, said, effects = (
        msgspec.json.decode(msgspec.json.encode(each))
        for each in (opened.question, opened.recorded, opened.said, opened.effects)
    )
    place = f"{manifest.question.sequence}.{manifest.question.index}"
    yield f"{manifest.service}, asked at {manifest.question.at} (place {place} of its log)"
    if opened.divergence is not None:
        first = msgspec.json.decode(msgspec.json.encode(opened.divergence)) | {"state": effects}
        yield "DIFFERENT: this program answers otherwise"
        yield from divergence(first, "the divergence")
        return
    yield from fact("question", question)
    yield from facts("recorded", recorded)
    yield f"equal: this program says the same, {len(said)} answer{'s' * (len(said) != 1)}"
