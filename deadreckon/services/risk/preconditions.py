"""Whether a wish may be heard at all: halts, switches, its shape, what and when it speaks of."""

from decimal import Decimal

from deadreckon.services.risk import halts
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.refusals import Violation


def halted(asked: Evaluation) -> Violation | None:
    """Under `close_only` exits pass, under `all` no wish does."""
    found = halts.blocking(asked.state, exit=asked.is_exit)
    if found is None:
        return None
    halt_id, halt = found
    return Violation(halt.limit, halt.measured, _halt_reason(halt.scope, halt.rule), halt_id)


def _halt_reason(scope: str, rule: str) -> str:
    return f"the book is halted ({scope}) by {rule or 'an operator'}"


def limits_set(asked: Evaluation) -> Violation | None:
    if asked.state.limits is not None:
        return None
    return Violation(None, None, "nobody has set limits: nothing trades")


def trading_enabled(asked: Evaluation) -> Violation | None:
    return (
        None if asked.limits.trading_enabled else Violation(None, None, "trading is switched off")
    )


def order_shape(asked: Evaluation) -> Violation | None:
    return Violation(None, None, asked.shape_fault) if asked.shape_fault else None


def known_instrument(asked: Evaluation) -> Violation | None:
    if asked.listing is not None:
        return None
    return Violation(None, None, f"{asked.wish.instrument} is not listed")


def reduce_only_without_position(asked: Evaluation) -> Violation | None:
    if not asked.wish.reduce_only or asked.closable:
        return None
    reason = "nothing to reduce on that side, beyond what exits in flight close already"
    return Violation(None, asked.stake.held, reason)


def instruments_allowed(asked: Evaluation) -> Violation | None:
    allowed = asked.limits.instruments_allowed
    if not allowed or asked.wish.instrument in allowed:
        return None
    return Violation(None, None, f"{asked.wish.instrument} is not among the instruments allowed")


def markets_allowed(asked: Evaluation) -> Violation | None:
    listing = asked.listing
    if listing is None or listing.market in asked.limits.markets_allowed:
        return None
    return Violation(None, None, f"the {listing.market} market is not allowed")


def quarantine(asked: Evaluation) -> Violation | None:
    stops, instrument = asked.limits.quarantine_stops, asked.wish.instrument
    breakers = asked.state.breakers
    if stops is None or asked.at >= breakers.quarantined.get(instrument, 0):
        return None
    struck = Decimal(len(breakers.stops.get(instrument, ())))
    return Violation(Decimal(stops), struck, f"stop-losses in {instrument} were struck too often")


def expired(asked: Evaluation) -> Violation | None:
    expires_at = asked.wish.expires_at
    if expires_at is None or asked.at < expires_at:
        return None
    return Violation(
        Decimal(expires_at), Decimal(asked.at), "the wish had a time to live; it is over"
    )


def signal_age_max(asked: Evaluation) -> Violation | None:
    limit, claimed_at = asked.limits.signal_age_max, asked.wish.claimed_at
    if limit is None or claimed_at is None or asked.at - claimed_at <= limit:
        return None
    return Violation(Decimal(limit), Decimal(asked.at - claimed_at), "the wish came too late")


def confidence_min(asked: Evaluation) -> Violation | None:
    limit, confidence = asked.limits.confidence_min, asked.wish.confidence
    if limit is None or (confidence is not None and confidence >= limit):
        return None
    return Violation(limit, confidence, "not confident enough, or it does not say how much")


def known_price(asked: Evaluation) -> Violation | None:
    instrument = asked.wish.instrument
    if asked.mark is None:
        return Violation(None, None, f"no price of {instrument} has been seen")
    if asked.unit is None and not asked.is_exit:
        return Violation(None, None, f"{instrument} has no rate to the reporting currency")
    return None


def price_age_max(asked: Evaluation) -> Violation | None:
    limit = asked.limits.price_age_max
    age = asked.at - asked.mark.at if asked.mark else 0
    return None if age <= limit else Violation(Decimal(limit), Decimal(age), "the price is stale")


def bracket_side(asked: Evaluation) -> Violation | None:
    """A protective price on the wrong side would trade at once."""
    price, wish = asked.known_size.entry_price, asked.wish
    below, above = wish.stop_loss, wish.take_profit
    if wish.side == "sell":
        below, above = above, below
    if below is not None and below >= price:
        return Violation(price, below, "this protective price has to be below the entry's")
    if above is not None and above <= price:
        return Violation(price, above, "this protective price has to be above the entry's")
    return None
