"""Changes of the roles that a running server lets in: taken whole, or not at all."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deadreckon.runtime.process import durable
from deadreckon.runtime.process.file_lock import file_lock, holder
from deadreckon.runtime.server.binary import find_nats_server
from deadreckon.runtime.server.credentials import PRODUCER_PREFIX
from deadreckon.runtime.server.known_roles import (
    KnownRoles,
    lock_of,
    read_known_roles,
    write_known_roles,
)
from deadreckon.runtime.server.nats_server import (
    LOOK,
    PATIENCE,
    ServerFailedError,
    running_server,
)
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.runtime.server.server_files import ServerAddress, ServerFiles

# An account that a reload brings may write to the log only after the next (nats-server 2.15.1).
RELOADS = 2
REFUSED = "Failed to reload server configuration: "  # in the server's log
_PRODUCER = re.compile(rf"# {PRODUCER_PREFIX}(\S+): .*\n\s*\{{ nkey: (\w+),")
_DIGEST = re.compile(r"sha256:[0-9a-f]+")


def change_served_roles(data: Path, change: Callable[[KnownRoles], KnownRoles]) -> None:
    """Change the roles that a folder's server knows, and have it know them if it runs.

    Connections whose role it still knows stay. Raises ServerFailedError when the server that runs
    does not take them: registry and settings are then as they were.
    """
    files = ServerFiles(data)
    files.prepare()
    running = _settled_server(files)
    with file_lock(lock_of(files.registry), wait=True):
        before = read_known_roles(files.registry)
        settings = files.settings.read_text("utf-8") if running else ""
        taken = False
        try:
            write_known_roles(files.registry, change(before))
            if running:
                _reload(files, running)
            taken = True
        finally:
            if not taken:
                write_known_roles(files.registry, before)
                if running:
                    durable.replace(files.settings, settings.encode())
                    os.kill(running.pid, signal.SIGHUP)  # should it have taken them after all


def wait_until_cut_off(data: Path, public_key: str) -> None:
    """Wait until nobody is connected by a key that the server that runs knows no more.

    Raises ServerFailedError when somebody stays connected.
    """
    running = running_server(data)
    if running is None:
        return
    patience = time.monotonic() + PATIENCE
    while connections := _ask(running, f"connz?auth=1&user={public_key}")["connections"]:
        if time.monotonic() > patience:
            raise ServerFailedError(
                f"{len(connections)} connections of the key {public_key} stay open, though it is "
                "taken back: stop the stack and start it"
            )
        time.sleep(LOOK)


def check_served(data: Path, registered: Mapping[str, str]) -> None:
    """Check that the server that runs, if one does, lets in these producers and no others.

    `registered` has the public key of each by its name. Raises ServerFailedError.
    """
    running = running_server(data)
    if running is None:
        return
    files = ServerFiles(data)
    served = dict(_PRODUCER.findall(files.settings.read_text("utf-8")))
    names = sorted(
        name
        for name in (served.keys() | registered.keys()) - {OWN_PRODUCER}
        if served.get(name) != registered.get(name)
    )
    found = f"producers whose access is not as registered: {', '.join(names)}" if names else ""
    if _ask(running, "varz").get("config_digest") != _digest(files.settings):
        found = f"it has not read {files.settings}"
    if found:
        raise ServerFailedError(
            f"the server at {running.url} enforces other settings than the folder has ({found}): "
            "stop the stack and start it"
        )


def _settled_server(files: ServerFiles) -> ServerAddress | None:
    """Find the server that runs; one that is just starting is waited for."""
    patience = time.monotonic() + PATIENCE
    while (running := running_server(files.folder.parent)) is None and _is_starting(files):
        if time.monotonic() > patience:
            raise ServerFailedError(
                f"the server on {files.folder} is starting: try again when it is ready"
            )
        time.sleep(LOOK)
    return running


def _is_starting(files: ServerFiles) -> bool:
    return holder(files.lock) is not None


def _reload(files: ServerFiles, running: ServerAddress) -> None:
    """Have a server read its settings again. Raises ServerFailedError when it refuses them."""
    files.rewrite_settings(running)
    for _ in range(RELOADS):
        _read_again(files, running)


def _read_again(files: ServerFiles, running: ServerAddress) -> None:
    before = _loaded_at(running)
    log_size = files.log.stat().st_size
    os.kill(running.pid, signal.SIGHUP)
    patience = time.monotonic() + PATIENCE
    while _loaded_at(running) == before:
        if reason := _refusal(files.log, log_size):
            raise ServerFailedError(f"the server refused it, and nothing was changed: {reason}")
        if time.monotonic() > patience:
            raise ServerFailedError(
                f"the server did not answer in {PATIENCE:g} seconds, and nothing was changed"
            )
        time.sleep(LOOK)


def _refusal(log: Path, offset: int) -> str:
    """Return why a reload was refused, as the server's log says behind an offset; else empty."""
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read().decode("utf-8", "replace")
    return text.partition(REFUSED)[2].partition("\n")[0]


def _loaded_at(address: ServerAddress) -> str:
    """Ask when the server last read its settings."""
    return str(_ask(address, "varz")["config_load_time"])


def _digest(settings: Path) -> str | None:
    """Return the digest of a file of settings, as the server computes it."""
    tested = subprocess.run(
        [find_nats_server(), "-c", settings, "-t"], capture_output=True, text=True, timeout=PATIENCE
    )
    found = _DIGEST.search(tested.stdout + tested.stderr)
    return found[0] if found else None


def _ask(address: ServerAddress, page: str) -> Any:
    try:
        with urllib.request.urlopen(f"{address.monitoring}/{page}", timeout=PATIENCE) as answer:
            return json.load(answer)
    except OSError as error:
        raise ServerFailedError(f"{address.monitoring} does not answer: {error}") from None
