"""Common start of every question to a log: check the folder, open its log, show progress."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.strategies.loading import use_folder

Progress = Callable[[str, int, int], None]  # (what is being done, done, of)


class OpenLog(Struct, frozen=True):
    """A folder whose log is open for one verb; `progress` moves the bar on the terminal."""

    folder: Folder
    bus: Bus
    progress: Progress

    def reading(self, part: str) -> Callable[[int, int], None]:
        """Return a progress callback for one part of the work, such as "reading"."""
        return lambda done, end: self.progress(part, done, end)


@asynccontextmanager
async def open_log(
    data: Path, nats: str | None, verb: str, *, shows: bool
) -> AsyncIterator[OpenLog]:
    """Open the log of a data folder for a verb, with a progress bar if it `shows` one.

    The folder's strategies are known from here on. `nats` is the URL of a server in place of the
    folder's own. Lines about the process go to `logs/VERB.log` in the folder. Raises FolderError
    and the errors of `archive/open_log.py`.
    """
    folder = Folder(data).check()
    use_folder(data)
    log_lines.configure(folder.logs / f"{verb}.log")
    async with open_bus(folder, nats) as bus:
        with progress_bar(shows) as progress:
            yield OpenLog(folder, bus, progress)


@contextmanager
def progress_bar(shows: bool) -> Iterator[Progress]:
    """Show a bar on stderr while the work lasts; call what it yields with (part, done, of).

    Nothing is shown, and rich is not even imported (a sixth of a second), unless it `shows`.
    """
    if not shows:
        yield _show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)
        yield lambda part, done, end: bar.update(
            task, description=part, completed=done, total=end or 1
        )


def _show_nothing(_part: str, _done: int, _end: int) -> None:
    """Ignore progress where nobody looks."""
