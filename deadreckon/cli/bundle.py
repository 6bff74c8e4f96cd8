"""`dr replay bundle` and `dr replay open`: one decision in a file, replayed on another machine."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail

if TYPE_CHECKING:
    from deadreckon.replay.bundle.file import BundleManifest
    from deadreckon.replay.bundle.opening import OpenedBundle


def bundle(
    id: str,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    service: str = "",
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Pack a decision into one file: the state before it, its question, its recorded answers.

    The log has no secrets; those of the folder are searched in the bundle all the same, what is
    found is blotted out, and the bundle says so. Nothing is written to the log.

    Example: dr replay bundle 8d3fc842 -o refusal.bundle --data run1

    Parameters
    ----------
    id
        The id of an event, order, signal or trade; six characters are enough where they are one's.
    output
        The file to write; it must not exist.
    service
        The service whose decision is meant, where it is not the first that answered.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print the bundle's manifest as one JSON object.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.audit.job import progress_reporter
    from deadreckon.replay.bundle.packing import BundleRequest, pack
    from deadreckon.services.catalogue import DECIDERS

    if service and service not in DECIDERS:
        fail(f"no service {service!r}; those that decide: {', '.join(DECIDERS)}", EXIT_USAGE)
    with progress_reporter(sys.stderr.isatty()) as tell:
        manifest = run(lambda: pack(BundleRequest(data, id, output, service, nats), tell))
    if json:
        import msgspec

        print(msgspec.json.encode(manifest).decode())
    else:
        for line in _packed(output, manifest):
            print(line)


def _packed(path: Path, manifest: "BundleManifest") -> Iterator[str]:
    question, decided, program = manifest.question, manifest.decided, manifest.program
    yield f"{path}: {path.stat().st_size:,} bytes, format {manifest.format}"
    answer = f"{decided.type} {decided.id}" if decided else "silence"
    yield f"  {manifest.service} was asked {question.type} {question.id}"
    yield f"  at {question.at} (place {question.sequence}.{question.index}), and said {answer}"
    revision = f", git {program.revision[:12]}" if program.revision else ""
    yield f"  program {program.version}{revision}, Python {program.python}"
    yield f"  secrets: {manifest.secrets_searched} of this folder searched, " + (
        f"{sum(each.times for each in manifest.stripped)} blotted out"
        if manifest.stripped
        else "none found"
    )
    for line in manifest.not_in_it:
        yield f"  not in it: {line}"
    yield f"  replay it anywhere: dr replay open {path}"


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
    from deadreckon.cli.faults import USAGE, WORLD
    from deadreckon.replay.bundle.opening import open_bundle

    try:
        opened = open_bundle(file)
    except USAGE as error:
        fail(str(error), EXIT_USAGE)
    except WORLD as error:
        fail(str(error))
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
