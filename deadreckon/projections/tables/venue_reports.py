"""Every message to and from real venues, including missing answers, in log order; a trade that
is reported twice has two rows."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueConnectionChanged,
    VenueForeignTradeReported,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueReconciled,
    VenueReportRefused,
    VenueRequestSending,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import document


class VenueReportRow(TableRow, frozen=True, array_like=True, gc=False):
    """One message to or from a venue. Quantities in base units or contracts, prices in quote
    currency."""

    venue: Annotated[str, "the venue"] = ""
    kind: Annotated[
        str,
        "sending, not_sent, unanswered, missing, accepted, rejected, trade, "
        "foreign_trade, ended, cancel_rejected, refused, reconciled or connection",
    ] = ""
    order_id: Annotated[str | None, "the order, where it is about one"] = None
    client_order_id: Annotated[str | None, "what the venue knows it by"] = None
    cause_id: Annotated[str | None, "event_id of the intent it answers, where it answers one"] = (
        None
    )
    request: Annotated[str | None, "submit or cancel"] = None
    venue_order_id: Annotated[str | None, "the venue's own name of the order"] = None
    outcome: Annotated[str | None, "how the venue ended it: cancelled or expired"] = None
    filled: Annotated[Decimal | None, "all that traded of an ended order, by its count"] = None
    trade_id: Annotated[str | None, "the venue's own name of the trade"] = None
    side: Annotated[str | None, "buy or sell"] = None
    quantity: Annotated[Decimal | None, "of the trade"] = None
    price: Annotated[Decimal | None, "of the trade"] = None
    liquidity: Annotated[str | None, "maker or taker"] = None
    fee: Annotated[Decimal | None, "of the trade; negative is a rebate"] = None
    fee_currency: Annotated[str | None, "the fee's currency"] = None
    traded_at: Annotated[int | None, "the venue's own time of the trade, nanoseconds UTC"] = None
    place: Annotated[int | None, "number of the trade among those of the venue in the log"] = None
    connected: Annotated[bool | None, "whether the venue can be reached"] = None
    orders_asked: Annotated[int | None, "how many orders a reconciliation asked about"] = None
    trades_found: Annotated[int | None, "trades that were missing in the log"] = None
    strangers: Annotated[
        str | None, "JSON list: open orders at the venue without an intent in the log"
    ] = None
    balances: Annotated[str | None, "JSON object: what the account holds, by currency"] = None
    rule: Annotated[str | None, "why it was not sent, rejected or refused, for machines"] = None
    reason: Annotated[str | None, "the same, for people"] = None
    evidence: Annotated[str | None, "the start of what could not be believed"] = None


_KINDS: dict[type[Event], str] = {
    VenueRequestSending: "sending",
    VenueOrderNotSent: "not_sent",
    VenueRequestUnanswered: "unanswered",
    VenueOrderMissing: "missing",
    VenueOrderAccepted: "accepted",
    VenueOrderRejected: "rejected",
    VenueTradeReported: "trade",
    VenueForeignTradeReported: "foreign_trade",
    VenueOrderEnded: "ended",
    VenueCancelRejected: "cancel_rejected",
    VenueReportRefused: "refused",
    VenueReconciled: "reconciled",
    VenueConnectionChanged: "connection",
}
READS = tuple(_KINDS)
_DOCUMENTS = ("strangers", "balances")
_COLUMN_OF = {"number": "place"}  # the column was named before the field was renamed


def initial() -> VenueReportRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: VenueReportRow, record: Recorded[Any]) -> VenueReportRow:
    """Return the row of a venue message: a field of the event goes into the column of its name."""
    event = record.event
    columns = {
        _COLUMN_OF.get(name, name): getattr(event, name)
        for name in type(event).__struct_fields__
        if _COLUMN_OF.get(name, name) in _BLANK.__struct_fields__
    }
    columns["trade_id"] = columns.get("trade_id") or None  # a refused report may be no trade
    for name in _DOCUMENTS:
        if name in columns:
            columns[name] = document(columns[name])
    return VenueReportRow(
        *origin(record),
        kind=_KINDS[type(event)],
        cause_id=record.cause,
        **columns,
    )


_BLANK = VenueReportRow()
