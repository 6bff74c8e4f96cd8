"""Servers and the credentials to connect to them with."""

import ssl
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.runtime.log.bus import ConfigurationError
from deadreckon.runtime.log.connection import CONNECT_WAIT
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.bounds import check_number, check_text, check_url, shorten
from deadreckon.runtime.server.credentials import Credential, Credentials
from deadreckon.runtime.server.rights import API, IMPORTED, OWNERS

SCHEMES = ("nats", "tls")
REPLICAS_MAX = 5  # of a stream, by the server


class Endpoint(Struct, frozen=True):
    """Endpoint of a log: one server or several of a cluster.

    Without `credentials` a connection uses the URL's user, and may do whatever the server lets it;
    with them, every connection has one role. `ca` is a file of certificates to trust.
    """

    urls: tuple[str, ...]
    credentials: Path | None = None
    ca: str = ""
    replicas: int | None = None  # how often a log is kept that does not exist yet

    def has(self, role: str) -> bool:
        """Tell whether there is a credential for a role; true where roles are not distinguished."""
        return self.credentials is None or Credentials(self.credentials).has(role)

    async def bus(self, role: str, *, wait: float = CONNECT_WAIT) -> JetStreamBus:
        """Connect in a role. Raises CredentialError, ExposedSecretError, and what
        JetStreamBus.connect does."""
        if self.credentials is None:
            return await JetStreamBus.connect(
                self.urls, tls=self._tls(), name=role, replicas=self.replicas, wait=wait
            )
        return await JetStreamBus.connect(
            self.urls,
            credential=Credentials(self.credentials).read(role),
            tls=self._tls(),
            name=role,
            api_prefix=API if role in OWNERS else IMPORTED,
            replicas=self.replicas,
            wait=wait,
        )

    async def roller(self, credential: Credential, stream: str) -> JetStreamBus:
        """Connect with the rights of a rollover, for one stream."""
        return await JetStreamBus.connect(
            self.urls,
            credential=credential,
            tls=self._tls(),
            name=credential.role,
            api_prefix=API,
            stream=stream,
        )

    def _tls(self) -> ssl.SSLContext | None:
        """Return the certificates to trust; null if connections are not encrypted, or the system
        knows."""
        if not self.ca:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ConfigurationError(f"{self.ca}: no certificates to trust: {error}") from None


class ServerSettings(Struct, forbid_unknown_fields=True):
    """A server in a file: its `url` (several separated by commas), the folder of `credentials` and
    the `ca` to trust, both as seen from the file, and `replicas`."""

    url: str
    credentials: str = ""
    ca: str = ""
    replicas: int | None = None

    def __post_init__(self) -> None:
        check_text("url", self.url, "URLs, separated by commas")
        for each in self.url.split(","):
            check_url("url", each if "://" in each else f"nats://{each}", SCHEMES)
        for name in ("credentials", "ca"):
            if path := getattr(self, name):
                check_text(name, path, "a path")
        if self.replicas is not None:
            check_number("replicas", self.replicas, 1, REPLICAS_MAX)


def external_endpoint(server: str) -> Endpoint:
    """Return the endpoint of a server named by URL, or by a TOML file with further settings.

    Raises ConfigurationError.
    """
    if "://" in server:
        return Endpoint(tuple(server.split(",")))
    path = Path(server)
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=ServerSettings)
    except (OSError, ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigurationError(
            f"{shorten(server)}: neither a URL nor a file that names one: {shorten(error)}"
        ) from None
    return Endpoint(
        tuple(settings.url.split(",")),
        path.parent / settings.credentials if settings.credentials else None,
        str(path.parent / settings.ca) if settings.ca else "",
        settings.replicas,
    )
