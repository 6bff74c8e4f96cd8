"""`dr replay bundle`: one decision in a file, to replay on another machine."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions, OutputFile

if TYPE_CHECKING:
    from deadreckon.replay.bundle.file import BundleManifest


def bundle(
    id: str,
    /,
    *,
    output: OutputFile,
    service: str = "",
    options: LogOptions = LogOptions(),
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
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.bundle.packing import BundleRequest, pack
    from deadreckon.services.catalogue import DECIDERS

    if service and service not in DECIDERS:
        fail(f"no service {service!r}; those that decide: {', '.join(DECIDERS)}", EXIT_USAGE)
    request = BundleRequest(options.data, id, output, service, options.nats)
    manifest = run(lambda: pack(request, shows=sys.stderr.isatty()))
    if options.json:
        print_document(manifest, manifest.question.sequence)
    else:
        for line in _packed(output, manifest):
            print(line)


def _packed(path: Path, manifest: "BundleManifest") -> Iterator[str]:
    question, decided, program = manifest.question, manifest.decided, manifest.program
    yield f"{path}: {path.stat().st_size:,} bytes, format {manifest.format}"
    answer = f"{decided.type} {decided.id}" if decided else "nothing"
    position = f"{question.sequence}.{question.index}"
    yield f"  {manifest.service} was asked {question.type} {question.id}"
    yield f"  at {question.at} (position {position}), and answered {answer}"
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
