"""The PnL of sealed days as a document: the JSON keys of `dr replay pnl`, in their order."""

from msgspec import Struct

from deadreckon.replay.pnl.rows import (
    InstrumentPnl,
    PnlTexts,
    PositionRow,
    StrategyPnl,
    VenuePnl,
)


class RangeEquity(Struct, frozen=True):
    """Equity at both ends of the range, and what was deposited less withdrawn between them."""

    opening: str
    deposited: str
    closing: str


class SealedRange(Struct, frozen=True):
    """A sealed range: its messages, the Merkle root over them, and the key that signed it."""

    number: int
    day: str
    first: int
    last: int
    root: str
    signed_by: str


class PnlDocument(Struct, frozen=True):
    """The PnL of a sealed day (UTC) or of all that is sealed ("all"), from the archive's columns.

    Amounts are decimal texts in the reporting currency, but `fees_by_currency`. `repeated_fills`
    were reported again and are counted once. `sealed_up_to` is the archive's last message: later
    events are not included.
    """

    book: str
    day: str
    fills: int
    repeated_fills: int
    pnl: PnlTexts
    by_strategy: list[StrategyPnl]
    by_venue: list[VenuePnl]
    by_instrument: list[InstrumentPnl]
    fees_by_currency: dict[str, str]
    positions: list[PositionRow]
    equity: RangeEquity
    unpriced: list[str]
    first_sequence: int
    last_sequence: int
    sealed_up_to: int
    ranges: list[SealedRange]
    ranges_folded: int
    fills_folded: int
