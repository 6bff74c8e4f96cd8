"""Settings of a stack: where it lives and what runs in it, each within its bounds."""

from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.archive.jobs.daily_seal import ArchivePolicy
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.contracts.subjects import token
from deadreckon.node.simulated_venue import VenueSettings
from deadreckon.runtime.process.bounds import check_number, check_text, shorten
from deadreckon.runtime.server.known_roles import Tls
from deadreckon.runtime.server.server_files import ANY_PORT
from deadreckon.services.catalogue import BOOK, RANK

SETTINGS_FILE = "settings.toml"  # in the folder
PORT_MAX = 65_535
CLOCK_SECONDS_MIN = 0.01  # a log keeps every tick for ever
CLOCK_SECONDS_MAX = 3_600.0  # orders expire and days end by ticks
CHECK_MINUTES_MAX = 525_600.0  # a year


class SettingsError(UsageError):
    """You gave a stack settings that cannot be read or are out of bounds; the message names one."""


class StackSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a stack: its folder and its services. Nothing here changes a decision: events
    do that. `web_port` is on loopback, null for no gateway; `nats_port` is the embedded server's,
    -1 for a free one, `tls` its certificates; `clock_seconds` is between two ticks. With
    `processes` each service has one of its own, started again when it ends. `venues` are those
    next to the paper venue; each adds its edge to the services. `archive` says whether closed days
    are sealed. The views are compared with the log every `check_views_minutes`, 0 for never.
    `market` is a tape of the folder that is played in real time, for paper trading."""

    data: str = "var"
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"
    services: tuple[str, ...] = RANK
    web_port: int | None = 8787
    nats_port: int = ANY_PORT
    clock_seconds: float = 1.0
    processes: bool = False
    tls: Tls | None = None
    venues: VenueSettings = VenueSettings()
    archive: ArchivePolicy = ArchivePolicy()
    check_views_minutes: float = 360.0
    market: str | None = None

    def __post_init__(self) -> None:
        token(self.book, "book")
        check_text("data", self.data, "the path of a folder")
        if self.nats is not None:
            check_text("nats", self.nats, "a URL, or a file that names a server")
        if self.market is not None:
            check_text("market", self.market, "a tape of the folder")
        for name in self.services:
            if name not in RANK and not is_venue_edge(name):
                raise ValueError(f"services: {name} is not one of {', '.join(RANK)}")
        if len(set(self.services)) < len(self.services):
            raise ValueError("services: a name stands there twice")
        check_number("web_port", self.web_port or 0, 0, PORT_MAX)
        if self.nats_port != ANY_PORT:
            check_number("nats_port", self.nats_port, 1, PORT_MAX)
        check_number("clock_seconds", self.clock_seconds, CLOCK_SECONDS_MIN, CLOCK_SECONDS_MAX)
        check_number("check_views_minutes", self.check_views_minutes, 0, CHECK_MINUTES_MAX)
        if self.market is not None and self.mode != "paper":
            raise ValueError(f"market: a played tape is for mode paper, found {self.mode}")

    @property
    def running(self) -> tuple[str, ...]:
        """The services, with the edges of the venues."""
        more = (edge for edge in self.venues.edges if edge not in self.services)
        return (*self.services, *more)


def read_settings(path: Path | None, data: str = "var") -> StackSettings:
    """Read the settings from a TOML file, or the defaults, with `data` where the file names no
    folder. Raises SettingsError."""
    try:
        given = {} if path is None else msgspec.toml.decode(path.read_bytes(), type=dict)
        return msgspec.convert({"data": data} | given, StackSettings)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, ArithmeticError, RecursionError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{path}: {shorten(error)}") from None
