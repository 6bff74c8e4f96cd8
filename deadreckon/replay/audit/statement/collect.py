"""Rides along on an audit and keeps, for every figure of it, the places it came from."""

from functools import partial
from typing import Any

from deadreckon.accounting.equity import Equity
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import EquityMarked, FeeCharged, FundingPaid
from deadreckon.replay.audit.audit import CONFIGURATION_EVENTS, DURING
from deadreckon.replay.audit.statement.counting import Counting
from deadreckon.replay.audit.statement.curves import Curves
from deadreckon.replay.audit.statement.evidence import Evidence, copied, event_line
from deadreckon.replay.audit.statement.executions import Execution, Executions
from deadreckon.replay.audit.statement.origin import Origin
from deadreckon.replay.audit.statement.pnl_section import PnlSources, RealisedFill
from deadreckon.replay.audit.statement.slippage import Slippage
from deadreckon.runtime.log.feed import Message

FILLS_SHOWN = 500  # fills told one by one in a statement


class Boundary:
    """Prices, and what positions were built from, at one end of the statement."""

    def __init__(self, earning: PnlSources | None = None) -> None:
        self.prices: dict[str, Recorded[Any]] = dict(earning.prices) if earning else {}
        built = earning.building if earning else {}
        self.building: dict[PositionKey, Evidence] = {
            key: copied(made) for key, made in built.items()
        }


class BookedEvent:
    """A fill, a fee or a funding payment, to be compared with what a venue says of it."""

    def __init__(self, record: Recorded[Any], *, counts: bool, earned: RealisedFill | None) -> None:
        self.record = record
        self.counts = counts
        self.realised = earned.realised if earned else None


class StatementCollector:
    """Observer of an audit (`replay/audit/audit.py`). `trades` is only kept when asked for."""

    def __init__(self, *, keeps_trades: bool = False) -> None:
        self.origin = Origin()
        self.counting = Counting()
        self.earning = PnlSources()
        self.curves = Curves()
        self.executions = Executions()
        self.slippage = Slippage()
        self.opening = Boundary()
        self.closing: Boundary | None = None
        self.fills: list[tuple[Execution, RealisedFill]] = []
        self.configured: dict[str, Recorded[Any]] = {}
        self.funding: list[Recorded[FundingPaid]] = []
        self.trades: list[BookedEvent] = []
        self.first_at: int | None = None
        self.last_at = 0
        self._keeps_trades = keeps_trades
        self._executed: dict[str, Execution] = {}  # of fills that portfolio has not lived yet

    def read(self, message: Message) -> None:
        """A message of the log, before anything is made of it."""
        self.origin.read(message)

    def heard(self, record: Recorded[Any], stage: int) -> None:
        """A fact in the order of the log; `stage` says on which side of the statement it lies."""
        counts = stage == DURING
        if counts:
            self.origin.reach()
            self.first_at = record.at if self.first_at is None else self.first_at
            self.last_at = max(self.last_at, record.at)
        if stage <= DURING:
            self.counting.fold(record, counts=counts)
        execution = self.executions.fold(record)
        if execution is not None:
            self._executed[record.id] = execution
        if isinstance(record.event, FundingPaid):
            self._funded(record, counts=counts)

    def _funded(self, record: Recorded[FundingPaid], *, counts: bool) -> None:
        if counts:
            self.funding.append(record)
        if self._keeps_trades:
            self.trades.append(BookedEvent(record, counts=counts, earned=None))

    def opens(self) -> None:
        """The statement begins with the next fact that is lived."""
        self.opening = Boundary(self.earning)

    def closes(self) -> None:
        """The statement ended with the last fact that was lived."""
        self.closing = Boundary(self.earning)

    def lived(self, record: Recorded[Any], book: Ledger, stage: int) -> None:
        """A fact that the ledger has just taken, in the order in which portfolio lived it."""
        if isinstance(record.event, CONFIGURATION_EVENTS):
            self.configured[record.id] = record
        earned = self.earning.fold(record, book, counts=stage == DURING)
        if isinstance(record.event, FeeCharged) and self._keeps_trades:
            self.trades.append(BookedEvent(record, counts=stage == DURING, earned=None))
        if isinstance(record.event, OrderFilled):
            execution = self._executed.pop(record.id, None)
            if earned and execution:
                self._fill(execution, earned, counts=stage == DURING)

    def _fill(self, execution: Execution, earned: RealisedFill, *, counts: bool) -> None:
        if self._keeps_trades:
            self.trades.append(BookedEvent(earned.record, counts=counts, earned=earned))
        if not counts:
            return
        self.slippage.add(execution, partial(event_line, earned.record))
        if len(self.fills) < FILLS_SHOWN:
            self.fills.append((execution, earned))

    def marked(self, record: Recorded[EquityMarked], equity: Equity, book: Ledger) -> None:
        """A mark that portfolio said within the statement, and what the log adds up to there."""
        self.curves.fold(record, equity.equity, book)

    def ends(self) -> Boundary:
        """Where the statement ends: at midnight, or where the log does."""
        return self.closing or Boundary(self.earning)
