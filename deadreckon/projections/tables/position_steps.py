"""Steps of a position: what one change moved, as the difference of two cumulative totals."""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.projections.digest import as_stored
from deadreckon.projections.tables.derived import rounded_quotient
from deadreckon.projections.tables.positions import PositionRow


class Terms(NamedTuple):
    """Terms of an instrument that a round trip needs: `coin` is the base currency of a spot
    instrument, `least` the quantity below which a rest of coins cannot be sold."""

    contract_size: Decimal = Decimal(1)
    coin: str = ""
    least: Decimal = ZERO


class Step(NamedTuple):
    """One change of a position. `quantity` is signed, `value` the notional traded (not signed),
    `price` that of the fill; `coin_fee` is the part of `fees_other` in the instrument's coin.

    `turns` when it crosses zero: then `closing` of the quantity, and `closing_value`, belong to the
    old side. `is_flat` when nothing is held after it that can be sold."""

    quantity: Decimal
    value: Decimal
    price: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    fees_other: dict[str, Decimal]
    coin_fee: Decimal
    is_flat: bool
    turns: bool
    closing: Decimal = ZERO
    closing_value: Decimal = ZERO

    @property
    def costs(self) -> bool:
        """True when it moved fees or funding."""
        return bool(self.fees or self.funding or self.fees_other or self.realised)


def step_between(before: PositionRow, after: PositionChanged, terms: Terms) -> Step:
    """Return what a change moved. Totals count as the table `positions` stores them, so that the
    steps add up to it to the last digit."""
    quantity = _difference(after.quantity, before.quantity)
    realised = _difference(after.realised, before.realised)
    value = abs(EXACT.subtract(_difference(after.cost, before.cost), realised))
    other = _fees_other(before, after)
    turns = bool(before.quantity and after.quantity) and (
        (before.quantity > 0) != (after.quantity > 0)
    )
    # What the new side cost is its notional.
    opening_value = abs(as_stored(after.cost)) if turns else ZERO
    return Step(
        quantity,
        value,
        rounded_quotient(value, EXACT.multiply(abs(quantity), terms.contract_size)),
        realised,
        _difference(after.fees, before.fees),
        _difference(after.funding, before.funding),
        other,
        other.get(terms.coin, ZERO) if terms.coin else ZERO,
        _is_flat(after, terms),
        turns,
        abs(before.quantity) if turns else ZERO,
        EXACT.subtract(value, opening_value) if turns else ZERO,
    )


def shares(step: Step) -> tuple[Step, Step]:
    """Divide a step that turns a position: what closed the old side, and what opened the new.

    Fees are divided by quantity, rounded half-even to 18 decimals; the rest opens.
    """
    sign = 1 if step.quantity > 0 else -1
    share = {
        name: _share(amount, step.closing, abs(step.quantity))
        for name, amount in step.fees_other.items()
    }
    closing = step._replace(
        quantity=EXACT.multiply(step.closing, Decimal(sign)),
        value=step.closing_value,
        fees=_share(step.fees, step.closing, abs(step.quantity)),
        fees_other=share,
        coin_fee=_share(step.coin_fee, step.closing, abs(step.quantity)),
    )
    opening = step._replace(
        quantity=EXACT.subtract(step.quantity, closing.quantity),
        value=EXACT.subtract(step.value, closing.value),
        realised=ZERO,
        fees=_difference(step.fees, closing.fees),
        funding=ZERO,
        fees_other={
            name: EXACT.subtract(amount, share[name]) for name, amount in step.fees_other.items()
        },
        coin_fee=EXACT.subtract(step.coin_fee, closing.coin_fee),
    )
    return closing, opening


def _difference(after: Decimal, before: Decimal) -> Decimal:
    return EXACT.subtract(as_stored(after), as_stored(before))


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return rounded_quotient(EXACT.multiply(amount, part), whole) if amount else ZERO


def _fees_other(before: PositionRow, after: PositionChanged) -> dict[str, Decimal]:
    if not after.fees_other:
        return {}
    known: dict[str, Any] = msgspec.json.decode(before.fees_other)
    moved = {
        name: EXACT.subtract(amount, Decimal(known.get(name, 0)))
        for name, amount in after.fees_other.items()
    }
    return {name: amount for name, amount in moved.items() if amount}


def _is_flat(after: PositionChanged, terms: Terms) -> bool:
    """Return True when nothing is held, or only what a fee in coins has left over."""
    if not after.quantity:
        return True
    coins = after.fees_other.get(terms.coin, ZERO) if terms.coin else ZERO
    return bool(coins) and abs(EXACT.subtract(after.quantity, coins)) < terms.least
