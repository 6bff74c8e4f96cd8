"""Logins of the venue edges of a data folder: one file for each edge, which its process reads."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.venues.port import Venue
from deadreckon.venues.registry import UnknownAdapterError, VenueLogin, connect


def write_login(folder: Folder, edge: str, login: VenueLogin) -> None:
    """Store the login of an edge in the folder."""
    durable.replace(_login_file(folder, edge), msgspec.json.encode(login) + b"\n")


def connect_venues(folder: Folder, services: Collection[str]) -> dict[str, Venue]:
    """Make the adapters of the venue edges among the services, by edge.

    Raises FolderError for an edge without a login that can be used.
    """
    return {name: _connected(folder, name) for name in services if is_venue_edge(name)}


def _connected(folder: Folder, edge: str) -> Venue:
    try:
        content = _login_file(folder, edge).read_bytes()
        return connect(edge, msgspec.json.decode(content, type=VenueLogin))
    except (OSError, msgspec.MsgspecError, UnknownAdapterError) as error:
        raise FolderError(
            f"{folder.root} knows no exchange for {edge}: start its stack with one ({error})"
        ) from error


def _login_file(folder: Folder, edge: str) -> Path:
    return folder.root / f"{edge}.json"
