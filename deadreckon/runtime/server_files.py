"""What a server of our own leaves on disk: its settings, its secret, and where it listens."""

import json
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.runtime.secret import kept_secret

USER = "deadreckon"
PAYLOAD_MAX = 1024 * 1024  # bytes; commits are cut to it, and bigger ones would only add latency
LOG_LINES = 15  # of the server's own log, shown when it does not start

SETTINGS = """\
# Written at every start by deadreckon; changes here are lost.
server_name: deadreckon
host: "127.0.0.1"
port: {port}
http: "127.0.0.1:-1"
ports_file_dir: {folder}
max_payload: {payload_max}
log_file: {log}
logfile_size_limit: 10000000
logfile_max_num: 3
authorization {{ user: {user}, password: "{password}" }}
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
"""


class Address(Struct, frozen=True):
    """How to reach a server, and as whom. The password is for connecting, not for showing."""

    url: str
    user: str
    password: str
    monitoring: str  # http URL of /varz, /jsz and /healthz
    pid: int

    def __repr__(self) -> str:
        return f"Address({self.url}, user {self.user}, pid {self.pid})"


class _Ports(Struct):
    nats: list[str]
    monitoring: list[str] = []


class ServerFiles:
    """What lies in `<data>/nats`."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "nats"
        self.settings = self.folder / "nats.conf"
        self.store = self.folder / "store"
        self.secret = self.folder / "secret"
        self.lock = self.folder / "lock"
        self.log = self.folder / "nats.log"

    def prepare(self) -> None:
        """The folder, for its owner alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def address(self) -> Address | None:
        """What a living server has left word of."""
        for path in self.folder.glob("nats-server_*.ports"):
            pid = int(path.stem.rpartition("_")[2])
            try:
                ports = msgspec.json.decode(path.read_bytes(), type=_Ports)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue  # gone, or being written
            if _lives(pid):
                monitoring = ports.monitoring[0] if ports.monitoring else ""
                return Address(ports.nats[0], USER, kept_secret(self.secret), monitoring, pid)
        return None

    def settings_text(self, port: int) -> str:
        """The server's configuration: on loopback only, and on disk before it is confirmed."""
        return SETTINGS.format(
            port=port,
            folder=_quoted(self.folder),
            store=_quoted(self.store),
            log=_quoted(self.log),
            payload_max=PAYLOAD_MAX,
            user=USER,
            password=kept_secret(self.secret),
        )

    def forget_ports(self) -> None:
        """Remove what killed servers have left; the lock must be held."""
        for path in self.folder.glob("nats-server_*.ports"):
            path.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of the server's log."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(lines[-LOG_LINES:])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
