"""A signal, cancel or replace as a producer writes it, and the rules by which one is malformed."""

from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from deadreckon.contracts.fields import OrderType, ReduceOnly, Side, TimeInForce
from deadreckon.contracts.parsing import (
    TEXT_MAX,
)
from deadreckon.contracts.units import described

BATCH_MAX = 10_000  # signals in one message
META_MAX = 32  # entries of `meta`
TTL_MAX = 31_536_000  # seconds; a signal older than a year is a mistake

# Every rule by which a signal is malformed, with what to correct; shown in docs/producers.md.
SIGNAL_RULES = {
    "not_json": "the message is no JSON in UTF-8",
    "too_deep": "arrays and objects are nested deeper than 16",
    "duplicate_field": "an object names a field more than once",
    "batch_size": f"a batch holds 1 to {BATCH_MAX} signals",
    "not_an_object": "a signal is a JSON object",
    "unknown_field": "there is no such field; a misspelt `stop_loss` must not get lost",
    "missing_field": "a required field is missing",
    "wrong_type": "a field has another type; amounts are text, never JSON numbers",
    "wrong_value": "a field has a value that is none of those it can have",
    "bad_time": "`at` is no RFC 3339 time with a zone, or outside 1970..2262",
    "bad_text": f"a text is empty, longer than {TEXT_MAX} characters, or not printable",
    "bad_number": "an amount is no decimal number, not positive, or too large or too fine",
    "one_size": "exactly one of `quantity` and `notional` must be given",
    "order_shape": "fields that do not go together",
}


class WireSignal(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A signal as a producer writes it; a cancel or a replace when one of these is given.

    Amounts are decimal text; every price is in quote currency per base unit.
    """

    id: Annotated[
        str,
        described(
            "the producer's own id, unique for seven days; the same id and body is the same signal"
        ),
    ]
    strategy: Annotated[str, described("name of the strategy that holds the position")]
    at: Annotated[
        str | UnsetType,
        described(
            "when the signal was made, RFC 3339 with zone, for its age and `ttl_seconds`; without "
            "it the log's time when the signal is read counts, so it is never too old"
        ),
    ] = UNSET
    instrument: Annotated[str | UnsetType, described("instrument to trade, as SYMBOL.VENUE")] = (
        UNSET
    )
    side: Annotated[Side | UnsetType, described("`buy` or `sell`")] = UNSET
    quantity: Annotated[Decimal | None, described("size in base units or contracts", "base")] = None
    notional: Annotated[
        Decimal | None,
        described("size in quote currency; exactly one of `quantity` and `notional`", "quote"),
    ] = None
    order_type: OrderType = "market"
    limit_price: Annotated[
        Decimal | None,
        described("in quote currency; for limit and stop_limit orders only", "price"),
    ] = None
    stop_price: Annotated[
        Decimal | None,
        described("in quote currency; for stop and stop_limit orders only", "price"),
    ] = None
    time_in_force: TimeInForce = "gtc"
    post_only: Annotated[bool, described("never trade as a taker; for gtc limit orders only")] = (
        False
    )
    reduce_only: ReduceOnly = False
    confidence: Annotated[
        Decimal | None, described("0 to 1; the limit `confidence_min` looks at it", "share")
    ] = None
    stop_loss: Annotated[
        Decimal | None,
        described("price of a stop that protects the entry once it fills", "price"),
    ] = None
    take_profit: Annotated[
        Decimal | None,
        described("price of a limit order that takes the profit once the entry fills", "price"),
    ] = None
    ttl_seconds: Annotated[
        int | None,
        described("seconds after `at` when the signal becomes void; 1 to a year", "seconds"),
    ] = None
    meta: Annotated[
        dict[str, str], described("the producer's own notes: at most 32 texts of 128 characters")
    ] = {}
    cancel: Annotated[
        str | None, described("id of the earlier signal whose order is to be cancelled")
    ] = None
    replace: Annotated[
        str | None, described("id of the earlier signal whose order is to be changed")
    ] = None


# Fields that are exact amounts: decimal text, never a JSON number (a float in most languages).
AMOUNTS = (
    "quantity",
    "notional",
    "limit_price",
    "stop_price",
    "confidence",
    "stop_loss",
    "take_profit",
)

# Fields of a cancel or a replace; any other field would be dropped without notice.
CANCEL_FIELDS = ("id", "strategy", "at", "instrument", "cancel")
REPLACE_FIELDS = (
    *("id", "strategy", "at", "instrument", "replace"),
    *("quantity", "limit_price", "stop_price"),
)
