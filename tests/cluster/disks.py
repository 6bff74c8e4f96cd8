"""A disk that can be filled and freed under a server that runs, with or without being root."""

import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

SIZE = 64  # megabytes


class Disk(Protocol):
    """Where a server's store lies. `command` is how a server on it is started."""

    def command(self, server: list[str]) -> list[str]: ...

    def fill(self, pid: int) -> None:
        """From now on nothing more can be written by this server."""
        ...

    def free(self, pid: int) -> None:
        """There is room again."""
        ...

    def close(self) -> None: ...


class Mounted:
    """A small file system in memory: in this machine's tree for root, else in a tree of its own
    that only the server sees."""

    def __init__(self, store: Path, *, own_tree: bool) -> None:
        self.store = store
        self._own_tree = own_tree
        self._mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "none", str(store)]
        if not own_tree:
            subprocess.run(self._mount, check=True)

    def command(self, server: list[str]) -> list[str]:
        if not self._own_tree:
            return server
        script = '"$1" "$2" "$3" "$4" "$5" "$6" "$7" && shift 7 && exec "$@"'
        return ["unshare", "-Urm", "sh", "-c", script, "sh", *self._mount, *server]

    def _ballast(self, pid: int) -> Path:
        tree = Path(f"/proc/{pid}/root") if self._own_tree else Path("/")
        return tree / self.store.relative_to("/") / "ballast"

    def fill(self, pid: int) -> None:
        with self._ballast(pid).open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                return

    def free(self, pid: int) -> None:
        self._ballast(pid).unlink()

    def close(self) -> None:
        if not self._own_tree:
            subprocess.run(["umount", "-l", str(self.store)], check=True)


class Limited:
    """No disk at all, but a process that may not write: what it sees is a failing disk."""

    def command(self, server: list[str]) -> list[str]:
        return server

    def fill(self, pid: int) -> None:
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))

    def free(self, pid: int) -> None:
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

    def close(self) -> None:
        pass


def small_disk(store: Path) -> Disk:
    """The most real disk that can be filled here; there always is one."""
    store.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and _works(["unshare", "-m", "true"]):
        return Mounted(store, own_tree=False)
    if _works(["unshare", "-Urm", "true"]):
        return Mounted(store, own_tree=True)
    return Limited()


def _works(command: list[str]) -> bool:
    return bool(shutil.which(command[0])) and not subprocess.run(command, check=False).returncode
