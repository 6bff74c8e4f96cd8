"""Descriptions of portfolio events."""

from decimal import Decimal

from deadreckon.contracts import portfolio
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import ShortNames
from deadreckon.formatting.exact import join_parts, moment, number, percent, safe_text, span


def position(record: Recorded[portfolio.PositionChanged], names: ShortNames) -> str:
    """Describe a position: quantity, price, and cumulative profit and costs."""
    it = record.event
    held = (
        f"holds {number(it.quantity)} {it.instrument} at {number(it.average_price)}, "
        f"cost {number(it.cost)}"
        if it.quantity
        else f"is flat in {it.instrument}"
    )
    others = "".join(f" and {number(fee)} {name}" for name, fee in sorted(it.fees_other.items()))
    return f"{it.strategy} {held}; " + join_parts(
        f"realised {number(it.realised)}",
        f"fees {number(it.fees)}" + (f" {it.currency}{others}" if others else ""),
        f"funding {number(it.funding)}" if it.funding else "",
    )


def funding(record: Recorded[portfolio.FundingPaid], names: ShortNames) -> str:
    """Describe a funding payment."""
    it = record.event
    verb = "paid" if it.amount < 0 else "received"
    amount = f"{number(it.amount.copy_abs())} {it.currency}"
    return f"{it.strategy} {verb} {amount} of funding on {it.instrument} at {percent(it.rate)}"


def equity(record: Recorded[portfolio.EquityMarked], names: ShortNames) -> str:
    """Describe equity and its parts; parts that are zero are left out."""
    it = record.event
    made_of = {
        "cash": it.cash,
        "holdings": it.holdings,
        "perpetuals": it.unrealised_perpetual,
    }
    earned = {
        "realised": it.realised,
        "unrealised": it.unrealised,
        "fees": it.fees,
        "funding": it.funding,
        "gross exposure": it.exposure_gross,
        "net": it.exposure_net,
    }
    lost = f"peak {number(it.peak)} drawdown {percent(it.drawdown)}" if it.drawdown else ""
    missing = f"without {', '.join(it.unpriced)}" if it.unpriced else ""
    cash = _apart(it.currency, it.cash_by_currency)
    parts = join_parts(_shown(made_of), _shown(earned), lost, cash, missing)
    return f"equity {number(it.equity)} {it.currency}: {parts}"


def _shown(parts: dict[str, Decimal]) -> str:
    return join_parts(*(f"{name} {number(amount)}" for name, amount in parts.items() if amount))


def _apart(reporting: str, cash: dict[str, Decimal]) -> str:
    """Format cash by currency, where there is more than the reporting currency."""
    if not set(cash) - {reporting}:
        return ""
    return " and ".join(f"{number(amount)} {name}" for name, amount in sorted(cash.items()))


def deposited(record: Recorded[portfolio.CashDeposited], names: ShortNames) -> str:
    """Describe a deposit."""
    it = record.event
    return f"deposited {number(it.amount)} {it.currency}: {safe_text(it.reason)}"


def withdrawn(record: Recorded[portfolio.CashWithdrawn], names: ShortNames) -> str:
    """Describe a withdrawal."""
    it = record.event
    return f"withdrew {number(it.amount)} {it.currency}: {safe_text(it.reason)}"


def fee(record: Recorded[portfolio.FeeCharged], names: ShortNames) -> str:
    """Describe a fee recorded separately from a fill, or a rebate."""
    it = record.event
    what = "charged" if it.amount >= 0 else "gave back"
    amount = f"{number(it.amount.copy_abs())} {it.currency}"
    about = f"{it.strategy} for {it.instrument}"
    due = f", due {moment(it.effective_at)}" if it.effective_at else ""
    return f"{what} {amount} of fees to {about}{due}: {safe_text(it.reason)}"


def reporting(record: Recorded[portfolio.ReportingConfigured], names: ShortNames) -> str:
    """Describe the reporting settings: currency and how often equity is marked."""
    it = record.event
    every = f"every {span(it.equity_every)}" if it.equity_every else "at midnight alone"
    return f"reports in {it.currency}, equity marked {every}"
