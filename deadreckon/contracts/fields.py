"""Types of fields that mean the same in every event, each with its description and unit."""

from decimal import Decimal
from typing import Annotated, Literal

from deadreckon.contracts.units import described

StrategyName = Annotated[str, described("name of the strategy that trades and holds the position")]
InstrumentName = Annotated[str, described("instrument that is traded, as SYMBOL.VENUE")]
VenueName = Annotated[str, described("name of the venue")]
VenueSymbol = Annotated[str, described("the venue's own name of the instrument")]
ProducerName = Annotated[
    str, described("name of the producer that sent the signal; empty for built-in strategies")
]
SignalId = Annotated[str, described("id of the signal from which the order comes")]
OrderId = Annotated[str, described("id of the order, from approval to its end")]
ParentId = Annotated[
    str, described("id of the approved order; equals `order_id` unless the order was split")
]
ClientOrderId = Annotated[
    str, described("name by which the venue knows the order, the same in every attempt")
]
TradeId = Annotated[str, described("the venue's own id of the trade")]

Side = Annotated[Literal["buy", "sell"], described("`buy` or `sell`, whatever is held")]
OrderType = Annotated[
    Literal["market", "limit", "stop", "stop_limit"],
    described("`market`, `limit`, `stop` (a market order once reached) or `stop_limit`"),
]
TimeInForce = Annotated[
    Literal["gtc", "ioc", "fok"],
    described("`gtc` good till cancelled, `ioc` immediate or cancel, `fok` fill or kill"),
]
Purpose = Annotated[
    Literal["entry", "stop_loss", "take_profit", "flatten"],
    described("why the order exists: an entry, a protective order, or a close at market"),
]
Liquidity = Annotated[
    Literal["maker", "taker"],
    described("`maker` rested in the order book, `taker` traded against it"),
]
PostOnly = Annotated[bool, described("rejected if it would trade at once; never a taker")]
ReduceOnly = Annotated[bool, described("never beyond what closes the strategy's own position")]

Quantity = Annotated[Decimal, described("quantity, in base units or contracts", "base")]
SizeQuantity = Annotated[
    Decimal | None,
    described("size in base units or contracts; null when `notional` gives the size", "base"),
]
SizeNotional = Annotated[
    Decimal | None,
    described("size in quote currency; null when `quantity` gives the size", "quote"),
]
NewQuantity = Annotated[
    Decimal | None,
    described("new total quantity, in base units or contracts; null leaves it as it is", "base"),
]
NewLimitPrice = Annotated[
    Decimal | None,
    described("new limit price, in quote currency per base unit; null leaves it", "price"),
]
NewStopPrice = Annotated[
    Decimal | None,
    described("new stop price, in quote currency per base unit; null leaves it", "price"),
]
Leaves = Annotated[
    Decimal, described("quantity not traded yet, in base units or contracts", "base")
]
Price = Annotated[Decimal, described("price, in quote currency per base unit", "price")]
LimitPrice = Annotated[
    Decimal | None,
    described("limit price, in quote currency per base unit; null without one", "price"),
]
StopPrice = Annotated[
    Decimal | None,
    described("price that triggers the order, in quote currency; null without one", "price"),
]
StopLoss = Annotated[
    Decimal | None,
    described("price of the stop that protects the entry, in quote currency; or null", "price"),
]
TakeProfit = Annotated[
    Decimal | None,
    described("price of the order that takes the profit, in quote currency; or null", "price"),
]
ExpiresAt = Annotated[
    int | None,
    described("when it becomes void, nanoseconds UTC; null when it never does", "timestamp"),
]
Confidence = Annotated[
    Decimal | None, described("the signal's own confidence, 0 to 1; null without one", "share")
]
Fee = Annotated[Decimal, described("fee, in `fee_currency`; negative is a rebate", "currency")]
FeeCurrency = Annotated[str, described("currency of the fee")]
Currency = Annotated[str, described("currency of the amounts")]

Actor = Annotated[str, described("person or program that states this")]
Reason = Annotated[str, described("why, as text for people")]
Rule = Annotated[str, described("name of the rule that decided, for programs")]
RuleLimit = Annotated[
    Decimal | None,
    described("limit in force, in the unit of the rule; null where the rule has no number"),
]
RuleMeasured = Annotated[
    Decimal | None,
    described("value that the rule measured, in the unit of the rule; null without a number"),
]
LimitSetBy = Annotated[
    str | None, described("id of the event that set the limit; null when none did")
]
Evidence = Annotated[str, described("at most 512 characters of the message that was refused")]
OperatorName = Annotated[str, described("name of the operator who sent it")]
ClaimedAt = Annotated[
    int | None,
    described(
        "the producer's own time, nanoseconds UTC, for age and expiry only; null when it gave none",
        "timestamp",
    ),
]
BodyDigest = Annotated[
    str, described("SHA-256 of the canonical message; a signal id with another body is refused")
]
HaltScope = Annotated[
    Literal["close_only", "all"],
    described("`close_only` stops entries, `all` stops everything but protection and flattening"),
]
