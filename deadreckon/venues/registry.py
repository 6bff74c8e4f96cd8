"""Registry of venue adapters, by the name that settings and logins give them."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from msgspec import Struct

from deadreckon.contracts.subjects import VENUE_PREFIX
from deadreckon.venues.port import Venue

# Each module has `connect(url, key_file)`, which returns the Venue behind a login.
ADAPTERS = {"sim": "deadreckon.venues.simulated.adapter"}


class UnknownAdapterError(Exception):
    """You named a venue adapter that this program does not have; the message lists them."""


class VenueLogin(Struct, frozen=True, forbid_unknown_fields=True):
    """Login to one account at a venue: URL, file of the key (0600), and the adapter to speak with.

    Without an `adapter` it is the one that the edge is named after: `sim` for `venue-sim`.
    """

    url: str
    key_file: str
    adapter: str = ""


def connect(edge: str, login: VenueLogin) -> Venue:
    """Make the adapter of an edge's login; nothing is sent yet.

    Raises UnknownAdapterError, OSError or ExposedSecretError.
    """
    name = login.adapter or edge.removeprefix(VENUE_PREFIX)
    if name not in ADAPTERS:
        raise UnknownAdapterError(f"no venue adapter {name!r}; there are {', '.join(ADAPTERS)}")
    make = cast("Callable[[str, Path], Venue]", import_module(ADAPTERS[name]).connect)
    return make(login.url, Path(login.key_file))
