"""A spot venue charges in the base currency: fees are missing from the coins, not from the cash."""

from tests.sessions.script import Script, alice, later, minute, opening
from tests.stories import HOUR, bar, limits, venue

SCRIPT: Script = [
    *opening(limits(price_age_max=12 * HOUR), at=venue(taker="0.001", fee_currency="BTC")),
    *minute(bar(100)),
    *alice("a1", "buy", 2),
    # 0.1 % of 2 coins: 0.002 BTC.
    *minute(bar(100)),
    # At 110: cash 99,800, 2 x 110 held, less 0.002 x 110 = 0.22 of fees: 100,019.78.
    *later(6 * HOUR, bar(110)),
    *alice("a2", "sell", 2),
    # 20 realised; fees of 0.004 BTC in all, worth 0.44.
    *minute(bar(110)),
    *later(6 * HOUR, bar(110)),
]
