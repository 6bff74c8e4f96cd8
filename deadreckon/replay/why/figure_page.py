"""A profit or a position as lines of text, with the fills, funding and fees that made it."""

from collections.abc import Iterator
from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.formatting.exact import listed, moment, number
from deadreckon.replay.why.event_index import Chronicle
from deadreckon.replay.why.figure import Figure, Flow
from deadreckon.replay.why.page import ID_SHOWN, Line
from deadreckon.replay.why.tracing import place_of

FLOWS_SHOWN = 20  # the latest; those before them as one sum


def figure_page(chronicle: Chronicle, figure: Figure) -> Iterator[Line]:
    """What it was, whether portfolio said the same, and what it is the sum of."""
    wanted = figure.wanted
    title = f"{wanted.strategy} in {wanted.instrument}, up to message {figure.sequence}"
    yield Line("", "", title, "bold")
    for text in _heads(figure):
        yield Line("", "  ", text)
    yield _told(chronicle, figure)
    yield Line("", "", "")
    yield Line("", "", "Because", "bold cyan")
    gone, shown = figure.flows[:-FLOWS_SHOWN], figure.flows[-FLOWS_SHOWN:]
    if gone:
        yield _summed(chronicle, gone)
    for flow in shown:
        yield _flow(chronicle, flow)


def _heads(figure: Figure) -> Iterator[str]:
    held = figure.held
    fees = " and ".join(f"{number(fee)} {name}" for name, fee in figure.fees.items()) or "0"
    yield (
        f"realised {number(figure.realised)}, fees {fees}, "
        f"funding {number(figure.funding)} (from {len(figure.flows)} events)"
    )
    if not held.quantity:
        yield "flat"
        return
    yield f"holds {number(held.quantity)} at {number(held.average_price)}"
    if figure.mark is not None and figure.unrealised is not None:
        yield f"unrealised {number(figure.unrealised)} at a mark of {number(figure.mark)}"
    else:
        yield "unrealised unknown: no price has been seen"


def _told(chronicle: Chronicle, figure: Figure) -> Line:
    if figure.told is None or figure.agrees is None:
        return Line("", "  ", "portfolio had yet to tell of the last of these events", "yellow")
    said = chronicle.facts[figure.told]
    place = f"{place_of(said)} {said.id[:ID_SHOWN]}"
    if figure.agrees:
        return Line("", "  ", f"portfolio says the same at {place}", "green")
    return Line("", "  ", f"portfolio says otherwise at {place}: {chronicle.words(said)}", "red")


def _summed(chronicle: Chronicle, flows: list[Flow]) -> Line:
    first, last = (chronicle.facts[flow.id] for flow in (flows[0], flows[-1]))
    realised, fees, funding = ZERO, ZERO, ZERO
    for flow in flows:
        realised = EXACT.add(realised, flow.realised)
        fees = EXACT.add(fees, flow.fee)
        funding = EXACT.add(funding, flow.funding)
    shown = listed(
        f"{len(flows)} events from {place_of(first)} to {place_of(last)}",
        f"realised {_plain(realised)}",
        f"fees {_plain(fees)}",
        f"funding {_plain(funding)}" if funding else "",
    )
    return Line("", "", f"before these: {shown}", "dim")


def _plain(amount: Decimal) -> str:
    return number(canonical(amount))


def _flow(chronicle: Chronicle, flow: Flow) -> Line:
    said = chronicle.facts[flow.id]
    shown = listed(
        f"realised {number(flow.realised)}" if flow.realised else "",
        f"fee {number(flow.fee)} {flow.fee_currency}" if flow.fee else "",
        f"funding {number(flow.funding)}" if flow.funding else "",
        f"then {number(flow.held)}" if flow.held else "then flat",
    )
    gutter = f"{place_of(said).rjust(9)}  {said.id[:ID_SHOWN]}"
    what = chronicle.words(said).partition(", ")[0]
    return Line(gutter, "", f"{moment(said.at)} {what}: {shown}")
