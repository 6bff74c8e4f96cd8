"""Live view of the book for dashboards: current figures and the latest activity."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.halts import Halt, in_force
from deadreckon.accounting.ledger_state import Holding
from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.projections.live_view.folds import FOLDS
from deadreckon.projections.live_view.lines import LiveOrder, LiveView

encode_live_view = msgspec.json.Encoder(decimal_format="string").encode


class BookFigures(Struct, frozen=True):
    """Figures of the book at current marks, in the reporting currency.

    `earned` is equity beyond what was deposited, `earned_share` that as a fraction of it.
    `drawdown` is a fraction of the highest equity that was marked.
    """

    equity: Decimal
    cash: Decimal
    exposure_gross: Decimal
    earned: Decimal
    earned_share: Decimal
    drawdown: Decimal
    currency: str


class LivePosition(Struct, frozen=True):
    """A strategy's holding: signed `quantity` (base units or contracts), everything else in the
    quote currency. `mark` and `unrealised` are None before the first price."""

    strategy: str
    instrument: str
    quantity: Decimal
    average_price: Decimal
    mark: Decimal | None
    unrealised: Decimal | None
    realised: Decimal


class LiveViewFold:
    """The live view folded from the log, in memory; `sequence` is the last message folded."""

    def __init__(self) -> None:
        self.board = initial()
        self.sequence = 0

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Fold the events of one message."""
        for record in facts:
            evolve(self.board, record)
        self.sequence = sequence

    def written(self) -> bytes:
        """Encode the live view for a snapshot."""
        return encode_live_view(self.board)

    def restore(self, written: bytes) -> None:
        """Restore the state that `encoded` returned."""
        self.board = msgspec.json.decode(written, type=LiveView)


def initial() -> LiveView:
    """Return the state before the first event."""
    return LiveView()


def evolve(board: LiveView, record: Recorded[Any]) -> LiveView:
    """Fold one event, in place; returns the same object."""
    board.events += 1
    board.sequence = record.sequence
    if record.at > board.at:
        board.at = record.at
    ledger.evolve(board.book, record)
    fold = FOLDS.get(type(record.event))
    if fold is not None:
        fold(board, record)
    return board


def book_figures(board: LiveView) -> BookFigures:
    """Compute the book's figures at its last event."""
    now = ledger.equity(board.book)
    deposits = ledger.net_deposits(board.book)
    earned = canonical(EXACT.subtract(now.equity, deposits))
    peak = max(board.marked.peak if board.marked else ZERO, now.equity)
    return BookFigures(
        equity=now.equity,
        cash=now.cash,
        exposure_gross=now.exposure_gross,
        earned=earned,
        earned_share=ratio(earned, deposits) if deposits > 0 else ZERO,
        drawdown=ratio(EXACT.subtract(peak, now.equity), peak) if peak > 0 else ZERO,
        currency=board.book.reporting,
    )


def positions(board: LiveView) -> list[LivePosition]:
    """List every position ever held, flat ones last."""
    found = [_position(board, key, held) for key, held in ledger.holdings(board.book)]
    return sorted(found, key=lambda position: not position.quantity)


def _position(board: LiveView, key: ledger.PositionKey, held: Holding) -> LivePosition:
    strategy, _, instrument = key
    price = ledger.mark(board.book, instrument)
    return LivePosition(
        strategy=strategy,
        instrument=instrument,
        quantity=average_cost.quantity(held.position),
        average_price=average_cost.average_price(held.position),
        mark=price.price if price else None,
        unrealised=average_cost.unrealised(held.position, price.price) if price else None,
        realised=average_cost.realised(held.position),
    )


def latest_orders(board: LiveView, most: int) -> list[LiveOrder]:
    """List the latest submitted orders, open or ended, newest first."""
    known = [*board.ended_orders, *board.open_orders.values()]
    return sorted(known, key=lambda order: order.number, reverse=True)[:most]


def halts_in_force(board: LiveView) -> list[Halt]:
    """List the halts in force, oldest first."""
    return list(in_force(board.halts, board.at).values())
