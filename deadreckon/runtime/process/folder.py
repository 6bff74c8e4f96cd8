"""The folder a stack lives in: the store, the views, the secrets, and a stamp of its format."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.contracts.errors import OperationalError, UsageError
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.file_lock import LockedError, file_lock, holder

FORMAT = 1  # raised when an older program could no longer read what a newer one writes


class FolderError(UsageError):
    """You named a folder this program cannot use; the message says why and what to do."""


class FolderBusyError(OperationalError):
    """You started a second stack on one folder; the message names the first one's process."""


class Folder:
    """The paths under `--data`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.audit = root / "audit.sqlite"
        self.tapes = root / "tapes"
        self.logs = root / "logs"
        self.crashes = root / "crashes.jsonl"
        self._lock = root / "lock"
        self._stamp = root / "deadreckon.json"

    def create(self) -> "Folder":
        """Make the folder (or check the one that is there) and stamp it. Raises FolderError."""
        if self.root.exists() and not self.root.is_dir():
            raise FolderError(f"{self.root} is a file; give --data a folder")
        if self._stamp.exists():
            return self.check()
        if self.root.is_dir() and not self._is_empty():
            raise FolderError(f"{self.root} holds something else; give --data a new folder")
        try:
            durable.make_folders(self.root)
            self.root.chmod(0o700)  # it may have been made beforehand, for all to read
            durable.replace(self._stamp, f"{json.dumps({'format': FORMAT})}\n".encode())
        except OSError as error:
            raise FolderError(f"{self.root} cannot be made: {error.strerror}") from error
        return self

    def _is_empty(self) -> bool:
        """Tell whether there is nothing in the folder but what an interrupted beginning left."""
        begun = f".{self._stamp.name}."
        return all(path.name.startswith(begun) for path in self.root.iterdir())

    def check(self) -> "Folder":
        """Refuse a folder that is not a data folder, or was written by a newer program."""
        try:
            stamp = int(json.loads(self._stamp.read_text())["format"])
        except FileNotFoundError:
            raise FolderError(
                f"{self.root} is no data folder yet; `dr demo --data {self.root}` makes one"
            ) from None
        except NotADirectoryError:
            raise FolderError(f"{self.root} is a file; give --data a folder") from None
        except OSError as error:
            raise FolderError(f"{self._stamp} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{self._stamp} is damaged: {error}") from error
        if stamp > FORMAT:
            raise FolderError(
                f"{self.root} has format {stamp}, this program knows {FORMAT}: use a newer dr"
            )
        return self

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder as its only running stack; raises FolderBusyError when one runs.

        The kernel lets go of the lock with the process, however it ends.
        """
        try:
            with file_lock(self._lock):
                yield
        except LockedError as error:
            raise FolderBusyError(
                f"a stack runs on {self.root} already (process {error.holder or '?'}); "
                "stop it first, or take another --data folder"
            ) from None

    def holder(self) -> int | None:
        """Return the process of the stack that runs on this folder; null when none does."""
        return holder(self._lock)

    def runs(self) -> bool:
        """Return True when a stack runs on this folder; False too for one we may not look into."""
        try:
            return self._stamp.exists() and self.holder() is not None
        except OSError:
            return False


def running_folders() -> list[Path]:
    """Return the folders on which a stack runs: the current one, and those directly below it."""
    try:
        near = [Path.cwd(), *sorted(Path().iterdir())]
    except OSError:
        return []
    found: dict[Path, Path] = {}
    for path in near:
        if Folder(path).runs():
            found.setdefault(path.resolve(), path)  # a link to one of them is not another
    return list(found.values())
