"""Starts and stops of the stack's processes; facts for people, which no decision reads."""

from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import Actor, Reason
from deadreckon.contracts.units import described


class StackStarted(Event, frozen=True):
    """Services started."""

    declared = Declaration("life.stack_started", operators=True, timeline="book")

    services: Annotated[list[str], described("names of the services that started")]
    code: Annotated[str, described("version of the program")]
    bus: Annotated[str, described("bus on which they run")]
    actor: Actor
    reason: Reason


class StackStopped(Event, frozen=True):
    """Services stopped in an orderly way."""

    declared = Declaration("life.stack_stopped", operators=True, timeline="book")

    services: Annotated[list[str], described("names of the services that stopped")]
    actor: Actor
    reason: Reason
