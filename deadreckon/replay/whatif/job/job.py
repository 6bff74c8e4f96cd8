"""A what-if on a data folder: read the log, run every variant, compare them all."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct, to_builtins

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode
from deadreckon.replay.opening import Progress, progress_bar
from deadreckon.replay.whatif.changes import BASELINE, Variant, WhatIfError
from deadreckon.replay.whatif.document import WhatIfDocument
from deadreckon.replay.whatif.job.report import report
from deadreckon.replay.whatif.job.run import WhatIfTask, external_messages
from deadreckon.replay.whatif.job.worker_pool import RunRequest, run_all
from deadreckon.replay.whatif.log_scan import check, check_code, scan_log
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.strategies.loading import use_folder

FOLDER_NAME_MAX = 80  # characters of a variant's folder; longer ones are numbered
RESULT = "whatif.json"


class WhatIfRequest(Struct, frozen=True):
    """The arguments of a what-if: `day` null for everything, `out` null to keep no logs."""

    data: Path
    day: str | None
    variants: Sequence[Variant]
    jobs: int
    out: Path | None = None
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def read_log(wanted: WhatIfRequest) -> list[Stored]:
    """Read the whole log into memory; nothing is ever written to it."""
    use_folder(wanted.data)
    async with open_bus(Folder(wanted.data).check(), wanted.nats) as bus:
        end = (await bus.info()).last
        return [stored async for stored in read_stored(bus, end)]


def run_whatif(wanted: WhatIfRequest, log: list[Stored], *, shows: bool) -> WhatIfDocument:
    """Run every variant and compare it with the record.

    Raises WhatIfError, DamagedLogError, FolderError or LostWorkerError.
    """
    found = scan_log(log, wanted.book, wanted.mode, wanted.day)
    check_code(found)
    check(wanted.variants, found)
    folders = _folders(wanted)
    task = WhatIfTask(wanted.book, wanted.mode, found)
    replays = [Variant(BASELINE), *wanted.variants]
    requests = [RunRequest(0, None)] + [
        RunRequest(number, variant, folders.get(variant.name))
        for number, variant in enumerate(replays, 1)
    ]
    with progress_bar(shows) as progress:
        on_progress = _progress(task, log, len(replays), progress)
        with closing(run_all(task, log, requests, wanted.jobs, on_progress)) as runs:
            document = report(found, wanted.variants, runs)
    if wanted.out is not None:
        (wanted.out / RESULT).write_text(
            json.dumps(to_builtins(document), indent=1) + "\n", "utf-8"
        )
    return document


def _progress(
    task: WhatIfTask, log: list[Stored], replays: int, progress: Progress
) -> Callable[[int, int], None]:
    messages = sum(1 for _ in external_messages(task, log))
    what = f"{replays} replays of {task.day or 'everything'}"
    done_by_run: dict[int, int] = {}

    def on_progress(number: int, done: int) -> None:
        if number:  # the record is only read
            done_by_run[number] = done
        progress(what, sum(done_by_run.values()), messages * replays)

    return on_progress


def _folders(wanted: WhatIfRequest) -> dict[str, Path]:
    """Name a new folder for each variant's log. Raises WhatIfError where something is there."""
    out = wanted.out
    if out is None:
        return {}
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WhatIfError(f"--out {out}: something is there already; name a new folder")
    if wanted.data.resolve() in (out.resolve(), *out.resolve().parents):
        raise WhatIfError(f"--out {out}: lies in the folder that is asked about; name another")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [BASELINE, *(variant.name for variant in wanted.variants)]
    found: dict[str, Path] = {}
    for number, name in enumerate(names):
        found[name] = out / _folder_name(number, name, [path.name for path in found.values()])
    return found


def _folder_name(number: int, name: str, taken: Sequence[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.=+-]+", "_", name).strip("._")
    if not plain or len(plain) > FOLDER_NAME_MAX or plain in taken:
        return f"variant-{number}"
    return plain
