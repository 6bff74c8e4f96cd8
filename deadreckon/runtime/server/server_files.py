"""Files of an embedded server: its settings, credentials, and where it listens."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from deadreckon.contracts.subjects import VENUE_EDGES
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.file_lock import file_lock
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.accounts import accounts_text
from deadreckon.runtime.server.credentials import Credentials, producer_role
from deadreckon.runtime.server.endpoint import Endpoint
from deadreckon.runtime.server.known_roles import (
    KnownRoles,
    Tls,
    lock_of,
    read_known_roles,
    write_known_roles,
)
from deadreckon.runtime.server.rights import ROLLER, own_roles, roller_rights, table

ANY_PORT = -1  # a free one
PAYLOAD_MAX = 1024 * 1024  # bytes; commits are cut to it, and bigger ones would only add latency
LOG_LINES = 15  # of the server's own log, shown when it does not start

HURRIED_SYNC = '"2m"'  # thirty times as fast as to sync message by message

# Messages that the server takes for a stream before they are stored; it answers others with "too
# many requests". It stores all that wait before it delivers or acknowledges anything, so whoever
# does not wait for acknowledgements would hold up everybody: these take half a second to sync.
BUFFERED_MAX = 2_000
BUFFERED_BYTES_MAX = 32 * 1024 * 1024

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
jetstream {{
  store_dir: {store}
  sync_interval: {sync}
  max_buffered_msgs: {buffered}
  max_buffered_size: {buffered_bytes}
}}
"""
TLS = """\
tls {{
  cert_file: {cert}
  key_file: {key}
}}
"""


class ServerAddress(Struct, frozen=True):
    """A server's addresses, and the folder of credentials for it, a file for each role."""

    url: str
    monitoring: str  # http URL of /varz, /jsz and /healthz
    pid: int
    credentials: Path
    ca: str = ""  # the file of certificates to trust; empty where nothing is encrypted

    @property
    def endpoint(self) -> Endpoint:
        """The way in, for any role whose credential is there."""
        return Endpoint((self.url,), self.credentials, self.ca)


class _Ports(Struct):
    nats: list[str]
    monitoring: list[str] = []


class RolloverOptions(Struct, frozen=True):
    """Extra settings of a server during a rollover: the public key of the one role that may do it.
    A `hurried` one leaves it to that one to see that what was copied is on disk."""

    roller: str
    hurried: bool


class ServerFiles:
    """The files in `<data>/nats`.

    The path is resolved: whichever spelling of the folder a verb was given, a server's
    configuration names the same store, without which the server would refuse to reload it.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data.resolve() / "nats"
        self.settings = self.folder / "nats.conf"
        self.store = self.folder / "store"
        self.credentials = Credentials(self.folder / "credentials")
        self.registry = self.folder / "registry.json"
        self.lock = self.folder / "lock"
        self.log = self.folder / "nats.log"

    def prepare(self) -> None:
        """Create the folder, accessible for its owner alone."""
        durable.make_folders(self.folder)
        self.folder.chmod(0o700)

    def bring_up_to_date(self) -> None:
        """Convert a folder from before there were accounts; the lock must be held."""
        accounts = self.store / "jetstream"
        everybodys, own = accounts / "$G", accounts / "LOG"
        if everybodys.is_dir() and not own.exists():
            durable.move(everybodys, own)
        (self.folder / "secret").unlink(missing_ok=True)
        self._register_venues()

    def _register_venues(self) -> None:
        """Register the edges that 0.1.0 let write without being registered: those with a login."""
        logins = sorted(path.stem for path in self.folder.parent.glob(f"{VENUE_EDGES}.json"))
        with file_lock(lock_of(self.registry), wait=True):
            known = read_known_roles(self.registry)
            if missing := [edge for edge in logins if edge not in known.venues]:
                for edge in missing:
                    known = known.with_venue(edge)
                write_known_roles(self.registry, known)

    def address(self) -> ServerAddress | None:
        """Return the address that a running server has written down; null when none runs."""
        for path in self.folder.glob("nats-server_*.ports"):
            pid = int(path.stem.rpartition("_")[2])
            try:
                ports = msgspec.json.decode(path.read_bytes(), type=_Ports)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue  # gone, or being written
            if _lives(pid):
                monitoring = ports.monitoring[0] if ports.monitoring else ""
                tls = read_known_roles(self.registry).tls
                ca = tls.ca if tls else ""
                return ServerAddress(ports.nats[0], monitoring, pid, self.credentials.folder, ca)
        return None

    def write_settings(self, port: int = ANY_PORT, rolling: RolloverOptions | None = None) -> None:
        """Write the server's configuration from what is registered now, creating missing
        credentials; raises ExposedSecretError and CredentialError."""
        durable.replace(self.settings, self._text(port, rolling).encode())

    def rewrite_settings(self, running: ServerAddress) -> None:
        """Write the configuration of a running server, which stays on its port: a reload requires
        the port that is in use, even if any was configured."""
        self.write_settings(urlsplit(running.url).port or ANY_PORT)

    def _text(self, port: int, rolling: RolloverOptions | None = None) -> str:
        """Compose the configuration: loopback only, synced before it is acknowledged, known users
        only."""
        registry = read_known_roles(self.registry)
        text = SETTINGS.format(
            port=port,
            folder=_quoted(self.folder),
            store=_quoted(self.store),
            log=_quoted(self.log),
            payload_max=PAYLOAD_MAX,
            buffered=BUFFERED_MAX,
            buffered_bytes=BUFFERED_BYTES_MAX,
            sync=HURRIED_SYNC if rolling and rolling.hurried else "always",
        )
        return text + _tls_text(registry.tls) + self.accounts_text(registry, rolling)

    def accounts_text(self, registry: KnownRoles, rolling: RolloverOptions | None = None) -> str:
        """Return the accounts and users, with the public parts of their keys."""
        users = table(registry)
        public = {role: self.credentials.kept(role).key.public for role in own_roles(registry)}
        for producer in registry.producers:
            public[producer_role(producer.name)] = producer.public
        if rolling:
            users.append(roller_rights())
            public[ROLLER] = rolling.roller
        return accounts_text(users, public.__getitem__)

    def forget_ports(self) -> None:
        """Remove the files that killed servers have left; the lock must be held."""
        for path in self.folder.glob("nats-server_*.ports"):
            path.unlink(missing_ok=True)

    def log_end(self) -> str:
        """Return the end of the server's log."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(lines[-LOG_LINES:])


def _tls_text(tls: Tls | None) -> str:
    if tls is None:
        return ""
    return TLS.format(cert=_quoted(Path(tls.cert)), key=_quoted(Path(tls.key)))


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


def change_known_roles(folder: Folder, change: Callable[[KnownRoles], KnownRoles]) -> KnownRoles:
    """Change the roles that a folder's server knows; it reads them at its start, or by `reload`."""
    files = ServerFiles(folder.root)
    files.prepare()
    with file_lock(lock_of(files.registry), wait=True):
        changed = change(read_known_roles(files.registry))
        write_known_roles(files.registry, changed)
    return changed
