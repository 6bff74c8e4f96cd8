"""Compares a venue's own statement with the log, and splits what differs into its parts.

Money is what each trade moved (the notional, signed, less its fee) and each funding; of a list of
income, realised profit less fees, with funding.
"""

from collections.abc import Iterable
from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.portfolio import FeeCharged, FundingPaid
from deadreckon.replay.audit.statement.collect import BookedEvent
from deadreckon.replay.audit.statement.venue_booking import VenueComparison, VenueReconciliation
from deadreckon.replay.audit.statement.venue_file import VenueFile
from deadreckon.replay.audit.statement.venue_funding import compare_funding
from deadreckon.replay.audit.statement.venue_incomes import compare_incomes, compare_totals
from deadreckon.replay.audit.statement.venue_matching import fills_of, matched
from deadreckon.replay.audit.statement.venue_trades import compare_trades


def compared(
    found: VenueFile,
    trades: Iterable[BookedEvent],
    listings: dict[str, InstrumentListed],
    venue: str,
    day: str,
) -> VenueComparison:
    """Compare a file with what the log has of a venue, on a day or ("all") as a whole."""
    kept = list(trades)
    fills = fills_of(kept, venue)
    booking = VenueReconciliation(found, fills, listings, venue, day)
    apart = [trade.record for trade in kept if trade.counts and _is_at(trade, listings, venue)]
    fees = [record.event for record in apart if isinstance(record.event, FeeCharged)]
    charged = [(fee.currency, EXACT.minus(fee.amount)) for fee in fees]
    if found.incomes:
        compare_incomes(booking, charged)
    else:
        compare_trades(booking, matched(found, fills, booking.symbols, day))
        _fees_apart(booking, charged)
    compare_funding(booking, [record for record in apart if isinstance(record.event, FundingPaid)])
    for row in booking.rows("other"):
        key = (row.type, row.currency)
        booking.result.left_out.setdefault(key, []).append(row.amount or ZERO)
    return booking.result


def _fees_apart(booking: VenueReconciliation, charged: list[tuple[str, Decimal]]) -> None:
    """Fees that came with no trade stand in lines of their own, which not every list has."""
    if charged and "type" not in booking.file.columns:
        booking.result.not_compared.append("fees without a trade: the file has no lines of them")
        return
    compare_totals(booking, "fee", booking.rows("fee"), charged)


def _is_at(trade: BookedEvent, listings: dict[str, InstrumentListed], venue: str) -> bool:
    listing = listings.get(trade.record.event.instrument)
    return listing is not None and listing.venue == venue
