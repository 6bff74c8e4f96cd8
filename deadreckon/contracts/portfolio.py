"""What is held and what it is worth: positions, cash, equity, funding."""

from decimal import Decimal

from deadreckon.contracts.event import Event


class PositionChanged(Event, frozen=True):
    """A fill or funding changed a position; all figures are totals after it.

    `quantity` is signed (base units or contracts). `cost` is the signed cost basis, `average_price`
    cost per unit rounded half-even to the tick's scale plus four digits (0 when flat). `realised`
    (before fees), `fees` (paid is positive) and `funding` (received is positive) are cumulative;
    all in `currency` (the quote currency), but fees paid in other currencies are in `fees_other`,
    by currency.
    """

    strategy: str
    venue: str
    instrument: str
    quantity: Decimal
    cost: Decimal
    average_price: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    currency: str
    fees_other: dict[str, Decimal]


class FundingPaid(Event, frozen=True):
    """A position paid (negative) or received (positive) funding.

    `amount` is in `currency` (the quote currency); `rate` is the fraction of notional it was
    taken at.
    """

    strategy: str
    venue: str
    instrument: str
    amount: Decimal
    currency: str
    rate: Decimal


class EquityMarked(Event, frozen=True):
    """The book at its marks, at the set cadence; every amount in `currency` (reporting).

    `equity` = `cash` + `holdings` (spot at market value) + `unrealised_perpetual`. `unrealised`
    counts spot and perpetuals; `realised` (before fees), `fees` (paid is positive) and `funding`
    (received is positive) are cumulative. `exposure_gross` and `exposure_net` are notional at
    marks. `peak` is the highest equity marked so far, moved along by deposits and withdrawals
    since; `drawdown` is (peak - equity) / peak, rounded to 1e-9. `cash_by_currency` is each
    currency's own amount, unconverted. `unpriced` lists what had no mark or rate and is therefore
    missing from the sums.
    """

    currency: str
    equity: Decimal
    cash: Decimal
    holdings: Decimal
    unrealised_perpetual: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    exposure_gross: Decimal
    exposure_net: Decimal
    peak: Decimal
    drawdown: Decimal
    cash_by_currency: dict[str, Decimal]
    unpriced: list[str]


class CashDeposited(Event, frozen=True):
    """Money came into the book (an opening balance is one): `amount` > 0 in `currency`."""

    currency: str
    amount: Decimal
    actor: str
    reason: str


class CashWithdrawn(Event, frozen=True):
    """Money left the book: `amount` > 0 in `currency`."""

    currency: str
    amount: Decimal
    actor: str
    reason: str


class FeeCharged(Event, frozen=True, omit_defaults=True):
    """A fee learnt apart from a fill: `amount` in `currency` (negative gives back).

    `effective_at` (nanoseconds UTC) is when it was due, where that was before it became known; 0:
    when it was recorded. It is booked where it stands in the log all the same: the past is never
    edited, and "as known now" is another question (docs/replay.md).
    """

    strategy: str
    instrument: str
    amount: Decimal
    currency: str
    actor: str
    reason: str
    effective_at: int = 0


class ReportingConfigured(Event, frozen=True):
    """The book reports in `currency`, and marks its equity every `equity_every` nanoseconds."""

    currency: str
    equity_every: int
    actor: str
    reason: str
