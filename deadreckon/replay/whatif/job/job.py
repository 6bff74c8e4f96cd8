"""What-if as a verb runs it: a log is read, every variant lived through, and all are compared."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode
from deadreckon.replay.audit.job import progress_reporter
from deadreckon.replay.whatif.changes import BASELINE, Variant, WhatIfError
from deadreckon.replay.whatif.job.report import report
from deadreckon.replay.whatif.job.run import WhatIfTask, external_messages
from deadreckon.replay.whatif.job.worker_pool import RunRequest, run_all
from deadreckon.replay.whatif.log_scan import check, check_code, scan_log
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.strategies.loading import use_folder

Document = dict[str, Any]

FOLDER_NAME_MAX = 80  # characters of a variant's folder; longer ones are numbered
RESULT = "whatif.json"


class WhatIfRequest(Struct, frozen=True):
    """What somebody asked for: `day` null for everything, `out` null to keep no logs."""

    data: Path
    day: str | None
    variants: Sequence[Variant]
    jobs: int
    out: Path | None = None
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def read_log(wanted: WhatIfRequest) -> list[Stored]:
    """The whole log, message by message; nothing is ever written to it."""
    use_folder(wanted.data)
    async with open_bus(Folder(wanted.data).check(), wanted.nats) as bus:
        end = (await bus.info()).last
        return [stored async for stored in read_stored(bus, end)]


def run_whatif(wanted: WhatIfRequest, log: list[Stored], *, shows: bool) -> Document:
    """Live through every variant and say what changes.

    Raises WhatIfError, DamagedLogError, FolderError or LostWorkerError.
    """
    found = scan_log(log, wanted.book, wanted.mode, wanted.day)
    check_code(found)
    check(wanted.variants, found)
    folders = _folders(wanted)
    task = WhatIfTask(wanted.book, wanted.mode, found)
    replays = [Variant(BASELINE), *wanted.variants]
    orders = [RunRequest(0, None)] + [
        RunRequest(number, variant, folders.get(variant.name))
        for number, variant in enumerate(replays, 1)
    ]
    with progress_reporter(shows) as tell:
        told = _progress(task, log, len(replays), tell)
        with closing(run_all(task, log, orders, wanted.jobs, told)) as runs:
            document = report(found, wanted.variants, runs)
    if wanted.out is not None:
        (wanted.out / RESULT).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return document


def _progress(
    task: WhatIfTask, log: list[Stored], replays: int, tell: Callable[[str, int, int], None]
) -> Callable[[int, int], None]:
    messages = sum(1 for _ in external_messages(task, log))
    what = f"{replays} replays of {task.day or 'everything'}"
    behind: dict[int, int] = {}

    def told(number: int, done: int) -> None:
        if number:  # the record is only read
            behind[number] = done
        tell(what, sum(behind.values()), messages * replays)

    return told


def _folders(wanted: WhatIfRequest) -> dict[str, Path]:
    """A folder of its own for each variant's log. Raises WhatIfError where something is there."""
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
