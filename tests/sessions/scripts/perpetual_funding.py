"""A perpetual in contracts: funding paid and received, a flip through zero, equity by the mark."""

from tests.sessions.script import Script, alice, at_once, later, minute, opening
from tests.stories import HOUR, bar, deposit, funding_rate, limits, listed, marked, venue

PERP = "BTCUSDT-PERP.PAPER"

SCRIPT: Script = [
    *opening(
        limits(leverage_max=3, price_age_max=12 * HOUR),
        instrument=listed(PERP, kind="perpetual", contract="0.01", tick="0.5", lot=1, minimum=1),
        at=venue(taker="0.0005"),
        cash=deposit(1_000),
    ),
    *minute(bar(50_000, instrument=PERP)),
    # 4 contracts of 0.01 at 50,000 are 2,000: twice the equity. 3 more would be 3.5 times.
    *alice("a1", "buy", 4, instrument=PERP),
    *alice("a2", "buy", 3, instrument=PERP),
    *minute(bar(50_000, instrument=PERP)),
    # 0.04 x 51,000 x 0.01 % = 0.204 paid.
    *later(8 * HOUR, bar(51_000, instrument=PERP)),
    *at_once(funding_rate("0.0001", 51_000, PERP)),
    # Sell 10: 4 close at 51,000 (40 realised), 6 open short.
    *alice("a3", "sell", 10, instrument=PERP),
    *minute(bar(51_000, instrument=PERP)),
    # Shorts pay when the rate is negative, and receive when it is positive:
    # 0.06 x 50,000 x 0.02 % = 0.6 received.
    *later(8 * HOUR, funding_rate("0.0002", 50_000, PERP)),
    # Marked at 49,000: (51,000 - 49,000) x 0.06 = 120 unrealised. Cash 1,000 + 40 - fees + funding.
    *minute(marked(49_000, PERP)),
    *later(8 * HOUR, bar(49_000, instrument=PERP)),
]
