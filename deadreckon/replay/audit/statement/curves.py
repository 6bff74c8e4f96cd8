"""The book's equity, drawdown and exposure over time, and what each strategy and instrument made.

Every mark of equity is kept as it is; profit by key is only worked out for so many of them.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from msgspec import Struct, field

from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import Figures, Key, figures
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.replay.audit.statement.event_lines import tell
from deadreckon.replay.audit.statement.evidence import Evidence, Place

DRAWN = 120  # stretches that a curve is drawn in; each shows its lowest and its highest point
PROFITS = 240  # moments at which profit by key is kept


class Mark(Struct, frozen=True):
    """The book at one EquityMarked, recomputed; amounts in the reporting currency."""

    at: int
    place: Place
    equity: Decimal
    drawdown: Decimal
    gross: Decimal
    net: Decimal


class Profits(Struct, frozen=True):
    """Net profit of each key since the log began, at one mark."""

    at: int
    place: Place
    net: dict[Key, Decimal]


class Curves(Struct):
    """`deepest` and `widest` are the marks of the greatest drawdown and gross exposure."""

    marks: list[Mark] = field(default_factory=list)
    places: Evidence = field(default_factory=Evidence)
    profits: list[Profits] = field(default_factory=list)
    every: int = 1  # marks between two kept profits
    deepest: Recorded[EquityMarked] | None = None
    widest: Recorded[EquityMarked] | None = None

    def fold(self, said: Recorded[EquityMarked], equity: Decimal, book: Ledger) -> None:
        """Take a mark; `equity` is what the log adds up to there."""
        event = said.event
        place = (said.sequence, said.index)
        if len(self.marks) % self.every == 0:
            self._keep(Profits(said.at, place, _net(figures(book))))
        gross, net = event.exposure_gross, event.exposure_net
        self.marks.append(Mark(said.at, place, equity, event.drawdown, gross, net))
        self.places.add(said, partial(tell, said))
        if self.deepest is None or event.drawdown > self.deepest.event.drawdown:
            self.deepest = said
        if self.widest is None or gross > self.widest.event.exposure_gross:
            self.widest = said

    def _keep(self, profits: Profits) -> None:
        self.profits.append(profits)
        if len(self.profits) > 2 * PROFITS:
            self.profits = self.profits[::2]
            self.every *= 2


def _net(found: dict[Key, Figures]) -> dict[Key, Decimal]:
    return {key: figure.net for key, figure in found.items()}


def since(profits: Profits, opening: dict[Key, Figures], part: int, name: str) -> Decimal:
    """What one strategy (part 0) or instrument (part 2) made since the opening."""
    total = ZERO
    for key, net in profits.net.items():
        if key[part] == name:
            before = opening[key].net if key in opening else ZERO
            total = EXACT.add(total, EXACT.subtract(net, before))
    return total


def thinned(marks: Sequence[Mark], by: Callable[[Mark], Decimal]) -> list[Mark]:
    """No more points than can be seen: of each stretch the lowest and the highest, and the ends."""
    if len(marks) <= 2 * DRAWN:
        return list(marks)
    kept = {0, len(marks) - 1}
    for stretch in range(DRAWN):
        start = stretch * len(marks) // DRAWN
        places = range(start, (stretch + 1) * len(marks) // DRAWN)
        kept.add(min(places, key=lambda place: by(marks[place])))
        kept.add(max(places, key=lambda place: by(marks[place])))
    return [marks[place] for place in sorted(kept)]
