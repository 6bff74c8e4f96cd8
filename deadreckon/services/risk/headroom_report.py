"""Headroom that each limit of the book has left at present; explains, never decides."""

from collections.abc import Iterator
from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import ZERO, ratio
from deadreckon.services.risk.breakers import drawdown
from deadreckon.services.risk.explaining import RuleResult
from deadreckon.services.risk.state import Exposure, State, key_of
from deadreckon.services.risk.worst_case import worst_cases_with


def headroom_of_book(state: State, strategy: str, instrument: str) -> list[RuleResult]:
    """Return each limit in force that a position moves, with its present value."""
    limits = state.limits
    if limits is None:
        return []
    return [
        RuleResult(rule, "passes" if _within(rule, limit, found) else "refuses", limit, found,
                limit_set_by=state.limits_id)
        for rule, found in _measured(state, strategy, instrument)
        if (limit := getattr(limits, rule)) is not None
    ]  # fmt: skip


def _within(rule: str, limit: Decimal, found: Decimal | None) -> bool:
    if found is None:
        return True
    return found >= limit if rule == "equity_floor" else found <= limit


def _measured(state: State, strategy: str, instrument: str) -> Iterator[tuple[str, Decimal | None]]:
    listing = state.ledger.listings.get(instrument)
    venue = listing.venue if listing else ""
    exposure = state.exposures.get(key_of(strategy, instrument))
    book = worst_cases_with(state, exposure or Exposure(strategy, instrument, venue))
    yield "exposure_instrument_max", book.instruments.get(instrument, ZERO)
    yield "exposure_strategy_max", book.strategies.get(strategy, ZERO)
    yield "exposure_venue_max", book.venues.get(venue, ZERO)
    yield "exposure_gross_max", book.gross
    yield "exposure_net_max", book.net
    equity = ledger.net_worth(state.ledger).equity
    yield "leverage_max", ratio(book.gross, equity) if equity > 0 else None
    yield "equity_floor", state.breakers.equity
    yield "drawdown_max", drawdown(state.breakers)
    yield "daily_loss_max", state.breakers.day_result.copy_negate()
