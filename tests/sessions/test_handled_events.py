"""What a decider says it does not look at moves nothing in it, and is answered with nothing."""

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec
import pytest

from deadreckon.contracts.event import Event
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import RANK
from tests.contracts.samples import sample
from tests.sessions.player import Session, decoded
from tests.sessions.random_sessions import RandomScript
from tests.stories import at

NAMES = ["real_venue", "breaker_flattens", "split_order", "cash_and_rates", "moving_average"]
SEEDS = range(4)


def shapes(of: type[Event] = Event) -> Iterator[type[Event]]:
    """Every event there is, also those that are never stored."""
    for shape in of.__subclasses__():
        if shape.__module__.startswith("deadreckon."):
            yield shape
        yield from shapes(shape)


def plain(state: Any) -> bytes:
    return msgspec.json.encode(state, order="deterministic")


@pytest.fixture(scope="module", params=[*NAMES, *SEEDS], ids=str)
def session(request: pytest.FixtureRequest) -> Session:
    name = request.param
    if isinstance(name, int):  # not to its end, where all is flat and nothing is promised
        script = RandomScript(name).script()[:-12]
    else:
        script = import_module(f"tests.sessions.scripts.{name}").SCRIPT
    played = Session(f"{name}", script)
    asyncio.run(played.play())
    return played


@pytest.mark.parametrize("service", RANK)
def test_what_is_not_heeded_moves_nothing_and_has_no_answer(session: Session, service: str) -> None:
    asked: Any = decider(service)
    state = session.states[service]
    now = max(record.at for message in decoded(session.log) for record in message.facts)
    before = plain(state)
    unheeded = [shape for shape in shapes() if shape not in asked.HANDLES]
    assert unheeded
    for shape in unheeded:
        record = at(sample(shape), now)
        state = asked.evolve(state, record)
        assert not asked.decide(state, record), shape.__name__
        assert plain(state) == before, shape.__name__


def test_a_session_goes_as_if_everything_were_heeded(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in RANK:
        monkeypatch.delattr(decider(service), "HANDLES")
    again = Session(session.name, session.steps[1:])
    asyncio.run(again.play())
    assert again.states == session.states
    ours, theirs = ([tuple(m.facts) for m in decoded(it.log)] for it in (session, again))
    assert ours == theirs
