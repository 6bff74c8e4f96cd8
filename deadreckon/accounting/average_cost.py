"""Positions after a fill: average cost in exact integers, for spot and linear perpetuals.

A position counts in units: quantity in 10**-quantity_scale (base units or contracts), prices in
10**-price_scale (quote currency per base unit), contract in 10**-contract_scale (base units per
contract). A value (cost, realised, notional) is a product of the three, so it is an integer of
10**-value_scale in quote currency, where value_scale is the sum of the three scales.

Risk, portfolio, audit and backtest all use this one definition of cost and profit.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import (
    EXACT,
    ROUNDING,
    SCALE_MAX,
    canonical,
    decimals,
    divide_half_even,
    from_units,
    to_units,
)
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed

AVERAGE_DIGITS = 4  # an average price shows four digits more than the price scale


class Position(Struct, frozen=True, gc=False):
    """A signed quantity with its cost: long both positive, short both negative, flat both 0.

    `realised` is cumulative, before fees and funding. The module's docstring gives the units.
    """

    quantity: int = 0
    cost: int = 0
    realised: int = 0
    price_scale: int = 0
    quantity_scale: int = 0
    contract: int = 1
    contract_scale: int = 0

    @property
    def value_scale(self) -> int:
        """Decimals of cost and realised (quote currency)."""
        return self.price_scale + self.quantity_scale + self.contract_scale


def flat(listing: InstrumentListed) -> Position:
    """Return an empty position in the scales of an instrument's tick, lot and contract."""
    contract_scale = decimals(listing.contract_size)
    return Position(
        price_scale=decimals(listing.tick_size),
        quantity_scale=decimals(listing.lot_size),
        contract=to_units(listing.contract_size, contract_scale),
        contract_scale=contract_scale,
    )


def apply_fill(position: Position, side: Side, quantity: int, price: int) -> Position:
    """Return the position after a fill of `quantity` > 0 at `price`, in the position's units.

    Average cost method (IAS 2.27 calls it weighted average cost): a fill that adds to a position
    adds its notional, quantity x price x contract, to the cost, exactly. A fill that reduces it
    releases cost x reduced / quantity, rounded half-even to one unit of value; the remainder
    stays in the cost, so nothing is lost, and a position that closes releases all of it. A fill
    larger than the position closes it and opens the other side at the same price.

    For every fill: signed notional == change of cost - change of realised. Raises ValueError
    when `quantity` is not positive.
    """
    if quantity <= 0:
        raise ValueError(f"a fill's quantity is more than 0, found {quantity} units")
    signed = quantity if side == "buy" else -quantity
    notional = signed * price * position.contract
    held = position.quantity
    after = held + signed
    if not held or (held > 0) == (signed > 0):
        cost = position.cost + notional
    elif not after:
        cost = 0
    elif (after > 0) == (held > 0):
        cost = position.cost - divide_half_even(position.cost * quantity, abs(held))
    else:
        cost = after * price * position.contract
    return Position(
        after,
        cost,
        position.realised + cost - position.cost - notional,
        position.price_scale,
        position.quantity_scale,
        position.contract,
        position.contract_scale,
    )


def apply_trade(position: Position, side: Side, quantity: Decimal, price: Decimal) -> Position:
    """Apply a fill of Decimal amounts; widens the position's scales for finer ones."""
    return apply_fitting(widened(position, quantity, price), side, quantity, price)


def apply_fitting(position: Position, side: Side, quantity: Decimal, price: Decimal) -> Position:
    """Apply a fill of Decimal amounts that fit the position's scales (see `widened`)."""
    return apply_fill(
        position,
        side,
        to_units(quantity, position.quantity_scale),
        to_units(price, position.price_scale),
    )


def widened(position: Position, quantity: Decimal, price: Decimal) -> Position:
    """Return the position in scales fine enough for a fill; exact, no price is ever rounded.

    Venues fill at prices finer than the tick (averages, improvements), and ticks change.
    """
    if _fits(quantity, position.quantity_scale) and _fits(price, position.price_scale):
        return position
    finer_quantity = max(0, decimals(quantity) - position.quantity_scale)
    finer_price = max(0, decimals(price) - position.price_scale)
    factor = 10 ** (finer_quantity + finer_price)
    return Position(
        quantity=position.quantity * 10**finer_quantity,
        cost=position.cost * factor,
        realised=position.realised * factor,
        price_scale=position.price_scale + finer_price,
        quantity_scale=position.quantity_scale + finer_quantity,
        contract=position.contract,
        contract_scale=position.contract_scale,
    )


def _fits(amount: Decimal, scale: int) -> bool:
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= scale


def quantity(position: Position) -> Decimal:
    """Return the signed quantity, in base units or contracts."""
    return from_units(position.quantity, position.quantity_scale)


def cost(position: Position) -> Decimal:
    """Return the signed cost of the position, in quote currency."""
    return from_units(position.cost, position.value_scale)


def realised(position: Position) -> Decimal:
    """Return the realised profit so far, before fees and funding, in quote currency."""
    return from_units(position.realised, position.value_scale)


def average_price(position: Position) -> Decimal:
    """Return the cost per base unit (quote currency), 0 when flat; for display only.

    cost / (quantity x contract), rounded half-even to the price scale plus AVERAGE_DIGITS.
    """
    if not position.quantity:
        return Decimal(0)
    scaled = position.cost * 10**AVERAGE_DIGITS
    units = divide_half_even(scaled, position.quantity * position.contract)
    return from_units(units, position.price_scale + AVERAGE_DIGITS)


def notional(position: Position, mark: Decimal) -> Decimal:
    """Return quantity x contract size x mark: the signed value in quote currency, exact."""
    size = position.quantity * position.contract
    scale = position.quantity_scale + position.contract_scale
    return EXACT.multiply(Decimal(size).scaleb(-scale, EXACT), mark)


def unrealised(position: Position, mark: Decimal) -> Decimal:
    """Return notional - cost: the profit of a close at the mark, in quote currency, exact."""
    paid = Decimal(position.cost).scaleb(-position.value_scale, EXACT)
    return canonical(EXACT.subtract(notional(position, mark), paid))


def funding(position: Position, mark: Decimal, rate: Decimal) -> Decimal:
    """Return the funding that a perpetual position receives (pays if negative), quote currency.

    -notional x rate, as perpetual venues define it: longs pay shorts when the rate is positive.
    Rounded half-even to 18 decimals, the finest amount that can be booked.
    """
    paid = EXACT.multiply(notional(position, mark), rate)
    if decimals(paid) > SCALE_MAX:
        paid = paid.quantize(Decimal(1).scaleb(-SCALE_MAX), ROUND_HALF_EVEN, ROUNDING)
    return canonical(EXACT.minus(paid))
