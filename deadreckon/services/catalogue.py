"""Names of the services, in the order in which they take turns on a tape."""

from collections.abc import Iterable

from deadreckon.contracts.publishers import is_venue_edge

# The order of turns on a tape: causes before effects, so that most rounds need no second one.
DECIDERS = {
    "trainer": "deadreckon.services.trainer.decider",
    "signal": "deadreckon.services.signal.decider",
    "risk": "deadreckon.services.risk.decider",
    "router": "deadreckon.services.router.decider",
    "fill": "deadreckon.services.fill.decider",
    "portfolio": "deadreckon.services.portfolio.decider",
    "governance": "deadreckon.services.governance.decider",
}
RANK = tuple(DECIDERS)

BOOK = "desk"


def in_turn_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort services by their turns on a tape; names of no service are left out.

    Venue edges come right after fill: what fill intends is sent, and what came back is recorded,
    in the same round.
    """
    wanted = set(names)
    edges = sorted(name for name in wanted if is_venue_edge(name))
    after = RANK.index("fill") + 1
    return tuple(n for n in (*RANK[:after], *edges, *RANK[after:]) if n in wanted)


# They run strategies by name: what the names mean is found before a decider is asked.
RUN_STRATEGIES = ("trainer", "signal")
