"""Limits change in the middle: each refusal names the event that set the limit in force."""

from tests.sessions.script import Script, alice, alice_cancels, ann, minute, opening
from tests.stories import MINUTE, bar, limits

SCRIPT: Script = [
    *opening(),
    *minute(bar(100)),
    *alice("early", "buy", 1),
    *ann(limits(order_notional_max=500)),
    *alice("big", "buy", 6),
    *ann(limits(order_notional_max=1_000, exposure_instrument_max=1_000)),
    # 600 is fine now, and takes its headroom while it waits; 500 more would make 1,100.
    *alice("big again", "buy", 6, order_type="limit", limit_price=90),
    *alice("too much", "buy", 5),
    *alice("fits", "buy", 4),
    *minute(bar(100)),
    # 4 held at 100 and 6 waiting, worth 100 each until they are had: 1,000. Nothing fits, until the
    # waiting order goes.
    *alice("no room", "buy", "0.01"),
    *alice_cancels("big again"),
    *alice("room", "buy", 1, order_type="limit", limit_price=99),
    # An exit is free of both limits.
    *ann(limits(order_notional_max=100, price_age_max=MINUTE)),
    *alice("exit", "sell", 4),
    *minute(bar(101)),
]
