"""A profit or a position at a place of the log, and every fill, funding and fee that made it."""

import re
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FundingPaid
from deadreckon.replay.lookup import UnknownIdError
from deadreckon.replay.why.event_index import Chronicle, Held

FIGURE = re.compile(
    r"(?P<kind>pnl|position):(?P<strategy>[^/]+)/(?P<instrument>[^/@]+)(?:@(?P<at>[1-9]\d*))?"
)


class Wanted(Struct, frozen=True):
    """A figure that is asked about: of which strategy and instrument, up to which sequence (null
    for the end of the log)."""

    kind: str
    strategy: str
    instrument: str
    at: int | None


def wanted_figure(text: str) -> Wanted | None:
    """What `pnl:STRATEGY/INSTRUMENT@SEQUENCE` asks for; None for any other text."""
    found = FIGURE.fullmatch(text.strip())
    if found is None:
        return None
    at = None if found["at"] is None else int(found["at"])
    return Wanted(found["kind"], found["strategy"], found["instrument"], at)


class Flow(Struct, frozen=True):
    """What one fill, funding or fee added, in the quote currency; exact.

    `realised` is before fees, `fee` is paid when positive and in `fee_currency`, `funding` received
    when positive; `held` is the signed quantity after it. `id` is the event.
    """

    id: str
    realised: Decimal
    fee: Decimal
    fee_currency: str
    funding: Decimal
    held: Decimal


class Figure(Struct, frozen=True):
    """A strategy's profit and position in an instrument, as the log stood at `sequence`.

    `fees` are by currency. `mark`, its time `marked_at` (nanoseconds UTC) and `unrealised` are
    null where no price was known. `told` is the last PositionChanged, which has to say the same;
    `agrees` whether it does, null where the log has flows that it was yet to tell of.
    """

    wanted: Wanted
    sequence: int
    held: Held
    realised: Decimal
    fees: dict[str, Decimal]
    funding: Decimal
    mark: Decimal | None
    marked_at: int | None
    unrealised: Decimal | None
    flows: list[Flow]
    told: str | None
    agrees: bool | None


def figure(chronicle: Chronicle, wanted: Wanted) -> Figure:
    """The figure where the chronicle's reading stands. Raises UnknownIdError for what never was."""
    key = (wanted.strategy, wanted.instrument)
    made = flows(chronicle, *key)
    if not made:
        raise UnknownIdError(
            f"{wanted.strategy} had not traded {wanted.instrument} by message {chronicle.last}; "
            f"traded: {', '.join(f'{one}/{other}' for one, other in chronicle.flows) or 'nothing'}"
        )
    position = ledger.position(chronicle.ledger, *key)
    mark = ledger.mark(chronicle.ledger, wanted.instrument)
    totals = chronicle.totals.get(key)
    told = totals[-1] if totals else None
    held = chronicle.held(*key)
    realised = _total(flow.realised for flow in made)
    unrealised = None
    if position is not None and mark is not None:
        unrealised = average_cost.unrealised(position, mark.price)
    return Figure(
        wanted=wanted,
        sequence=chronicle.last,
        held=held,
        realised=realised,
        fees=_fees(made),
        funding=_total(flow.funding for flow in made),
        mark=None if mark is None else mark.price,
        marked_at=None if mark is None else mark.at,
        unrealised=unrealised,
        flows=made,
        told=told,
        agrees=_agrees(chronicle, made, told, held),
    )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    found = ZERO
    for amount in amounts:
        found = EXACT.add(found, amount)
    return canonical(found)


def _fees(made: list[Flow]) -> dict[str, Decimal]:
    currencies = dict.fromkeys(flow.fee_currency for flow in made if flow.fee_currency)
    return {
        currency: _total(flow.fee for flow in made if flow.fee_currency == currency)
        for currency in currencies
    }


def _agrees(chronicle: Chronicle, made: list[Flow], told: str | None, held: Held) -> bool | None:
    """Whether what portfolio told of the last flow is the same; None where it had yet to tell."""
    last = chronicle.facts[made[-1].id]
    answered = last.cause if isinstance(last.event, FundingPaid) else last.id
    said = chronicle.facts.get(told or "")
    if said is None or said.cause != answered:
        return None
    it = said.event
    return bool(it.quantity == held.quantity and it.realised == held.realised)


def flows(chronicle: Chronicle, strategy: str, instrument: str) -> list[Flow]:
    """All that made a strategy's profit in an instrument, oldest first; a repeated trade once."""
    found: list[Flow] = []
    held = ZERO
    for name in chronicle.flows.get((strategy, instrument), ()):
        event = chronicle.facts[name].event
        if isinstance(event, OrderFilled):
            move = chronicle.moves[name]
            if move.is_new:
                held = move.after.quantity
                realised = canonical(EXACT.subtract(move.after.realised, move.before.realised))
                found.append(Flow(name, realised, event.fee, event.fee_currency, ZERO, held))
        elif isinstance(event, FundingPaid):
            found.append(Flow(name, ZERO, ZERO, "", event.amount, held))
        else:
            found.append(Flow(name, ZERO, event.amount, event.currency, ZERO, held))
    return found
