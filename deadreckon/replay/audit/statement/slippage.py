"""Slippage of the fills against their intents: money and basis points, by strategy and purpose."""

from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from msgspec import Struct, field

from deadreckon.contracts.amounts import EXACT, ZERO, ratio, to_units
from deadreckon.replay.audit.statement.evidence import Evidence
from deadreckon.replay.audit.statement.executions import BPS_SCALE, Execution

BARS = 24  # of the distribution, at the most
TAIL = 50  # one fill in so many may lie beyond either end of it
STEPS = (1, 2, 5)  # widths of its bars, times a power of ten

Group = tuple[str, str, str, str]  # strategy, purpose, benchmark, currency


class Costs(Struct):
    """The fills of one group. `since_signal` counts only those that came from a signal."""

    bps: list[int] = field(default_factory=list)  # in units of 10**-BPS_SCALE
    notional: Decimal = ZERO
    worst: Execution | None = None
    evidence: Evidence = field(default_factory=Evidence)
    since_signal: Evidence = field(default_factory=Evidence)
    beside_market: Evidence = field(default_factory=Evidence)

    def mean(self) -> Decimal | None:
        """Return the mean of the basis points, weighted by notional."""
        if not self.notional:
            return None
        total = sum(self.evidence.sums.values(), ZERO)
        return ratio(total.scaleb(4), self.notional, BPS_SCALE)

    def median(self) -> Decimal | None:
        """Return the median, or the lower of the two in the middle."""
        if not self.bps:
            return None
        middle = sorted(self.bps)[(len(self.bps) - 1) // 2]
        return Decimal(middle).scaleb(-BPS_SCALE)


class SlippageBar(Struct):
    """Fills between `low` and `high` basis points (units of 10**-BPS_SCALE, `high` excluded); null
    where the bar takes everything beyond the other one."""

    low: int | None
    high: int | None
    evidence: Evidence = field(default_factory=Evidence)


class Slippage(Struct):
    """Fold of executions into their slippage."""

    groups: dict[Group, Costs] = field(default_factory=dict)
    measured: list[tuple[int, Execution]] = field(default_factory=list)

    def add(self, execution: Execution, what: Callable[[], str]) -> None:
        """Take one fill."""
        record = execution.record
        key = (record.event.strategy, execution.purpose, execution.against, execution.currency)
        costs = self.groups.setdefault(key, Costs())
        costs.notional = EXACT.add(costs.notional, execution.notional)
        costs.evidence.add(record, what, execution.cost, execution.currency)
        costs.beside_market.add(record, what, execution.beside_market, execution.currency)
        if execution.since_signal is not None:
            costs.since_signal.add(record, what, execution.since_signal, execution.currency)
        if execution.bps is None:
            return
        units = to_units(execution.bps, BPS_SCALE)
        costs.bps.append(units)
        self.measured.append((units, execution))
        if costs.worst is None or costs.worst.bps is None or execution.bps > costs.worst.bps:
            costs.worst = execution

    def bars(self, what: Callable[[Execution], str]) -> list[SlippageBar]:
        """Return the distribution over all fills in bars of one round width; outliers, at most one
        in fifty on either side, are in an open bar."""
        if not self.measured:
            return []
        found = sorted(units for units, _ in self.measured)
        tail = len(found) // TAIL
        low, high = found[tail], found[-1 - tail]
        width = _width(high - low)
        edges = list(range(low // width * width, high + width, width))
        bars = [SlippageBar(edge, edge + width) for edge in edges[: max(1, len(edges) - 1)]]
        edges = [bar.low or 0 for bar in bars]
        if found[0] < edges[0]:
            bars.insert(0, SlippageBar(None, edges[0]))
        if found[-1] >= (end := edges[-1] + width):
            bars.append(SlippageBar(end, None))
        starts = [bar.low if bar.low is not None else found[0] for bar in bars]
        for units, execution in self.measured:
            bar = bars[bisect_right(starts, units) - 1]
            bar.evidence.add(execution.record, partial(what, execution))
        return bars


def _width(spread: int) -> int:
    scale = 1
    while True:
        for step in STEPS:
            if spread // (step * scale) < BARS - 1:
                return step * scale
        scale *= 10
