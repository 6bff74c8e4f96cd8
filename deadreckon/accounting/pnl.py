"""PnL figures of a ledger at one time, by strategy, venue and instrument."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Holding, Ledger
from deadreckon.accounting.money import worth
from deadreckon.accounting.valuation import converted
from deadreckon.contracts.amounts import EXACT, ZERO, canonical

PositionKey = tuple[str, str, str]  # strategy, venue, instrument


class PnlFigures(Struct, frozen=True):
    """PnL figures in the reporting currency; positive `fees` were paid, `funding` received."""

    realised: Decimal = ZERO
    unrealised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """Net result: realised + unrealised - fees + funding."""
        total = EXACT.add(EXACT.add(self.realised, self.unrealised), self.funding)
        return canonical(EXACT.subtract(total, self.fees))

    def plus(self, other: "PnlFigures") -> "PnlFigures":
        """Add `other`, field by field."""
        return PnlFigures(*(_add(self, other, name, 1) for name in self.__struct_fields__))

    def minus(self, other: "PnlFigures") -> "PnlFigures":
        """Subtract `other`, field by field: the change since then."""
        return PnlFigures(*(_add(self, other, name, -1) for name in self.__struct_fields__))


def _add(left: PnlFigures, right: PnlFigures, name: str, sign: int) -> Decimal:
    other = EXACT.multiply(getattr(right, name), Decimal(sign))
    return canonical(EXACT.add(getattr(left, name), other))


def total(figures: Iterable[PnlFigures]) -> PnlFigures:
    """Add up figures, field by field."""
    summed = PnlFigures()
    for item in figures:
        summed = summed.plus(item)
    return summed


def figures(book: Ledger) -> dict[PositionKey, PnlFigures]:
    """Compute the figures of every holding at its mark; without a mark or rate: zero."""
    return {key: _figures(book, key[2], held) for key, held in ledger.holdings(book)}


def _figures(book: Ledger, instrument: str, held: Holding) -> PnlFigures:
    quote = book.listings[instrument].quote_currency
    price = ledger.mark(book, instrument)
    gain = average_cost.unrealised(held.position, price.price) if price else ZERO
    fees = ZERO
    for currency, paid in held.fees.items():
        fees = EXACT.add(fees, _reported(book, currency, worth(paid)))
    return PnlFigures(
        realised=_reported(book, quote, average_cost.realised(held.position)),
        unrealised=_reported(book, quote, gain),
        fees=canonical(fees),
        funding=_reported(book, quote, worth(held.funding)),
    )


def _reported(book: Ledger, currency: str, amount: Decimal) -> Decimal:
    rate = ledger.rate(book, currency)
    return ZERO if rate is None else canonical(converted(amount, rate))
