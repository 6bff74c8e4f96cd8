"""The logs of sessions by name: those that are written down, and random ones (`chance 7`)."""

import asyncio
from functools import cache
from importlib import import_module
from typing import Any

from deadreckon.contracts.event import Recorded
from deadreckon.runtime.log.bus import Stored
from tests.sessions.player import Session, decoded
from tests.sessions.random_sessions import RandomScript
from tests.sessions.script import Script


@cache
def log_of(name: str) -> tuple[Stored, ...]:
    """A session's log, played once."""
    return played(name, script_of(name))


def script_of(name: str) -> Script:
    if name.startswith("chance"):
        return RandomScript(int(name.removeprefix("chance "))).script()
    script: Script = import_module(f"tests.sessions.scripts.{name}").SCRIPT
    return script


def played(name: str, script: Script) -> tuple[Stored, ...]:
    """What comes of a script."""
    session = Session(name, script)
    asyncio.run(session.play())
    return tuple(session.log)


def facts_in(log: tuple[Stored, ...], *shapes: type) -> list[Recorded[Any]]:
    """What a log says in events of these shapes."""
    found = (record for message in decoded(log) for record in message.facts)
    return [record for record in found if isinstance(record.event, shapes)]
