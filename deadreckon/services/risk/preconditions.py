"""Preconditions of a signal: halts, switches, shape, instrument, age and price."""

from decimal import Decimal

from deadreckon.services.risk import halts
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.headroom import against
from deadreckon.services.risk.refusals import Violation
from deadreckon.services.risk.state import side_of


def halted(check: Evaluation) -> Violation | None:
    """Refuse entries under `close_only`, and every signal under `all`."""
    found = halts.blocking(check.state, exit=check.is_exit)
    if found is None:
        return None
    halt_id, halt = found
    return Violation(halt.limit, halt.measured, _halt_reason(halt.scope, halt.rule), halt_id)


def _halt_reason(scope: str, rule: str) -> str:
    return f"the book is halted ({scope}) by {rule or 'an operator'}"


def limits_set(check: Evaluation) -> Violation | None:
    if check.state.limits is not None:
        return None
    return Violation(None, None, "nobody has set limits: nothing trades")


def trading_enabled(check: Evaluation) -> Violation | None:
    return (
        None if check.limits.trading_enabled else Violation(None, None, "trading is switched off")
    )


def order_shape(check: Evaluation) -> Violation | None:
    return Violation(None, None, check.shape_fault) if check.shape_fault else None


def known_instrument(check: Evaluation) -> Violation | None:
    if check.listing is not None:
        return None
    return Violation(None, None, f"{check.signal.instrument} is not listed")


def reduce_only_without_position(check: Evaluation) -> Violation | None:
    if not check.signal.reduce_only or against(check.exposure, check.signal.side) > 0:
        return None
    return Violation(None, check.exposure.held, "nothing is held that this side would reduce")


def exits_in_flight(check: Evaluation) -> Violation | None:
    """Refuse an exit where exits on their way close the whole position; what waits for a price does
    not count."""
    side = check.signal.side
    if not check.signal.reduce_only or check.closable:
        return None
    closing = side_of(check.exposure, side).exits
    reason = "exits on their way close the whole position already"
    return Violation(against(check.exposure, side), closing, reason)


def instruments_allowed(check: Evaluation) -> Violation | None:
    allowed = check.limits.instruments_allowed
    if not allowed or check.signal.instrument in allowed:
        return None
    return Violation(None, None, f"{check.signal.instrument} is not among the instruments allowed")


def markets_allowed(check: Evaluation) -> Violation | None:
    listing = check.listing
    if listing is None or listing.market in check.limits.markets_allowed:
        return None
    return Violation(None, None, f"the {listing.market} market is not allowed")


def quarantine(check: Evaluation) -> Violation | None:
    stops, instrument = check.limits.quarantine_stops, check.signal.instrument
    breakers = check.state.breakers
    if stops is None or check.at >= breakers.quarantined.get(instrument, 0):
        return None
    struck = Decimal(len(breakers.stops.get(instrument, ())))
    return Violation(Decimal(stops), struck, f"stop-losses in {instrument} were struck too often")


def expired(check: Evaluation) -> Violation | None:
    expires_at = check.signal.expires_at
    if expires_at is None or check.at < expires_at:
        return None
    return Violation(
        Decimal(expires_at), Decimal(check.at), "the wish had a time to live; it is over"
    )


def signal_age_max(check: Evaluation) -> Violation | None:
    limit, claimed_at = check.limits.signal_age_max, check.signal.claimed_at
    if limit is None or claimed_at is None or check.at - claimed_at <= limit:
        return None
    return Violation(Decimal(limit), Decimal(check.at - claimed_at), "the wish came too late")


def confidence_min(check: Evaluation) -> Violation | None:
    limit, confidence = check.limits.confidence_min, check.signal.confidence
    if limit is None or (confidence is not None and confidence >= limit):
        return None
    return Violation(limit, confidence, "not confident enough, or it does not say how much")


def known_price(check: Evaluation) -> Violation | None:
    instrument = check.signal.instrument
    if check.mark is None:
        return Violation(None, None, f"no price of {instrument} has been seen")
    if check.unit is None and not check.is_exit:
        return Violation(None, None, f"{instrument} has no rate to the reporting currency")
    return None


def price_age_max(check: Evaluation) -> Violation | None:
    limit = check.limits.price_age_max
    age = check.price_age
    return None if age <= limit else Violation(Decimal(limit), Decimal(age), "the price is stale")


def bracket_side(check: Evaluation) -> Violation | None:
    """Refuse a protective price on the wrong side: it would trade at once."""
    price, signal = check.known_size.entry_price, check.signal
    below, above = signal.stop_loss, signal.take_profit
    if signal.side == "sell":
        below, above = above, below
    if below is not None and below >= price:
        return Violation(price, below, "this protective price has to be below the entry's")
    if above is not None and above <= price:
        return Violation(price, above, "this protective price has to be above the entry's")
    return None
