"""An observer of the audit that collects, for every figure, the events it comes from."""

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

FILLS_SHOWN = 500  # fills listed one by one in a statement


class Boundary:
    """The prices and the fills behind open positions at one end of the statement."""

    def __init__(self, earning: PnlSources | None = None) -> None:
        self.prices: dict[str, Recorded[Any]] = dict(earning.prices) if earning else {}
        built = earning.building if earning else {}
        self.building: dict[PositionKey, Evidence] = {
            key: copied(made) for key, made in built.items()
        }


class BookedEvent:
    """A fill, a fee or a funding payment of the log, to be compared with a venue's statement."""

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
        self._executed: dict[str, Execution] = {}  # of fills that portfolio has not handled yet

    def read(self, message: Message) -> None:
        """Take a message of the log, before its events."""
        self.origin.read(message)

    def on_event(self, record: Recorded[Any], phase: int) -> None:
        """Take an event in log order; `phase` says whether it lies before, within or after."""
        counts = phase == DURING
        if counts:
            self.origin.reach()
            self.first_at = record.at if self.first_at is None else self.first_at
            self.last_at = max(self.last_at, record.at)
        if phase <= DURING:
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

    def on_day_start(self) -> None:
        """Keep the opening end: the statement begins with the next event portfolio handles."""
        self.opening = Boundary(self.earning)

    def on_day_again(self) -> None:
        """Forget the closing end: the statement goes on."""
        self.closing = None

    def on_day_end(self) -> None:
        """Keep the closing end: the statement ended with the last event portfolio handled."""
        self.closing = Boundary(self.earning)

    def on_ledger(self, record: Recorded[Any], book: Ledger, phase: int) -> None:
        """Take an event that has just moved the ledger, in the order portfolio handled it."""
        if isinstance(record.event, CONFIGURATION_EVENTS):
            self.configured[record.id] = record
        earned = self.earning.fold(record, book, counts=phase == DURING)
        if isinstance(record.event, FeeCharged) and self._keeps_trades:
            self.trades.append(BookedEvent(record, counts=phase == DURING, earned=None))
        if isinstance(record.event, OrderFilled):
            execution = self._executed.pop(record.id, None)
            if earned and execution:
                self._fill(execution, earned, counts=phase == DURING)

    def _fill(self, execution: Execution, earned: RealisedFill, *, counts: bool) -> None:
        if self._keeps_trades:
            self.trades.append(BookedEvent(earned.record, counts=counts, earned=earned))
        if not counts:
            return
        self.slippage.add(execution, partial(event_line, earned.record))
        if len(self.fills) < FILLS_SHOWN:
            self.fills.append((execution, earned))

    def on_equity(self, record: Recorded[EquityMarked], equity: Equity, book: Ledger) -> None:
        """Take a mark of equity within the statement, and the equity that the log adds up to."""
        self.curves.fold(record, equity.equity, book)

    def ends(self) -> Boundary:
        """Return the closing end: at midnight, or where the log ends."""
        return self.closing or Boundary(self.earning)
