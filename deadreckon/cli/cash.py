"""`dr cash`: deposits, withdrawals, fees, funding and the reporting currency."""

from typing import Annotated

from cyclopts import App, Parameter
from msgspec import to_builtins

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.operator_facts import Amount, SignedAmount, in_force, print_block, publish
from deadreckon.cli.options import CommandOptions, LogOptions, Seconds, absolute

cash = App(name="cash", help="Show, deposit and withdraw cash. Example: dr cash show --data run1")

Effective = Annotated[
    str | None,
    Parameter(
        allow_leading_hyphen=True,
        help="When it was due: RFC 3339, or 2h for two hours ago; now by default.",
    ),
]


@cash.command(name="show")
def show(*, options: LogOptions = LogOptions()) -> None:
    """Print deposits and withdrawals, as recorded.

    Example: dr cash show --data run1
    """
    from deadreckon.contracts.portfolio import CashDeposited

    moves = in_force(options.data, options.nats).cash_moves
    kinds = ["deposit" if isinstance(move, CashDeposited) else "withdrawal" for move in moves]
    if options.json:
        rows = [{"kind": kind} | to_builtins(move) for kind, move in zip(kinds, moves, strict=True)]
        print_document(rows)
        return
    for kind, move in zip(kinds, moves, strict=True):
        print_block(move, kind=kind)


@cash.command(name="deposit")
def deposit(currency: str, amount: Amount, *, options: CommandOptions) -> None:
    """Deposit money into the book; an opening balance is a deposit.

    Example: dr cash deposit USDT 100000 --actor ann --reason "opening balance"
    """
    from deadreckon.contracts.portfolio import CashDeposited

    publish(CashDeposited(currency, amount, options.actor, options.reason), options)


@cash.command(name="withdraw")
def withdraw(currency: str, amount: Amount, *, options: CommandOptions) -> None:
    """Withdraw money from the book.

    Example: dr cash withdraw USDT 500 --actor ann --reason "payout"
    """
    from deadreckon.contracts.portfolio import CashWithdrawn

    publish(CashWithdrawn(currency, amount, options.actor, options.reason), options)


@cash.command(name="fee")
def fee(
    currency: str,
    amount: SignedAmount,
    *,
    strategy: str,
    instrument: str,
    effective: Effective = None,
    options: CommandOptions,
) -> None:
    """Book a fee that no fill reported; a negative amount is a refund.

    It changes the book from now on. `dr replay asof` also shows it at the time it was due.

    Example: dr cash fee USDT 1.25 --strategy ext --instrument BTCUSDT.PAPER
    --effective 2026-11-20T12:00:00Z --actor ann --reason "invoice 17"

    Parameters
    ----------
    strategy
        The strategy that pays it.
    instrument
        The instrument of the position it belongs to.
    """
    from deadreckon.contracts.portfolio import FeeCharged

    due = _nanoseconds(effective)
    signed = (options.actor, options.reason)
    publish(FeeCharged(strategy, instrument, amount, currency, *signed, due), options)


@cash.command(name="funding")
def funding(
    instrument: str,
    rate: SignedAmount,
    mark: Amount,
    *,
    effective: Effective = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Record a funding rate that the market feed missed: longs pay RATE x notional at MARK.

    It is booked on what is held now. `dr replay asof` also shows it at the time it was due.

    Example: dr cash funding BTCUSDT.PAPER 0.0001 50000 --effective 2026-11-20T08:00:00Z
    """
    from deadreckon.contracts.market import FundingRatePublished

    publish(FundingRatePublished(instrument, rate, mark, _nanoseconds(effective)), options)


@cash.command(name="report")
def report(currency: str, *, every: Seconds = 3600, options: CommandOptions) -> None:
    """Set the reporting currency, and how often equity is marked.

    Example: dr cash report USDT --every 1h --actor ann --reason "opening"

    Parameters
    ----------
    every
        Event time between two marks of equity: seconds, or 1h.
    """
    from deadreckon.contracts.event import NANOSECONDS
    from deadreckon.contracts.portfolio import ReportingConfigured

    interval = int(every * NANOSECONDS)
    publish(ReportingConfigured(currency, interval, options.actor, options.reason), options)


def _nanoseconds(text: str | None) -> int:
    """Parse a time to nanoseconds UTC; 0 without one."""
    from deadreckon.contracts.timestamps import parse_timestamp

    if text is None:
        return 0
    try:
        return parse_timestamp(absolute(text))
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
