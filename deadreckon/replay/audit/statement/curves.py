"""Curves of the book's equity, drawdown and exposure, and of each strategy's and instrument's
profit."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from msgspec import Struct, field

from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PnlFigures, PositionKey, figures
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.replay.audit.statement.evidence import Evidence, SequenceIndex, event_line

DRAWN = 120  # stretches that a curve is drawn in; each shows its lowest and its highest point
PROFITS = 240  # moments at which profit by key is kept


class EquityPoint(Struct, frozen=True):
    """The book at one EquityMarked, recomputed; amounts in the reporting currency."""

    at: int
    position: SequenceIndex
    equity: Decimal
    drawdown: Decimal
    gross: Decimal
    net: Decimal


class ProfitPoint(Struct, frozen=True):
    """Net profit of each key since the log began, at one mark."""

    at: int
    position: SequenceIndex
    net: dict[PositionKey, Decimal]


class Curves(Struct):
    """Curves of a day; `deepest` and `widest` mark the greatest drawdown and gross exposure."""

    marks: list[EquityPoint] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    profits: list[ProfitPoint] = field(default_factory=list)
    every: int = 1  # marks between two kept profits
    deepest: Recorded[EquityMarked] | None = None
    widest: Recorded[EquityMarked] | None = None

    def fold(self, record: Recorded[EquityMarked], equity: Decimal, book: Ledger) -> None:
        """Take a mark; `equity` is what the log adds up to there."""
        event = record.event
        position = (record.sequence, record.index)
        if len(self.marks) % self.every == 0:
            self._keep(ProfitPoint(record.at, position, _net(figures(book))))
        gross, net = event.exposure_gross, event.exposure_net
        self.marks.append(EquityPoint(record.at, position, equity, event.drawdown, gross, net))
        self.evidence.add(record, partial(event_line, record))
        if self.deepest is None or event.drawdown > self.deepest.event.drawdown:
            self.deepest = record
        if self.widest is None or gross > self.widest.event.exposure_gross:
            self.widest = record

    def _keep(self, profits: ProfitPoint) -> None:
        self.profits.append(profits)
        if len(self.profits) > 2 * PROFITS:
            self.profits = self.profits[::2]
            self.every *= 2


def _net(found: dict[PositionKey, PnlFigures]) -> dict[PositionKey, Decimal]:
    return {key: figure.net for key, figure in found.items()}


def since(
    profits: ProfitPoint, opening: dict[PositionKey, PnlFigures], part: int, name: str
) -> Decimal:
    """Return what one strategy (part 0) or instrument (part 2) made since the opening."""
    total = ZERO
    for key, net in profits.net.items():
        if key[part] == name:
            before = opening[key].net if key in opening else ZERO
            total = EXACT.add(total, EXACT.subtract(net, before))
    return total


def thinned(
    marks: Sequence[EquityPoint], by: Callable[[EquityPoint], Decimal]
) -> list[EquityPoint]:
    """Drop points that cannot be seen: each interval keeps its lowest and highest, and the ends."""
    if len(marks) <= 2 * DRAWN:
        return list(marks)
    kept = {0, len(marks) - 1}
    for stretch in range(DRAWN):
        start = stretch * len(marks) // DRAWN
        positions = range(start, (stretch + 1) * len(marks) // DRAWN)
        kept.add(min(positions, key=lambda position: by(marks[position])))
        kept.add(max(positions, key=lambda position: by(marks[position])))
    return [marks[position] for position in sorted(kept)]
