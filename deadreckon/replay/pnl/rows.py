"""PnL figures as documents show them: in total, and by strategy, venue and instrument."""

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from deadreckon.accounting.dust import Dust
from deadreckon.accounting.pnl import PnlFigures, PositionKey, total
from deadreckon.contracts.amounts import text


class PnlTexts(Struct, frozen=True):
    """PnL as decimal texts in the reporting currency; net = realised + unrealised - fees + funding.

    `fees` were paid and `funding` was received where positive.
    """

    realised: str
    unrealised: str
    fees: str
    funding: str
    net: str


class StrategyPnl(Struct, frozen=True):
    """The PnL of one strategy, as decimal texts in the reporting currency."""

    strategy: str
    realised: str
    unrealised: str
    fees: str
    funding: str
    net: str


class VenuePnl(Struct, frozen=True):
    """The PnL made at one venue, as decimal texts in the reporting currency."""

    venue: str
    realised: str
    unrealised: str
    fees: str
    funding: str
    net: str


class InstrumentPnl(Struct, frozen=True):
    """The PnL made with one instrument, as decimal texts in the reporting currency."""

    instrument: str
    realised: str
    unrealised: str
    fees: str
    funding: str
    net: str


class PositionRow(Struct, frozen=True):
    """A position at both ends of the range: signed quantities, prices in the quote currency.

    `mark` is the last price, null where the instrument never had one. `dust` is there where some of
    the closing quantity, after fees in base currency, is too small to sell.
    """

    strategy: str
    venue: str
    instrument: str
    opening_quantity: str
    closing_quantity: str
    average_price: str
    mark: str | None
    dust: Dust | UnsetType = UNSET


AnyPnl = PnlTexts | StrategyPnl | VenuePnl | InstrumentPnl


def change_between(
    opening: Mapping[PositionKey, PnlFigures], closing: Mapping[PositionKey, PnlFigures]
) -> dict[PositionKey, PnlFigures]:
    """Subtract the opening figures from the closing ones, key by key in sorted order."""
    none = PnlFigures()
    return {key: after.minus(opening.get(key, none)) for key, after in sorted(closing.items())}


def moved_on(
    opening: Mapping[PositionKey, PnlFigures],
    left: Mapping[PositionKey, PnlFigures],
    now: Mapping[PositionKey, PnlFigures],
) -> dict[PositionKey, PnlFigures]:
    """Return opening figures without what came about from `left` to `now`: of another day, to which
    time went and came back."""
    between = change_between(left, now)
    return {key: opening.get(key, PnlFigures()).plus(change) for key, change in between.items()}


def pnl_texts(change: Mapping[PositionKey, PnlFigures]) -> PnlTexts:
    """Sum all figures."""
    return PnlTexts(*_texts(total(change.values())))


def by_strategy(change: Mapping[PositionKey, PnlFigures]) -> list[StrategyPnl]:
    """Sum the figures of each strategy."""
    return [StrategyPnl(name, *_texts(found)) for name, found in _groups(change, 0)]


def by_venue(change: Mapping[PositionKey, PnlFigures]) -> list[VenuePnl]:
    """Sum the figures of each venue."""
    return [VenuePnl(name, *_texts(found)) for name, found in _groups(change, 1)]


def by_instrument(change: Mapping[PositionKey, PnlFigures]) -> list[InstrumentPnl]:
    """Sum the figures of each instrument."""
    return [InstrumentPnl(name, *_texts(found)) for name, found in _groups(change, 2)]


def _groups(change: Mapping[PositionKey, PnlFigures], part: int) -> list[tuple[str, PnlFigures]]:
    groups: dict[str, list[PnlFigures]] = {}
    for key, figures in change.items():
        groups.setdefault(key[part], []).append(figures)
    return [(name, total(members)) for name, members in sorted(groups.items())]


def _texts(figures: PnlFigures) -> tuple[str, str, str, str, str]:
    return (
        text(figures.realised),
        text(figures.unrealised),
        text(figures.fees),
        text(figures.funding),
        text(figures.net),
    )
