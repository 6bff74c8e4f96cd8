"""A position is turned: the old protection ends, a new one covers what is new; target in parts."""

from tests.sessions.script import Script, alice, minute, opening
from tests.stories import bar, limits

SCRIPT: Script = [
    *opening(limits(exposure_instrument_max=700)),
    *minute(bar(100)),
    *alice("long", "buy", 3, stop_loss=90, take_profit=120),
    *minute(bar(100)),
    # The stop may close the 3 before the order trades: then 11 would be 1,100 short, and 7 are 700.
    *alice("too far", "sell", 11),
    *alice("turn", "sell", 7, stop_loss=110, take_profit=85),
    # 3 close at 102: 6 realised. 4 open at 102, and 4 are protected.
    *minute(bar(102)),
    # The target is traded through with only 1.5 there: (102 - 85) x 1.5 = 25.5; the stop shrinks.
    *minute(bar(86, open=100, low=84, volume="1.5")),
    # Stop and target in one bar: of prices that nobody saw in order the stop wins. It was met at
    # the open of 111: (102 - 111) x 2.5 = -22.5; 6 + 25.5 - 22.5 = 9.
    *minute(bar(84, open=111, high=112, low=80)),
    *minute(bar(84)),
]
