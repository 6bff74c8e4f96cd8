"""How finely each side of a comparison writes its amounts: what lies below that is rounding."""

from collections.abc import Iterable

from deadreckon.contracts.amounts import ZERO, decimals
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.replay.audit.statement.venue_file import VenueFile
from deadreckon.replay.audit.statement.venue_matching import LoggedFill

Scales = dict[tuple[str, str], int]  # by what is compared, and its instrument or currency
EXACTLY = 40  # decimals that no amount has: nothing is below one unit of them
CENTS = 2
FUNDING_SCALE = 8  # as venues book it


def scales(
    found: VenueFile, fills: Iterable[LoggedFill], listings: dict[str, InstrumentListed]
) -> Scales:
    """Decimals of the coarser side.

    The venue's are those it writes at the most; ours, where zeros at the end are never written,
    are at least those of the instrument, and two for money. Nobody rounds a quantity but who
    writes it short: where ours is the coarser one, the venue means another quantity.
    """
    theirs = _theirs(found)
    ours = _ours(fills, listings)
    return {key: _coarser(key[0], scale, theirs.get(key[0], scale)) for key, scale in ours.items()}


def _coarser(name: str, ours: int, theirs: int) -> int:
    return EXACTLY if name == "quantity" and theirs >= ours else min(ours, theirs)


def _theirs(found: VenueFile) -> dict[str, int]:
    written: dict[str, int] = {}
    for row in found.rows:
        for column, scale in row.scales.items():
            name = row.kind if column == "amount" else column
            written[name] = max(written.get(name, 0), scale)
    return written


def _ours(fills: Iterable[LoggedFill], listings: dict[str, InstrumentListed]) -> Scales:
    ours: Scales = {}
    for fill in fills:
        record, listing = fill.record.event, listings[fill.record.event.instrument]
        quote = listing.quote_currency
        for key, least, amount in (
            (("price", record.instrument), decimals(listing.tick_size), record.price),
            (("quantity", record.instrument), decimals(listing.lot_size), record.quantity),
            (("fee", record.fee_currency), CENTS, record.fee),
            (("realised", quote), CENTS, fill.realised),
            (("funding", quote), FUNDING_SCALE, ZERO),
        ):
            ours[key] = max(ours.get(key, least), decimals(amount))
    return ours
