"""A signal's whole life: bought at the next open, protected, and stopped out below the stop."""

from tests.sessions.script import Script, alice, minute, opening
from tests.stories import bar, limits, venue

SCRIPT: Script = [
    *opening(limits(), at=venue(taker="0.001", slippage=10)),
    *minute(bar(100)),
    *alice("a1", "buy", 2, stop_loss=95, take_profit=110),
    # The order meets the next bar at its open: 100 + 10 bp = 100.10, fee 0.1 % of 200.20 = 0.2002.
    *minute(bar(101, open=100)),
    # The stop is met on the way down: 95 - 10 bp = 94.905, down to the tick: 94.90.
    # Fee 0.1 % of 189.80 = 0.1898; realised (94.90 - 100.10) x 2 = -10.40.
    *minute(bar(94, open=101)),
    *minute(bar(94)),
]
