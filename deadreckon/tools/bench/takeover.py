"""Time until a standby takes over, measured by `dr drill failover`."""

from deadreckon.tools.bench.figures import Figure, bounded, percentile
from deadreckon.tools.bench.fixture import Fixture
from deadreckon.tools.drill import DRILLED, GOAL_SECONDS, Failover, run_drill

ROUNDS = 3  # drills, each covering every service that answers a signal


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure from the signal that kills an instance to the first commit of its standby."""
    found: list[Failover] = []
    for _ in range(fixture.size(ROUNDS, 1)):
        with fixture.folder("takeover") as folder:
            found += await run_drill(folder, fixture.size(DRILLED, DRILLED[:1]), fixture.tell)
    bad = sum(not each.clean for each in found)
    if bad:
        return [Figure("takeovers that failed", bad, "takeovers", mark="none", reached=False)]
    return [figure for how in ("killed", "stopped") for figure in _figures(found, how)]


def _figures(found: list[Failover], how: str) -> list[Figure]:
    seconds = [each.seconds for each in found if each.how == how and each.seconds is not None]
    return [
        bounded(
            f"{how} to first commit of the standby, p50",
            percentile(seconds, 0.5),
            "s",
            GOAL_SECONDS,
        ),
        bounded(f"{how} to first commit, max", max(seconds), "s", GOAL_SECONDS),
    ]
