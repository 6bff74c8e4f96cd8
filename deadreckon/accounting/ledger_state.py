"""State of a ledger: positions with fees, cash, marks, rates and known trades."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.money import Money
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.instruments import InstrumentListed


class Mark(Struct, frozen=True):
    """The last known price of an instrument (quote currency) and when it was known (ns UTC)."""

    price: Decimal
    at: int


class Holding(Struct):
    """A strategy's position in an instrument, and what came with it.

    `fees` by currency (positive was paid), `funding` in quote currency (positive was received);
    both cumulative.
    """

    position: Position
    fees: dict[str, Money] = {}
    funding: Money = field(default_factory=Money)


class CurrencyAccount(Struct):
    """The cash of one currency, and every way in which it moved; all cumulative.

    Without spot trades cash == deposited - withdrawn + realised - fees + funding; a spot trade
    also turns cash into cost.
    """

    cash: Money = field(default_factory=Money)
    deposited: Money = field(default_factory=Money)
    withdrawn: Money = field(default_factory=Money)
    realised: Money = field(default_factory=Money)
    fees: Money = field(default_factory=Money)
    funding: Money = field(default_factory=Money)


class Ledger(Struct):
    """A book's whole portfolio; `ledger.evolve` moves it in place.

    Plain data, and nothing depends on the order of its dicts: a snapshot may write them sorted.
    """

    reporting: str = ""  # reporting currency; empty until someone configures it
    newest_fill: str = ""  # id of the last recorded fill that was no repetition
    listings: dict[str, InstrumentListed] = {}
    bases: dict[str, list[str]] = {}  # base currency -> instruments once listed with it
    holdings: dict[str, dict[str, Holding]] = {}  # instrument -> strategy -> holding
    accounts: dict[str, CurrencyAccount] = {}  # currency -> account
    marks: dict[str, Mark] = {}
    rates: dict[str, dict[str, Decimal]] = {}  # reporting currency -> currency -> rate
    trades: dict[str, RecentKeys[str]] = {}  # by venue: trade ids
