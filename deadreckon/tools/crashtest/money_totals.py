"""Totals of a run in money, even if requests were repeated, answered late, or never answered."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.orders import (
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitting,
)
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.contracts.venues import VenueOrderNotSent, VenueOrderRejected
from deadreckon.replay.audit.document import AuditDocument
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.log.reading import read_messages
from deadreckon.tools.crashtest.log_tally import Discrepancy
from deadreckon.venues.simulated.exchange.admin_client import GroundTruth

FillKey = tuple[str, str, str, str, str]  # order, side, quantity, price, fee


class MoneyTotals(Struct):
    """Orders by their ids, trades by theirs, and the statement's figures.

    `intents` and `refused` (those that never got into the venue's book) hold client order ids.
    """

    orders: dict[str, str] = {}  # order -> how it ended; empty while it is open
    fills: list[FillKey] = []
    trades: Counter[str] = Counter()
    intents: Counter[str] = Counter()
    refused: dict[str, bool] = {}
    deposited: Decimal = Decimal(0)
    figures: dict[str, Any] = {}
    rows: int = 0


async def total_money(bus: Bus, document: AuditDocument) -> MoneyTotals:
    """Read a log from end to end; the statement's document says what it comes to."""
    totals = MoneyTotals(trades=Counter(), intents=Counter())
    async for message in read_messages(bus):
        _fold(totals, message)
    totals.fills.sort()
    totals.figures = {
        name: getattr(document, name)
        for name in ("orders", "fills", "pnl", "by_strategy", "positions")
    }
    return totals


def _fold(totals: MoneyTotals, message: Message) -> None:
    if message.subject.service == "market":
        totals.rows += len(message.facts)
    if message.subject.is_inbound and message.subject.service == "op":
        _fold_fact(totals, message)
    for record in message.facts:
        match record.event:
            case OrderSubmitting(order_id=order_id, client_order_id=name):
                totals.orders[order_id] = ""
                totals.intents[name] += 1
            case OrderFilled() as fill:
                _fill(totals, fill)
            case OrderCancelled() | OrderExpired() | OrderRejected():
                totals.orders[record.event.order_id] = type(record.event).__name__
            case VenueOrderNotSent(client_order_id=name) | VenueOrderRejected(client_order_id=name):
                totals.refused[name] = True


def _fold_fact(totals: MoneyTotals, message: Message) -> None:
    _, _, fact = read_fact(message.subject.leaf, message.payload)
    if isinstance(fact, CashDeposited):
        totals.deposited = EXACT.add(totals.deposited, fact.amount)


def _fill(totals: MoneyTotals, fill: OrderFilled) -> None:
    amounts = (text(fill.quantity), text(fill.price), text(fill.fee))
    totals.fills.append((fill.order_id, fill.side, *amounts))
    totals.trades[fill.trade_id] += 1
    if not fill.leaves:
        totals.orders[fill.order_id] = "OrderFilled"


def compare_with_venue(totals: MoneyTotals, truth: GroundTruth) -> list[Discrepancy]:
    """Compare the log with the venue's own books, once nothing moves any more."""
    there = Counter(order["client_order_id"] for order in truth.orders)
    sent = Counter({name: n for name, n in totals.intents.items() if name not in totals.refused})
    trades = Counter(trade["trade_id"] for trade in truth.trades)
    return [
        *_both(totals, "order", sent, there),
        *_both(totals, "trade", trades, totals.trades),
        *(
            Discrepancy("doubled", totals.rows, f"the venue took {name} {count} times")
            for name, count in _taken(truth).items()
            if count > 1
        ),
        *_amounts(totals, truth),
    ]


def _both(
    totals: MoneyTotals, what: str, wanted: Counter[str], found: Counter[str]
) -> Iterator[Discrepancy]:
    for name in sorted(wanted - found):
        yield Discrepancy("lost", totals.rows, f"{what} {name} is on one side only")
    for name in sorted(found - wanted):
        yield Discrepancy(
            "doubled", totals.rows, f"{what} {name} was never meant, or is there twice"
        )


def _taken(truth: GroundTruth) -> Counter[str]:
    """Count the submissions the venue accepted, by client order id."""
    taken: Counter[str] = Counter()
    for name, asked in truth.requests.items():
        for each in asked:
            is_done = each["fault"] not in ("error_before", "drop_before", "rate_limit", "down")
            taken[name] += each["request"] == "submit" and is_done and not each["code"]
    return taken


def _amounts(totals: MoneyTotals, truth: GroundTruth) -> Iterator[Discrepancy]:
    """Yield differences in positions and open orders between the venue and the log."""
    held = {name: amount for name, amount in truth.positions.items() if amount}
    ours: dict[str, Decimal] = {}
    for position in totals.figures["positions"]:
        symbol = position.instrument.partition(".")[0]
        quantity = Decimal(position.closing_quantity)
        ours[symbol] = EXACT.add(ours.get(symbol, Decimal(0)), quantity)
    ours = {name: amount for name, amount in ours.items() if amount}
    if held != ours:
        yield Discrepancy(
            "differs", totals.rows, f"positions at the venue {held}, in the log {ours}"
        )
    still_open = [order for order, end in totals.orders.items() if not end]
    if len(still_open) != len(truth.open_orders):
        counts = f"{len(truth.open_orders)} at the venue, {len(still_open)} in the log"
        yield Discrepancy("differs", totals.rows, f"open orders: {counts}")


def compare_money(found: MoneyTotals, wanted: MoneyTotals) -> list[Discrepancy]:
    """List the differences from the undisturbed run."""
    findings = []
    if found.orders != wanted.orders:
        names = [name for name, end in found.orders.items() if wanted.orders.get(name) != end]
        names += [name for name in wanted.orders if name not in found.orders]
        findings.append(f"{len(names)} orders ended differently, {names[:1]} first")
    gone = Counter(wanted.fills) - Counter(found.fills)
    new = Counter(found.fills) - Counter(wanted.fills)
    findings += [f"fill {fill} is missing" for fill in sorted(gone)]
    findings += [f"fill {fill} is new" for fill in sorted(new)]
    for name, figure in wanted.figures.items():
        if found.figures[name] != figure:
            findings.append(f"{name}: {found.figures[name]}, undisturbed {figure}")
    return [Discrepancy("differs", found.rows, what) for what in findings]
