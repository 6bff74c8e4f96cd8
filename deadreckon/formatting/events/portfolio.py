"""Descriptions of portfolio events."""

from decimal import Decimal

from deadreckon.contracts import portfolio
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text


def position(record: Recorded[portfolio.PositionChanged], style: Style) -> str:
    """Describe a position: quantity, price, and cumulative profit and costs."""
    it = record.event
    held = (
        f"holds {style.number(it.quantity)} {it.instrument} at {style.number(it.average_price)}"
        + style.detail(f", cost {style.number(it.cost)}")
        if it.quantity
        else f"is flat in {it.instrument}"
    )
    others = "".join(
        f" and {style.number(fee)} {name}" for name, fee in sorted(it.fees_other.items())
    )
    return f"{it.strategy} {held}; " + join_parts(
        f"realised {style.money(it.realised)}",
        f"fees {style.money(it.fees)}" + (f" {it.currency}{others}" if others else ""),
        f"funding {style.number(it.funding)}" if it.funding else "",
    )


def funding(record: Recorded[portfolio.FundingPaid], style: Style) -> str:
    """Describe a funding payment."""
    it = record.event
    verb = "paid" if it.amount < 0 else "received"
    amount = f"{style.number(it.amount.copy_abs())} {it.currency}"
    at = f"on {it.instrument} at {style.percent(it.rate)}"
    return f"{it.strategy} {verb} {amount} of funding {at}"


def equity(record: Recorded[portfolio.EquityMarked], style: Style) -> str:
    """Describe equity and its parts; parts that are zero are left out."""
    it = record.event
    if style.is_short:
        return _equity(it, style)
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
    lost = f"peak {style.number(it.peak)} drawdown {style.percent(it.drawdown)}"
    missing = f"without {', '.join(it.unpriced)}" if it.unpriced else ""
    cash = _apart(it.currency, it.cash_by_currency, style)
    parts = join_parts(
        _shown(made_of, style), _shown(earned, style), lost if it.drawdown else "", cash, missing
    )
    return f"equity {style.number(it.equity)} {it.currency}: {parts}"


def _equity(mark: portfolio.EquityMarked, style: Style) -> str:
    parts = join_parts(
        f"cash {style.money(mark.cash)}",
        f"drawdown {style.percent(mark.drawdown)}",
        f"gross exposure {style.money(mark.exposure_gross)}",
    )
    return f"equity {style.money(mark.equity)} {mark.currency}: {parts}"


def _shown(parts: dict[str, Decimal], style: Style) -> str:
    return join_parts(
        *(f"{name} {style.number(amount)}" for name, amount in parts.items() if amount)
    )


def _apart(reporting: str, cash: dict[str, Decimal], style: Style) -> str:
    """Format cash by currency, where there is more than the reporting currency."""
    if not set(cash) - {reporting}:
        return ""
    return " and ".join(f"{style.number(amount)} {name}" for name, amount in sorted(cash.items()))


def deposited(record: Recorded[portfolio.CashDeposited], style: Style) -> str:
    """Describe a deposit."""
    it = record.event
    return f"deposited {style.number(it.amount)} {it.currency}: {safe_text(it.reason)}"


def withdrawn(record: Recorded[portfolio.CashWithdrawn], style: Style) -> str:
    """Describe a withdrawal."""
    it = record.event
    return f"withdrew {style.number(it.amount)} {it.currency}: {safe_text(it.reason)}"


def fee(record: Recorded[portfolio.FeeCharged], style: Style) -> str:
    """Describe a fee recorded separately from a fill, or a rebate."""
    it = record.event
    what = "charged" if it.amount >= 0 else "gave back"
    amount = f"{style.number(it.amount.copy_abs())} {it.currency}"
    about = f"{it.strategy} for {it.instrument}"
    due = f", due {style.moment(it.effective_at)}" if it.effective_at else ""
    return f"{what} {amount} of fees to {about}{due}: {safe_text(it.reason)}"


def reporting(record: Recorded[portfolio.ReportingConfigured], style: Style) -> str:
    """Describe the reporting settings: currency and how often equity is marked."""
    it = record.event
    every = f"every {style.span(it.equity_every)}" if it.equity_every else "at midnight alone"
    return f"reports in {it.currency}, equity marked {every}"
