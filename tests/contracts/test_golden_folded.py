"""Every shape ever written is not only read: whoever folds the log takes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.contracts.codec import decode_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.orders import BracketArmed, OrderRouted, OrderSubmitting
from deadreckon.projections.metrics import fold
from deadreckon.projections.projector import Projector
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import RANK
from deadreckon.tools.docgen.schemas import shapes
from tests.contracts.samples import sample
from tests.stories import at
from tests.support.handmade_logs import FactLog, fold_log
from tests.support.memory_sink import MemorySink

GOLDEN = Path(__file__).parent / "golden"

Shape = tuple[str, int, type[Struct]]
SHAPES: list[Shape] = list(shapes())


def key(shape: Shape) -> str:
    return f"{shape[0]}.v{shape[1]}"


def stored(shape: Shape) -> Event:
    return decode_event(shape[0], shape[1], (GOLDEN / f"{key(shape)}.json").read_bytes())


def before(event: Any) -> Sequence[Event]:
    """What must have been said before an event is possible: its venue, instrument and order."""
    venue = getattr(event, "venue", "venue")
    instrument = getattr(event, "instrument", "instrument")
    known: list[Event] = [
        replace(sample(VenueConfigured), venue=venue, edge=""),
        replace(sample(InstrumentListed), venue=venue, instrument=instrument),
    ]
    if isinstance(event, BracketArmed):
        for shape in (OrderRouted, OrderSubmitting):
            entry: Any = replace(sample(shape), order_id=event.entry_order_id, venue=venue)
            known.append(replace(entry, instrument=instrument))
    return known


@pytest.mark.parametrize("service", RANK)
@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_every_service_folds_every_shape(shape: Shape, service: str) -> None:
    module, event = decider(service), stored(shape)
    state = module.initial()
    for record in (*before(event), event):
        state = module.evolve(state, at(record))
    module.decide(state, at(event))


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_the_ledger_and_the_metrics_fold_every_shape(shape: Shape) -> None:
    book, figures, event = ledger.initial(), fold.initial(), stored(shape)
    for record in (*before(event), event):
        book = ledger.evolve(book, at(record))
        figures = fold.evolve(figures, at(record))
    ledger.equity(book)
    fold.settled(figures, 1)


@pytest.mark.parametrize("shape", SHAPES, ids=key)
def test_every_table_folds_every_shape(shape: Shape) -> None:
    event, log, sink = stored(shape), FactLog(), MemorySink()
    log.say(*before(event), event)
    projector = Projector([sink])
    fold_log(projector, log)
    projector.flush()
    assert sink.sequence == log.last
