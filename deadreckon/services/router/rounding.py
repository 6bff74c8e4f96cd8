"""Rounding to a venue's steps, and splitting of large orders; never beyond what was ordered."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ROUNDING, product, round_down, round_up
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed

# Beyond it children grow instead of multiplying: one approval has to fit into one commit.
CHILDREN_MAX = 100


def limit_price(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """Round a limit price so as never to pay more or take less: down for a buy, up for a sell."""
    return round_down(price, tick) if side == "buy" else round_up(price, tick)


def entry_stop(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """Round an entry stop so that it never triggers early: a buy's goes up, a sell's down."""
    return round_up(price, tick) if side == "buy" else round_down(price, tick)


def exit_stop(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """Round a protective stop so that it never triggers late: a sell's up, a buy's down."""
    return round_up(price, tick) if side == "sell" else round_down(price, tick)


def whole_lots(quantity: Decimal, listed: InstrumentListed) -> int:
    """Return the lots in a quantity (base units or contracts), rounded down."""
    return int(ROUNDING.divide_int(quantity, listed.lot_size))


def affordable_lots(notional: Decimal, price: Decimal, listed: InstrumentListed) -> int:
    """Return the lots that a notional (quote currency) pays for at a price, rounded down."""
    return int(ROUNDING.divide_int(notional, _lot_value(price, listed)))


def least_lots(price: Decimal, listed: InstrumentListed) -> int:
    """Return the fewest lots that the venue takes as one order at this price."""
    by_quantity = _ceiling(listed.minimum_quantity, listed.lot_size)
    by_notional = _ceiling(listed.minimum_notional, _lot_value(price, listed))
    return max(1, by_quantity, by_notional)


def quantity_of(lots: int, listed: InstrumentListed) -> Decimal:
    """Return the quantity (base units or contracts) of whole lots."""
    return product(Decimal(lots), listed.lot_size)


def notional_of(lots: int, price: Decimal, listed: InstrumentListed) -> Decimal:
    """Compute the exact notional (quote currency) of whole lots at a price."""
    return product(Decimal(lots), _lot_value(price, listed))


def _lot_value(price: Decimal, listed: InstrumentListed) -> Decimal:
    return EXACT.multiply(EXACT.multiply(price, listed.contract_size), listed.lot_size)


def _ceiling(amount: Decimal, step: Decimal) -> int:
    steps, rest = ROUNDING.divmod(amount, step)
    return int(steps) + bool(rest)


def children_of(lots: int, most: int, least: int) -> list[int]:
    """Return the lots of each child: as few children as keep each at `most`, none under `least`.

    >>> children_of(10, most=4, least=1), children_of(10, most=4, least=5)
    ([4, 3, 3], [5, 5])
    """
    wanted = -(-lots // max(1, most))
    return shares(lots, max(1, min(wanted, lots // least, CHILDREN_MAX)))


def shares(total: int, parts: int) -> list[int]:
    """Split `total` into `parts` as evenly as whole numbers can be, the greater ones first."""
    least, rest = divmod(total, parts)
    return [least + 1] * rest + [least] * (parts - rest)
