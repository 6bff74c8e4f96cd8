"""Text page of a profit or position with the fills, funding and fees that made it."""

from collections.abc import Iterator
from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.formatting.exact import number
from deadreckon.formatting.text import join_parts
from deadreckon.formatting.times import moment
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.figure import ProfitFigure, ProfitFlow
from deadreckon.replay.why.page import ID_SHOWN, StyledLine
from deadreckon.replay.why.tracing import sequence_text

FLOWS_SHOWN = 20  # the latest; earlier ones are summed up


def figure_page(history: EventHistory, figure: ProfitFigure) -> Iterator[StyledLine]:
    """Format the figure, whether portfolio published the same, and its flows."""
    query = figure.query
    title = f"{query.strategy} in {query.instrument}, up to message {figure.sequence}"
    yield StyledLine("", "", title, "bold")
    for text in _heads(figure):
        yield StyledLine("", "  ", text)
    yield _published(history, figure)
    yield StyledLine("", "", "")
    yield StyledLine("", "", "Because", "bold cyan")
    gone, shown = figure.flows[:-FLOWS_SHOWN], figure.flows[-FLOWS_SHOWN:]
    if gone:
        yield _summed(history, gone)
    for flow in shown:
        yield _flow(history, flow)


def _heads(figure: ProfitFigure) -> Iterator[str]:
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


def _published(history: EventHistory, figure: ProfitFigure) -> StyledLine:
    if figure.published is None or figure.agrees is None:
        return StyledLine(
            "", "  ", "portfolio has not published the last of these events yet", "yellow"
        )
    record = history.facts[figure.published]
    at = f"{sequence_text(record)} {record.id[:ID_SHOWN]}"
    if figure.agrees:
        return StyledLine("", "  ", f"portfolio says the same at {at}", "green")
    return StyledLine(
        "", "  ", f"portfolio says something else at {at}: {history.describe(record)}", "red"
    )


def _summed(history: EventHistory, flows: list[ProfitFlow]) -> StyledLine:
    first, last = (history.facts[flow.id] for flow in (flows[0], flows[-1]))
    realised, fees, funding = ZERO, ZERO, ZERO
    for flow in flows:
        realised = EXACT.add(realised, flow.realised)
        fees = EXACT.add(fees, flow.fee)
        funding = EXACT.add(funding, flow.funding)
    shown = join_parts(
        f"{len(flows)} events from {sequence_text(first)} to {sequence_text(last)}",
        f"realised {_plain(realised)}",
        f"fees {_plain(fees)}",
        f"funding {_plain(funding)}" if funding else "",
    )
    return StyledLine("", "", f"before these: {shown}", "dim")


def _plain(amount: Decimal) -> str:
    return number(canonical(amount))


def _flow(history: EventHistory, flow: ProfitFlow) -> StyledLine:
    record = history.facts[flow.id]
    shown = join_parts(
        f"realised {number(flow.realised)}" if flow.realised else "",
        f"fee {number(flow.fee)} {flow.fee_currency}" if flow.fee else "",
        f"funding {number(flow.funding)}" if flow.funding else "",
        f"then {number(flow.held)}" if flow.held else "then flat",
    )
    gutter = f"{sequence_text(record).rjust(9)}  {record.id[:ID_SHOWN]}"
    what = history.describe(record).partition(", ")[0]
    return StyledLine(gutter, "", f"{moment(record.at)} {what}: {shown}")
