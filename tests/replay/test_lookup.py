"""What somebody means by the beginning of an id: one thing, or a refusal that says which."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from deadreckon.contracts.orders import OrderFilled, OrderRouted
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.lookup import (
    AmbiguousIdError,
    IdFinder,
    IdMatch,
    UnknownIdError,
    find,
    search,
)
from deadreckon.runtime.log.feed import Message
from tests.sessions.player import Session, decoded


@cache
def log(name: str) -> list[Message]:
    session = Session(name, import_module(f"tests.sessions.scripts.{name}").SCRIPT)
    asyncio.run(session.play())
    return decoded(session.log)


def first(name: str, shape: type, where: Callable[[Any], bool] = lambda _: True) -> Any:
    facts = (record for message in log(name) for record in message.facts)
    return next(
        record for record in facts if isinstance(record.event, shape) and where(record.event)
    )


def test_every_event_of_a_log_is_found_by_its_id_and_by_six_characters_unless_they_are_shared() -> (
    None
):
    facts = [record for message in log("moving_average") for record in message.facts]
    for record in facts:
        found = find(log("moving_average"), record.id)
        assert (found.kind, found.id) == ("event", record.id)
        assert (found.sequence, found.index) == (record.sequence, record.index)
        assert find(log("moving_average"), record.id[:6]) == found


def test_an_order_a_client_order_a_trade_and_a_signal_are_found_where_they_are_first_said() -> None:
    routed = first("moving_average", OrderRouted).event
    assert find(log("moving_average"), routed.order_id[:8]).kind == "order"
    assert find(log("moving_average"), routed.order_id[:8]).type == "OrderApproved"
    assert find(log("moving_average"), routed.client_order_id[:8]).kind == "client order"
    fill = first("moving_average", OrderFilled)
    found = find(log("moving_average"), fill.event.trade_id)
    assert (found.kind, found.sequence, found.index) == ("trade", fill.sequence, fill.index)
    assert find(log("moving_average"), f"PAPER/{fill.event.trade_id}") == found
    raised = first("moving_average", SignalRaised)
    assert find(log("moving_average"), raised.event.signal_id).kind == "signal"


def test_a_producers_short_signal_id_is_found_in_full_and_by_the_producers_name() -> None:
    raised = first("cancel_and_replace", SignalRaised, lambda signal: signal.producer)
    name, producer = raised.event.signal_id, raised.event.producer
    found = find(log("cancel_and_replace"), f"{producer}/{name}")
    assert (found.kind, found.id, found.scope) == ("signal", name, producer)
    assert found.type == "SignalReceived"
    assert find(log("cancel_and_replace"), name) == found


def test_an_operators_fact_is_found_although_no_service_wrote_it() -> None:
    limits = next(
        record for record in _at_doors(log("moving_average")) if record.type == "LimitsSet"
    )
    assert find(log("moving_average"), limits.id[:10]) == limits


def test_a_place_is_found_by_its_numbers() -> None:
    fill = first("moving_average", OrderFilled)
    found = find(log("moving_average"), f"{fill.sequence}.{fill.index}")
    assert found.id == fill.id


def test_the_beginning_of_several_ids_is_refused_with_all_of_them() -> None:
    with pytest.raises(AmbiguousIdError, match=r"'cross-' may be any of \d+: signal cross-") as no:
        find(log("moving_average"), "cross-")
    assert "SignalRaised at" in str(no.value)


def test_a_stranger_and_too_short_a_beginning_are_refused_in_clear_words() -> None:
    with pytest.raises(UnknownIdError, match="nothing with the id 'ffffffffffff'"):
        find(log("moving_average"), "ffffffffffff")
    with pytest.raises(UnknownIdError, match="at least 6 characters"):
        find(log("moving_average"), "ab")
    with pytest.raises(UnknownIdError, match="empty"):
        find(log("moving_average"), " ")


async def test_a_log_that_arrives_is_searched_the_same() -> None:
    fill = first("moving_average", OrderFilled)

    async def arriving() -> AsyncIterator[Message]:
        for message in log("moving_average"):
            yield message

    assert await search(arriving(), fill.id) == find(log("moving_average"), fill.id)


def _at_doors(messages: list[Message]) -> list[IdMatch]:
    """Every event, as it would be found."""
    found = []
    for message in messages:
        if message.subject.is_inbound:
            finder = IdFinder(f"{message.sequence}.0")
            for each in messages[: message.sequence]:
                finder.fold(each)
            found.append(finder.found())
    return found
