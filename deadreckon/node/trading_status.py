"""Status of trading: whether anything may be traded, and every condition that says why not."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.node.readiness import Readiness
from deadreckon.node.trading_conditions import BOOK, INSTRUMENT, STACK, Finding, listed
from deadreckon.projections.trading_state import TradingState

_REMEDIES = {condition.name: condition.remedy for condition in STACK}


class Trading(Struct, frozen=True):
    """Answer to whether anything may be traded, and why not.

    `allowed`: an entry in at least one of the `instruments`; `exits_allowed`: at least an exit.
    `reason` is the first of the conditions if nothing may be entered, else empty.
    """

    allowed: bool
    exits_allowed: bool
    reason: str
    instruments: list[str]
    conditions: list[Finding]


def outside_findings(data: Path, holder: int | None, fault: str) -> Iterator[Finding]:
    """Yield the conditions of a folder whose stack does not answer, or does not run (`holder` is
    null); `fault` is what is wrong with its log."""
    if holder is None:
        yield _everything("not_running", f"no stack runs on {data}", "`dr up`")
    if fault:
        yield _everything("log_away", fault, _REMEDIES["log_away"])


def unread(fault: str) -> Finding:
    """Return the condition of a log that could not be read."""
    return _everything("log_unread", fault, "see to what is named; nothing else is known")


def trading_of(vitals: Readiness) -> Trading:
    """Find whether a running stack may trade anything, and why not."""
    found = list(stack_findings(vitals))
    known = not vitals.views_late()
    return trading(vitals.views.trading.state if known else None, found)


def stack_findings(vitals: Readiness) -> Iterator[Finding]:
    """Yield the conditions of a running stack that hold."""
    for condition in STACK:
        if reason := condition.why(vitals):
            yield _everything(condition.name, reason, condition.remedy)


def _everything(name: str, reason: str, remedy: str) -> Finding:
    return Finding(name, "everything", None, reason, remedy)


def trading(state: TradingState | None, found: list[Finding]) -> Trading:
    """Find what may be traded in a state (None: not known), given conditions of the stack."""
    if state is None:
        return _summary(found, [], [])
    instruments = listed(state)
    all_found = [*found, *_of_book(state)]
    by_instrument = [finding for listing in instruments for finding in _of(state, listing)]
    return _summary(all_found, by_instrument, [listing.instrument for listing in instruments])


def _of_book(state: TradingState) -> Iterator[Finding]:
    for condition in BOOK:
        for reason in condition.reasons(state):
            yield Finding(condition.name, condition.stops, None, reason, condition.remedy)


def _of(state: TradingState, listing: InstrumentListed) -> Iterator[Finding]:
    name = listing.instrument
    for condition in INSTRUMENT:
        if reason := condition.why(state, listing):
            remedy = condition.remedy.format(
                instrument=name, venue=listing.venue, quote=listing.quote_currency
            )
            yield Finding(condition.name, condition.stops, name, f"{name}: {reason}", remedy)


def _summary(general: list[Finding], single: list[Finding], listed: list[str]) -> Trading:
    shut = {finding.instrument for finding in single}
    locked = {finding.instrument for finding in single if finding.stops == "everything"}
    stops = {finding.stops for finding in general} - {"nothing"}
    entered = [] if stops else [name for name in listed if name not in shut]
    exits = any(name not in locked for name in listed) and "everything" not in stops
    found = [*general, *single]
    why = [finding for finding in found if finding.stops != "nothing"]
    return Trading(
        allowed=bool(entered),
        exits_allowed=exits,
        reason="" if entered or not why else why[0].reason,
        instruments=entered,
        conditions=found,
    )
