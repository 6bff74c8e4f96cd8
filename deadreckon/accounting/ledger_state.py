"""State of a ledger: positions with fees, cash, marks, rates and known trades."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.accounting.average_cost import Position
from deadreckon.accounting.money import Money
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.instruments import InstrumentListed


class Mark(Struct, frozen=True):
    """Last known price of an instrument (quote currency), and its time (ns UTC)."""

    price: Decimal
    at: int


class Holding(Struct):
    """Position of a strategy in an instrument, with its fees and funding.

    `fees` by currency (positive was paid), `funding` in quote currency (positive was received);
    both cumulative.
    """

    position: Position
    fees: dict[str, Money] = {}
    funding: Money = field(default_factory=Money)


class CurrencyAccount(Struct):
    """Cash of one currency, with cumulative totals of each kind of movement.

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
    """Ledger of a book; `ledger.evolve` updates it in place.

    Plain data. Nothing depends on the order of its dicts: a snapshot may write them sorted.
    """

    reporting: str = ""  # reporting currency; empty until configured
    newest_fill: str = ""  # id of the last recorded fill that did not repeat a trade
    listings: dict[str, InstrumentListed] = {}
    bases: dict[str, list[str]] = {}  # base currency -> instruments once listed with it
    holdings: dict[str, dict[str, Holding]] = {}  # instrument -> strategy -> holding
    accounts: dict[str, CurrencyAccount] = {}  # currency -> account
    marks: dict[str, Mark] = {}
    rates: dict[str, dict[str, Decimal]] = {}  # reporting currency -> currency -> rate
    trades: dict[str, RecentKeys[str]] = {}  # by venue: trade ids
