"""The life of the stack's processes; facts for people, which no decision reads."""

from deadreckon.contracts.event import Event


class StackStarted(Event, frozen=True):
    """Services went to work: which `services`, on which `code` (version), on which `bus`."""

    services: list[str]
    code: str
    bus: str
    actor: str
    reason: str


class StackStopped(Event, frozen=True):
    """These `services` stopped in an orderly way."""

    services: list[str]
    actor: str
    reason: str
