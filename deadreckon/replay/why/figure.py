"""Profit and position at a sequence of the log, with every fill, funding and fee that made them."""

import re
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FundingPaid
from deadreckon.replay.lookup import UnknownIdError
from deadreckon.replay.why.event_history import EventHistory, PositionFigures

FIGURE = re.compile(
    r"(?P<kind>pnl|position):(?P<strategy>[^/]+)/(?P<instrument>[^/@]+)(?:@(?P<at>[1-9]\d*))?"
)


class FigureQuery(Struct, frozen=True):
    """Query for a figure: strategy and instrument, up to sequence `at` (None: the end of the
    log)."""

    kind: str
    strategy: str
    instrument: str
    at: int | None


def parse_figure(text: str) -> FigureQuery | None:
    """Parse `pnl:STRATEGY/INSTRUMENT@SEQUENCE`; None for any other text."""
    found = FIGURE.fullmatch(text.strip())
    if found is None:
        return None
    at = None if found["at"] is None else int(found["at"])
    return FigureQuery(found["kind"], found["strategy"], found["instrument"], at)


class ProfitFlow(Struct, frozen=True):
    """Contribution of one fill, funding or fee, in the quote currency; exact.

    `realised` is before fees, a positive `fee` was paid (in `fee_currency`), a positive `funding`
    received; `held` is the signed quantity after it. `id` is the event.
    """

    id: str
    realised: Decimal
    fee: Decimal
    fee_currency: str
    funding: Decimal
    held: Decimal


class ProfitFigure(Struct, frozen=True):
    """A strategy's profit and position in an instrument as of `sequence`.

    `fees` are by currency. `mark`, its time `marked_at` (nanoseconds UTC) and `unrealised` are None
    while no price is known. `published` is the id of the last PositionChanged and `agrees` whether
    it has the same figures: None where it does not cover the last flow yet.
    """

    query: FigureQuery
    sequence: int
    held: PositionFigures
    realised: Decimal
    fees: dict[str, Decimal]
    funding: Decimal
    mark: Decimal | None
    marked_at: int | None
    unrealised: Decimal | None
    flows: list[ProfitFlow]
    published: str | None
    agrees: bool | None


def compute_figure(history: EventHistory, query: FigureQuery) -> ProfitFigure:
    """Compute the figure as of the last message indexed. Raises UnknownIdError for a strategy
    that never traded the instrument."""
    key = (query.strategy, query.instrument)
    made = flows(history, *key)
    if not made:
        raise UnknownIdError(
            f"{query.strategy} had not traded {query.instrument} by message {history.last}; "
            f"traded: {', '.join(f'{one}/{other}' for one, other in history.flows) or 'nothing'}"
        )
    position = ledger.position(history.ledger, *key)
    mark = ledger.mark(history.ledger, query.instrument)
    totals = history.totals.get(key)
    published = totals[-1] if totals else None
    held = history.held(*key)
    realised = _total(flow.realised for flow in made)
    unrealised = None
    if position is not None and mark is not None:
        unrealised = average_cost.unrealised(position, mark.price)
    return ProfitFigure(
        query=query,
        sequence=history.last,
        held=held,
        realised=realised,
        fees=_fees(made),
        funding=_total(flow.funding for flow in made),
        mark=None if mark is None else mark.price,
        marked_at=None if mark is None else mark.at,
        unrealised=unrealised,
        flows=made,
        published=published,
        agrees=_agrees(history, made, published, held),
    )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    found = ZERO
    for amount in amounts:
        found = EXACT.add(found, amount)
    return canonical(found)


def _fees(made: list[ProfitFlow]) -> dict[str, Decimal]:
    currencies = dict.fromkeys(flow.fee_currency for flow in made if flow.fee_currency)
    return {
        currency: _total(flow.fee for flow in made if flow.fee_currency == currency)
        for currency in currencies
    }


def _agrees(
    history: EventHistory, made: list[ProfitFlow], published: str | None, held: PositionFigures
) -> bool | None:
    """Compare with the position published after the last flow; None where none was published
    yet."""
    last = history.facts[made[-1].id]
    answered = last.cause if isinstance(last.event, FundingPaid) else last.id
    record = history.facts.get(published or "")
    if record is None or record.cause != answered:
        return None
    it = record.event
    return bool(it.quantity == held.quantity and it.realised == held.realised)


def flows(history: EventHistory, strategy: str, instrument: str) -> list[ProfitFlow]:
    """List the flows of a strategy's profit in an instrument, oldest first; a repeated trade
    once."""
    found: list[ProfitFlow] = []
    held = ZERO
    for name in history.flows.get((strategy, instrument), ()):
        event = history.facts[name].event
        if isinstance(event, OrderFilled):
            move = history.moves[name]
            if move.is_new:
                held = move.after.quantity
                realised = canonical(EXACT.subtract(move.after.realised, move.before.realised))
                found.append(ProfitFlow(name, realised, event.fee, event.fee_currency, ZERO, held))
        elif isinstance(event, FundingPaid):
            found.append(ProfitFlow(name, ZERO, ZERO, "", event.amount, held))
        else:
            found.append(ProfitFlow(name, ZERO, event.amount, event.currency, ZERO, held))
    return found
