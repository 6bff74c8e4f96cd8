"""Bounds of a variant's PnL: what the record supports, and what only paper matching gives."""

import copy
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PnlFigures, figures, total
from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.whatif.outcome import RunOutcome
from deadreckon.replay.whatif.supported_fills import (
    capped_exits,
    confirmed_quantities,
    cut,
    known,
    traded,
)


class Bounds(Struct, frozen=True):
    """A variant's difference in PnL, in two ways; amounts in the reporting currency.

    `recorded` is the record without the fills that the change takes away: nothing in it is assumed.
    `paper` is the variant less the same replay without a change: all of it is matched on paper.
    `paper` = `recorded` + `assumed` + `terms`, where `assumed` is the part of fills that neither
    the record nor its replay has, and `terms` that of other prices and fees (and of what the record
    and its replay differ by). `left_open` is the notional, at the last marks, by which positions
    without the fills that are taken away end differently from the recorded ones: the less, the more
    `recorded` says. `share` is |assumed| / (|recorded| + |assumed| + |terms|).
    """

    recorded: Decimal
    paper: Decimal
    assumed: Decimal
    terms: Decimal
    share: Decimal
    left_open: Decimal
    assumed_fills: int
    assumed_orders: int
    assumed_notional: Decimal

    @property
    def low(self) -> Decimal:
        """The lesser of both."""
        return min(self.recorded, self.paper)

    @property
    def high(self) -> Decimal:
        """The greater of both."""
        return max(self.recorded, self.paper)


def bounds(
    opening: Ledger, record: RunOutcome, baseline: RunOutcome, variant: RunOutcome
) -> Bounds:
    """Weigh a variant. `opening` is the ledger at the beginning; it stays as it is."""
    as_recorded = after(opening, record, record.moves)
    left = cut(record.moves, confirmed_quantities(record, baseline, variant))
    kept = after(opening, record, capped_exits(left, record, opening))
    varied = gained(opening, variant, variant.moves)
    unchanged = known(record, baseline, variant)
    certain = gained(opening, variant, cut(variant.moves, unchanged))
    recorded = EXACT.subtract(net(kept), net(as_recorded))
    paper = EXACT.subtract(varied, gained(opening, baseline, baseline.moves))
    assumed = EXACT.subtract(varied, certain)
    rest = EXACT.subtract(EXACT.subtract(paper, recorded), assumed)
    orders = [name for name, fills in variant.fills.items() if unchanged[name] < traded(fills)]
    fills, notional = _assumed(variant, orders, unchanged, opening)
    size = assumed.copy_abs()
    moved = EXACT.add(EXACT.add(recorded.copy_abs(), size), rest.copy_abs())
    return Bounds(
        recorded=canonical(recorded),
        paper=canonical(paper),
        assumed=canonical(assumed),
        terms=canonical(rest),
        left_open=_apart(kept, as_recorded),
        share=ratio(size, moved, 4) if moved else ZERO,
        assumed_fills=fills,
        assumed_orders=len(orders),
        assumed_notional=notional,
    )


def gained(opening: Ledger, run: RunOutcome, moves: Iterable[Recorded[Any]]) -> Decimal:
    """Return the net PnL from the opening ledger to the run's last marks, by the book's own
    accounting."""
    return EXACT.subtract(net(after(opening, run, moves)), net(opening))


def after(opening: Ledger, run: RunOutcome, moves: Iterable[Recorded[Any]]) -> Ledger:
    """Return the ledger after these moves; the opening one stays as it is."""
    book = copy.deepcopy(opening)
    for record in (*moves, *run.marks.values()):
        book = ledger.evolve(book, record)
    return book


def net(book: Ledger) -> Decimal:
    """Return realised + unrealised - fees + funding of everything held."""
    summed: PnlFigures = total(figures(book).values())
    return summed.net


def _apart(one: Ledger, other: Ledger) -> Decimal:
    """Return the worth of what is held in one ledger and not in the other, at the same marks."""
    worth = ZERO
    for (strategy, _, instrument), _ in ledger.positions(other):
        quantities = (ledger.held(book, strategy, instrument) for book in (one, other))
        apart = EXACT.subtract(*quantities).copy_abs()
        worth = EXACT.add(worth, ledger.notional(other, instrument, apart) or ZERO)
    return canonical(worth)


def _assumed(
    variant: RunOutcome, orders: list[str], unchanged: dict[str, Decimal], opening: Ledger
) -> tuple[int, Decimal]:
    """Return how many fills are assumed, wholly or in part, and their worth."""
    book = after(opening, variant, variant.moves)
    count, worth = 0, ZERO
    for order_id in orders:
        left = unchanged[order_id]
        for record in variant.fills[order_id]:
            fill: OrderFilled = record.event
            beyond = max(EXACT.subtract(fill.quantity, left), ZERO)
            left = max(EXACT.subtract(left, fill.quantity), ZERO)
            if beyond:
                count += 1
                value = ledger.notional(book, fill.instrument, beyond, fill.price)
                worth = EXACT.add(worth, value or ZERO)
    return count, canonical(worth)
