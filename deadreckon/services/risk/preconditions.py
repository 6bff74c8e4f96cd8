"""Whether a wish may be heard at all: halts, switches, its shape, what and when it speaks of."""

from decimal import Decimal

from deadreckon.services.risk import halts
from deadreckon.services.risk.evaluation import Asked
from deadreckon.services.risk.refusals import Breach


def halted(asked: Asked) -> Breach | None:
    """Under `close_only` exits pass, under `all` no wish does."""
    found = halts.blocking(asked.state, exit=asked.is_exit)
    if found is None:
        return None
    halt_id, halt = found
    return Breach(halt.limit, halt.measured, _halt_reason(halt.scope, halt.rule), halt_id)


def _halt_reason(scope: str, rule: str) -> str:
    return f"the book is halted ({scope}) by {rule or 'an operator'}"


def limits_set(asked: Asked) -> Breach | None:
    if asked.state.limits is not None:
        return None
    return Breach(None, None, "nobody has set limits: nothing trades")


def trading_enabled(asked: Asked) -> Breach | None:
    return None if asked.limits.trading_enabled else Breach(None, None, "trading is switched off")


def order_shape(asked: Asked) -> Breach | None:
    return Breach(None, None, asked.shape_fault) if asked.shape_fault else None


def known_instrument(asked: Asked) -> Breach | None:
    if asked.listing is not None:
        return None
    return Breach(None, None, f"{asked.wish.instrument} is not listed")


def reduce_only_without_position(asked: Asked) -> Breach | None:
    if not asked.wish.reduce_only or asked.closable:
        return None
    reason = "nothing to reduce on that side, beyond what exits in flight close already"
    return Breach(None, asked.stake.held, reason)


def instruments_allowed(asked: Asked) -> Breach | None:
    allowed = asked.limits.instruments_allowed
    if not allowed or asked.wish.instrument in allowed:
        return None
    return Breach(None, None, f"{asked.wish.instrument} is not among the instruments allowed")


def markets_allowed(asked: Asked) -> Breach | None:
    listing = asked.listing
    if listing is None or listing.market in asked.limits.markets_allowed:
        return None
    return Breach(None, None, f"the {listing.market} market is not allowed")


def quarantine(asked: Asked) -> Breach | None:
    stops, instrument = asked.limits.quarantine_stops, asked.wish.instrument
    breakers = asked.state.breakers
    if stops is None or asked.at >= breakers.quarantined.get(instrument, 0):
        return None
    struck = Decimal(len(breakers.stops.get(instrument, ())))
    return Breach(Decimal(stops), struck, f"stop-losses in {instrument} were struck too often")


def expired(asked: Asked) -> Breach | None:
    expires_at = asked.wish.expires_at
    if expires_at is None or asked.at < expires_at:
        return None
    return Breach(Decimal(expires_at), Decimal(asked.at), "the wish had a time to live; it is over")


def signal_age_max(asked: Asked) -> Breach | None:
    limit, claimed_at = asked.limits.signal_age_max, asked.wish.claimed_at
    if limit is None or claimed_at is None or asked.at - claimed_at <= limit:
        return None
    return Breach(Decimal(limit), Decimal(asked.at - claimed_at), "the wish came too late")


def confidence_min(asked: Asked) -> Breach | None:
    limit, confidence = asked.limits.confidence_min, asked.wish.confidence
    if limit is None or (confidence is not None and confidence >= limit):
        return None
    return Breach(limit, confidence, "not confident enough, or it does not say how much")


def known_price(asked: Asked) -> Breach | None:
    instrument = asked.wish.instrument
    if asked.mark is None:
        return Breach(None, None, f"no price of {instrument} has been seen")
    if asked.unit is None and not asked.is_exit:
        return Breach(None, None, f"{instrument} has no rate to the reporting currency")
    return None


def price_age_max(asked: Asked) -> Breach | None:
    limit = asked.limits.price_age_max
    age = asked.at - asked.mark.at if asked.mark else 0
    return None if age <= limit else Breach(Decimal(limit), Decimal(age), "the price is stale")


def bracket_side(asked: Asked) -> Breach | None:
    """A protective price on the wrong side would trade at once."""
    price, wish = asked.known_size.entry_price, asked.wish
    below, above = wish.stop_loss, wish.take_profit
    if wish.side == "sell":
        below, above = above, below
    if below is not None and below >= price:
        return Breach(price, below, "this protective price has to be below the entry's")
    if above is not None and above <= price:
        return Breach(price, above, "this protective price has to be above the entry's")
    return None
