"""The book at its marks, at the set cadence."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import document

READS = (EquityMarked,)


class EquityRow(TableRow, frozen=True, array_like=True, gc=False):
    """One mark of the book; every amount in `currency`."""

    currency: Annotated[str, "the reporting currency"] = ""
    equity: Annotated[Decimal, "cash + holdings + unrealised_perpetual"] = Decimal(0)
    cash: Annotated[Decimal, "all cash, converted"] = Decimal(0)
    holdings: Annotated[Decimal, "spot positions at market value"] = Decimal(0)
    unrealised_perpetual: Annotated[Decimal, "unrealised PnL of perpetuals"] = Decimal(0)
    realised: Annotated[Decimal, "realised so far, before fees and funding"] = Decimal(0)
    unrealised: Annotated[Decimal, "unrealised PnL, spot and perpetuals"] = Decimal(0)
    fees: Annotated[Decimal, "fees paid so far"] = Decimal(0)
    funding: Annotated[Decimal, "funding received (negative: paid) so far"] = Decimal(0)
    exposure_gross: Annotated[Decimal, "sum of absolute notionals at marks"] = Decimal(0)
    exposure_net: Annotated[Decimal, "sum of signed notionals at marks"] = Decimal(0)
    peak: Annotated[Decimal, "highest equity so far"] = Decimal(0)
    drawdown: Annotated[Decimal, "(peak - equity) / peak, a fraction"] = Decimal(0)
    cash_by_currency: Annotated[str, "JSON object: cash in each currency, not converted"] = "{}"
    unpriced: Annotated[str, "JSON array: what had no mark or rate and is not in the sums"] = "[]"


def initial() -> EquityRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: EquityRow, record: Recorded[Any]) -> EquityRow:
    """Return the row of an equity mark."""
    event: EquityMarked = record.event
    return EquityRow(
        *origin(record),
        currency=event.currency,
        equity=event.equity,
        cash=event.cash,
        holdings=event.holdings,
        unrealised_perpetual=event.unrealised_perpetual,
        realised=event.realised,
        unrealised=event.unrealised,
        fees=event.fees,
        funding=event.funding,
        exposure_gross=event.exposure_gross,
        exposure_net=event.exposure_net,
        peak=event.peak,
        drawdown=event.drawdown,
        cash_by_currency=document(event.cash_by_currency),
        unpriced=document(event.unpriced),
    )


_BLANK = EquityRow()
