"""Plan of kills: which process, where, and how often; the same for a seed."""

import random
from collections.abc import Sequence

from msgspec import Struct

from deadreckon.runtime.process.killpoints import STEPS, KillStep
from deadreckon.venues.simulated.adapter import SERVICE as EDGE

SERVICE, STACK, SERVER, IN_FLIGHT, EVERYTHING, EXCHANGE = (
    "service",
    "stack",
    "server",
    "server-commit",
    "everything",
    "exchange",
)
OTHER_CODE, OTHER_ANSWER = "other-code", "other-answer"
CHANGES = (OTHER_CODE, OTHER_ANSWER)  # of the program: nothing can be compared after them

# Kills from outside, at moments that nobody has chosen.
MOMENTS = {
    SERVICE: KillStep("a service's process, at any moment", "service"),
    STACK: KillStep("the process that plays the tape and writes the views, at any moment", "stack"),
    SERVER: KillStep("nats-server, at any moment", "server"),
    IN_FLIGHT: KillStep("nats-server, while a commit has left and its reply is not here", "server"),
    EVERYTHING: KillStep("all processes at once, at any moment", "stack"),
    EXCHANGE: KillStep("the exchange's process, at any moment", "venue"),
    OTHER_CODE: KillStep("all are silent; another program goes on", "stack"),
    OTHER_ANSWER: KillStep(
        "risk's answer has left; a program that answers differently goes on", "stack"
    ),
}
KILL_STEPS = STEPS | MOMENTS

# Who says so much that a step of its loop is passed all the time.
TALKATIVE = ("signal", "risk", "router", "fill", "portfolio")
# Steps that a life comes by at its start: these services are killed until one does.
AT_START = {"recall": TALKATIVE, "venue-reconcile": (EDGE,)}
RARE = (
    "recall",
    "venue-reconcile",
    "progress",
    "lake-merge",
    *CHANGES,
)  # what a life passes once, or late
NTH_MAX = 12  # passings that a random kill may wait for
DELAY_MAX = 0.3  # seconds that a kill from outside may wait
APART = (SERVICE, STACK, EVERYTHING, *AT_START)  # where it matters that services have processes
TWICE = 4  # one kill in so many is followed by a second one during the recall


class Kill(Struct, frozen=True):
    """One kill: the step's NTH passing in a service, or `delay` seconds from now from outside.

    With `twice` the next life is killed too, while it recalls or starts. `processes` tells whether
    every service has a process of its own then, or all are in the stack's.
    """

    step: str
    service: str
    nth: int
    delay: float
    twice: bool
    processes: bool

    @property
    def where(self) -> str:
        """Owner of the process: a service, the stack, the server or the venue."""
        where = KILL_STEPS[self.step].where
        if where == "venue" and self.step != EXCHANGE:
            where = "service"  # the edge's own
        return "stack" if where == "service" and not self.processes else where


def steps_of(venue: str) -> list[str]:
    """List every step that a run against this venue passes, those that come late at the end."""
    left_out = (
        CHANGES if venue == "sim" else [n for n, s in KILL_STEPS.items() if s.where == "venue"]
    )
    names = [name for name in KILL_STEPS if name not in left_out]
    return sorted(names, key=lambda name: name in RARE)


def make_plan(steps: Sequence[str], kills: int, seed: int) -> list[Kill]:
    """Plan one kill at each step, then `kills` in all, at random steps and moments."""
    dice = random.Random(f"plan|{seed}")
    kills_first = [_draw(dice, name, first=True) for name in steps]
    drawn = [name for name in steps if name not in CHANGES] or list(steps)
    return kills_first + [_draw(dice, dice.choice(drawn), first=False) for _ in range(kills)]


def _draw(dice: random.Random, name: str, *, first: bool) -> Kill:
    nth = 1 if first or name in RARE else dice.randrange(1, NTH_MAX)
    where = KILL_STEPS[name].where
    service = dice.choice(TALKATIVE) if where in ("service", "server") else ""
    if where == "venue" and name != EXCHANGE:
        service = EDGE
    twice = not first and dice.randrange(TWICE) == 0
    delay = dice.uniform(0, DELAY_MAX)
    processes = _apart(dice, name, where, first=first)
    return Kill(name, service, nth, delay, twice, processes)


def _apart(dice: random.Random, name: str, where: str, *, first: bool) -> bool:
    """Return True where every service has its own process; such a stack takes seconds to start."""
    if name in APART or where in ("service", "venue"):
        return True
    if first:
        return where == "server"
    return dice.random() < {"server": 0.5, "stack": 0.25}[where]
