"""Every cash movement outside trades: deposits, withdrawals, late fees and funding."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, FeeCharged, FundingPaid
from deadreckon.projections.columns import TableRow, origin

READS = (CashDeposited, CashWithdrawn, FeeCharged, FundingPaid)


class CashRow(TableRow, frozen=True, array_like=True, gc=False):
    """One movement; positive amounts came into the book."""

    kind: Annotated[str, "deposit, withdrawal, fee or funding"] = ""
    currency: Annotated[str, "currency of the amount"] = ""
    amount: Annotated[Decimal, "signed: positive came into the book"] = Decimal(0)
    strategy: Annotated[str | None, "strategy charged or paid"] = None
    instrument: Annotated[str | None, "on which position"] = None
    rate: Annotated[Decimal | None, "funding rate, a fraction of notional"] = None
    actor: Annotated[str | None, "the person, where one acted"] = None
    reason: Annotated[str, "why, for people"] = ""


def initial() -> CashRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: CashRow, record: Recorded[Any]) -> CashRow:
    """Return the row of a cash movement."""
    match record.event:
        case CashDeposited() as moved:
            return _moved(record, "deposit", moved.amount)
        case CashWithdrawn() as moved:
            return _moved(record, "withdrawal", EXACT.minus(moved.amount))
        case FeeCharged() as fee:
            return _moved(
                record,
                "fee",
                EXACT.minus(fee.amount),
                strategy=fee.strategy,
                instrument=fee.instrument,
            )
        case FundingPaid() as paid:
            return CashRow(
                *origin(record),
                kind="funding",
                currency=paid.currency,
                amount=paid.amount,
                strategy=paid.strategy,
                instrument=paid.instrument,
                rate=paid.rate,
            )
        case _:
            return row


def _moved(record: Recorded[Any], kind: str, amount: Decimal, **more: Any) -> CashRow:
    return CashRow(
        *origin(record),
        kind=kind,
        currency=record.event.currency,
        amount=canonical(amount),
        actor=record.event.actor,
        reason=record.event.reason,
        **more,
    )


_BLANK = CashRow()
