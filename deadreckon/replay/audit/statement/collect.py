"""Rides along on an audit and keeps, for every figure of it, the places it came from."""

from functools import partial
from typing import Any

from deadreckon.accounting.equity import Equity
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import Key
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import EquityMarked, FeeCharged, FundingPaid
from deadreckon.replay.audit.audit import CONFIGURING, DURING
from deadreckon.replay.audit.statement.counting import Counting
from deadreckon.replay.audit.statement.curves import Curves
from deadreckon.replay.audit.statement.event_lines import tell
from deadreckon.replay.audit.statement.evidence import Evidence, copied
from deadreckon.replay.audit.statement.executions import Execution, Executions
from deadreckon.replay.audit.statement.origin import Origin
from deadreckon.replay.audit.statement.pnl_section import Earned, Earning
from deadreckon.replay.audit.statement.slippage import Slippage
from deadreckon.runtime.log.feed import Message

FILLS_SHOWN = 500  # fills told one by one in a statement


class Ends:
    """Prices, and what positions were built from, at one end of the statement."""

    def __init__(self, earning: Earning | None = None) -> None:
        self.prices: dict[str, Recorded[Any]] = dict(earning.prices) if earning else {}
        built = earning.building if earning else {}
        self.building: dict[Key, Evidence] = {key: copied(made) for key, made in built.items()}


class Trade:
    """A fill, a fee or a funding payment, to be compared with what a venue says of it."""

    def __init__(self, said: Recorded[Any], *, counts: bool, earned: Earned | None) -> None:
        self.said = said
        self.counts = counts
        self.realised = earned.realised if earned else None


class Gathering:
    """Observer of an audit (`replay/audit/audit.py`). `trades` is only kept when asked for."""

    def __init__(self, *, keeps_trades: bool = False) -> None:
        self.origin = Origin()
        self.counting = Counting()
        self.earning = Earning()
        self.curves = Curves()
        self.executions = Executions()
        self.slippage = Slippage()
        self.opening = Ends()
        self.closing: Ends | None = None
        self.fills: list[tuple[Execution, Earned]] = []
        self.configured: dict[str, Recorded[Any]] = {}
        self.funding: list[Recorded[FundingPaid]] = []
        self.trades: list[Trade] = []
        self.first_at: int | None = None
        self.last_at = 0
        self._keeps_trades = keeps_trades
        self._executed: dict[str, Execution] = {}  # of fills that portfolio has not lived yet

    def read(self, message: Message) -> None:
        """A message of the log, before anything is made of it."""
        self.origin.read(message)

    def heard(self, said: Recorded[Any], stage: int) -> None:
        """A fact in the order of the log; `stage` says on which side of the statement it lies."""
        counts = stage == DURING
        if counts:
            self.origin.reach()
            self.first_at = said.at if self.first_at is None else self.first_at
            self.last_at = max(self.last_at, said.at)
        if stage <= DURING:
            self.counting.fold(said, counts=counts)
        execution = self.executions.fold(said)
        if execution is not None:
            self._executed[said.id] = execution
        if isinstance(said.event, FundingPaid):
            self._funded(said, counts=counts)

    def _funded(self, said: Recorded[FundingPaid], *, counts: bool) -> None:
        if counts:
            self.funding.append(said)
        if self._keeps_trades:
            self.trades.append(Trade(said, counts=counts, earned=None))

    def opens(self) -> None:
        """The statement begins with the next fact that is lived."""
        self.opening = Ends(self.earning)

    def closes(self) -> None:
        """The statement ended with the last fact that was lived."""
        self.closing = Ends(self.earning)

    def lived(self, said: Recorded[Any], book: Ledger, stage: int) -> None:
        """A fact that the ledger has just taken, in the order in which portfolio lived it."""
        if isinstance(said.event, CONFIGURING):
            self.configured[said.id] = said
        earned = self.earning.fold(said, book, counts=stage == DURING)
        if isinstance(said.event, FeeCharged) and self._keeps_trades:
            self.trades.append(Trade(said, counts=stage == DURING, earned=None))
        if isinstance(said.event, OrderFilled):
            execution = self._executed.pop(said.id, None)
            if earned and execution:
                self._fill(execution, earned, counts=stage == DURING)

    def _fill(self, execution: Execution, earned: Earned, *, counts: bool) -> None:
        if self._keeps_trades:
            self.trades.append(Trade(earned.said, counts=counts, earned=earned))
        if not counts:
            return
        self.slippage.add(execution, partial(tell, earned.said))
        if len(self.fills) < FILLS_SHOWN:
            self.fills.append((execution, earned))

    def marked(self, said: Recorded[EquityMarked], equity: Equity, book: Ledger) -> None:
        """A mark that portfolio said within the statement, and what the log adds up to there."""
        self.curves.fold(said, equity.equity, book)

    def ends(self) -> Ends:
        """Where the statement ends: at midnight, or where the log does."""
        return self.closing or Ends(self.earning)
