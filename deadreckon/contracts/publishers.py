"""Publishers of the log: for each type of event, the services that may write it."""

from fnmatch import fnmatchcase

from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS
from deadreckon.contracts.subjects import VENUE_EDGES, VENUE_PREFIX, token

SERVICES = {
    "market": "publishes the market data of a tape or a venue; its time is the clock of all",
    "clock": "publishes the time where no tape plays; its time is the clock of all as well",
    "trainer": "fits regime models to closed bars",
    "signal": "reads producers' signals and runs the built-in strategies",
    "risk": "checks every signal against the limits in force",
    "router": "turns approved orders into the venue's own terms",
    "fill": "owns the order table, the brackets and the paper venue",
    "portfolio": "keeps positions, cash and equity",
    VENUE_EDGES: "sends to one venue what fill intended, and records its answers",
    "governance": "answers operators and stops strategies that perform badly",
    "verifier": "verifies the views against the log and reports differences",
    "sealer": "archives and seals closed days of the log; it decides nothing",
}

PUBLISHERS: dict[str, tuple[str, ...]] = {
    name: shape.declared.publishers for name, shape in EVENTS.items()
}


def publishers_of(name: str) -> tuple[str, ...]:
    """List the services, or patterns of services, that may write a type; operators last."""
    operators = ("operators",) if name in OPERATOR_EVENTS else ()
    return PUBLISHERS[name] + operators


def may_publish(service: str, name: str) -> bool:
    """Tell whether a service, or a pattern of services, may write events of this type."""
    return publisher_pattern(service) in PUBLISHERS[name]


def events_of(service: str) -> list[str]:
    """List the types of event that a service, or a pattern of services, may publish."""
    return [name for name in PUBLISHERS if may_publish(service, name)]


def publisher_pattern(service: str) -> str | None:
    """Find the entry of SERVICES that covers a service; None for a name that no entry covers.

    >>> publisher_pattern("risk"), publisher_pattern("venue-a"), publisher_pattern("nobody")
    ('risk', 'venue-*', None)
    """
    return next((entry for entry in SERVICES if fnmatchcase(service, entry)), None)


def is_venue_edge(service: str) -> bool:
    """Tell whether a service is the edge of a configured venue."""
    return fnmatchcase(service, VENUE_EDGES)


def venue_edge(venue: str) -> str:
    """Name the edge of a configured venue. Raises ValueError for what cannot be in a subject."""
    return VENUE_PREFIX + token(venue, "venue")
