"""A spot venue keeps its fee from the coins it delivers: they are missing from what can be sold."""

from tests.sessions.script import Script, alice, later, minute, opening
from tests.stories import HOUR, bar, limits, venue

SCRIPT: Script = [
    *opening(
        limits(price_age_max=12 * HOUR, liability_max=0),
        at=venue(taker="0.001", fee_currency="BTC"),
    ),
    *minute(bar(100)),
    *alice("a1", "buy", 2),
    # 0.1 % of 2 coins: 0.002 BTC.
    *minute(bar(100)),
    # At 110: cash 99,800, 2 x 110 held, less 0.002 x 110 = 0.22 of fees: 100,019.78.
    *later(6 * HOUR, bar(110)),
    # Of 2 coins bought 1.998 are there: to sell 2 is to sell short, and nobody lends.
    *alice("a2", "sell", 2),
    *alice("a3", "sell", 2, reduce_only=True),
    # 1.998 x 110 = 219.78 come in, less 0.1 % of that in USDT: 0.21978.
    *minute(bar(110)),
    *later(6 * HOUR, bar(110)),
    # 0.1 % of 1.5 coins: 1.4985 are there, and a lot is 0.001: 1.498 can be sold, 0.0005 is dust.
    *alice("a4", "buy", "1.5"),
    *minute(bar(110)),
    *alice("a5", "sell", "1.5", reduce_only=True),
    *minute(bar(110)),
]
