"""The tables as they stood: at every place where all had answered, what `dr replay asof` says."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.projections.analytics.asof_macros import MACRO_NOTES, MACROS
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.asof import BookState, book_at, evolve, halts_in_force, initial
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK
from tests.sessions.player import Session, decoded
from tests.sessions.test_sessions import session

pytestmark = pytest.mark.slow

SESSIONS = (
    "cancel_and_replace",
    "close_only",
    "daily_loss",
    "halt_all",
    "limits_changed",
    "perpetual_funding",
    "split_order",
    "stop_loss",
)


@contextmanager
def lake_of(session: Session, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    projector = open_projector(paths(folder))
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(session.log):
        projector.fold(message.sequence, list(intake.records_of(message)), message.stored_at)
    projector.close()
    with duckdb.connect(str(paths(folder).analytics), read_only=True) as database:
        yield database


def states(session: Session) -> Iterator[tuple[int, BookState]]:
    """The book at every third place where a step of the session was answered, and at the end."""
    places = {*session.places[::3], session.places[-1]}
    state, intake = initial(), Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(session.log):
        for record in intake.records_of(message):
            evolve(state, record)
        if message.sequence in places:
            yield message.sequence, state


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    asked = database.execute(query)
    names = [column[0] for column in asked.description or ()]
    return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def same(text: str | None, amount: Decimal | None) -> bool:
    return text is None if amount is None else text is not None and Decimal(text) == amount


@pytest.mark.parametrize("name", SESSIONS)
def test_the_tables_as_they_stood_say_what_the_verb_says(name: str, tmp_path: Path) -> None:
    played = session(name)
    with lake_of(played, tmp_path) as database:
        seen = list(states_compared(played, database))
    assert seen[-1] == played.places[-1]


def states_compared(session: Session, database: duckdb.DuckDBPyConnection) -> Iterator[int]:
    for place, state in states(session):
        _compare_positions(state, rows(database, f"FROM positions_asof({place})"))
        _compare_orders(state, rows(database, f"FROM orders_asof({place})"))
        _compare_limits(state, rows(database, f"FROM limits_asof({place})"))
        halts = rows(database, f"FROM halts_asof({place}, moment := {state.now})")
        assert {row["event_id"] for row in halts} == set(halts_in_force(state))
        marks = rows(database, f"FROM equity_asof({place})")
        assert len(marks) == (state.marked is not None)
        if state.marked is not None:
            assert marks[0]["equity"] == state.marked.equity
        yield place


def _compare_positions(state: BookState, found: list[dict[str, Any]]) -> None:
    by_name = {(row["strategy"], row["instrument"]): row for row in found}
    for position in book_at(state).positions:
        row = by_name.pop((position.strategy, position.instrument))
        for column in ("quantity", "average_price", "cost", "realised", "funding"):
            assert same(getattr(position, column), row[column]), column
        assert same(position.fees.get(position.currency, "0"), row["fees"])
    assert not by_name


def _compare_orders(state: BookState, found: list[dict[str, Any]]) -> None:
    by_id = {row["order_id"]: row for row in found}
    for order in book_at(state).orders:
        row = by_id.pop(order.order_id)
        assert row["status"] == order.status
        for column in ("quantity", "leaves", "filled_quantity", "limit_price", "stop_price"):
            assert same(getattr(order, column), row[column]), column
    assert not by_id


def _compare_limits(state: BookState, found: list[dict[str, Any]]) -> None:
    limits = state.limits
    assert [row["event_id"] for row in found] == ([limits.set_by.id] if limits else [])
    if limits is not None:
        assert found[0]["actor"] == limits.set_by.actor
        assert found[0]["order_notional_max"] == limits.values.order_notional_max
        assert found[0]["sequence"] == limits.set_by.sequence


def test_a_time_leads_to_the_place_that_the_tables_had_then(tmp_path: Path) -> None:
    played = session("stop_loss")
    with lake_of(played, tmp_path) as database:
        times = _times(played)
        for place, state in states(played):
            if not state.now:
                continue
            asked = f"positions_asof(sequence_at(TIMESTAMP '{format_timestamp(state.now)[:-1]}'))"
            last = max(it for it, at in times.items() if at == state.now)
            assert rows(database, f"FROM {asked} ORDER BY ALL") == rows(
                database, f"FROM positions_asof({last}) ORDER BY ALL"
            )
            (told_at,) = rows(database, f"SELECT moment_at({place}) AS at")
            assert told_at["at"] <= state.now


def _times(session: Session) -> dict[int, int]:
    """The decision time after each message."""
    found, state = {}, initial()
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(session.log):
        for record in intake.records_of(message):
            evolve(state, record)
        found[message.sequence] = state.now
    return found


def test_every_macro_has_its_note() -> None:
    assert {note.partition("(")[0] for note in MACRO_NOTES} == set(MACROS)
