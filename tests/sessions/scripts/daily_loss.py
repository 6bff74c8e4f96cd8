"""A day that lost too much is over for entries; at midnight UTC the next one begins at nothing."""

from tests.sessions.script import Script, alice, later, minute, opening
from tests.stories import HOUR, MINUTE, bar, limits, venue

SCRIPT: Script = [
    *opening(limits(daily_loss_max=20), at=venue(taker="0.001")),
    *later(20 * HOUR, bar(100)),
    *alice("a1", "buy", 2),
    *minute(bar(100)),
    *alice("a2", "sell", 2),
    # 2 x (91 - 100) = -18 and fees of 0.2 + 0.182: 18.382 lost, which is within 20.
    *minute(bar(91)),
    *alice("a3", "buy", 1),
    *minute(bar(91)),
    *alice("a4", "sell", 1),
    # 1.5 more and fees of 0.091 + 0.0895: 20.0625 lost.
    *minute(bar("89.5")),
    *alice("a5", "buy", 1),
    *later(3 * HOUR + 55 * MINUTE, bar(90)),
    *alice("a6", "buy", 1),
    # The bar that closes at midnight belongs to the new day.
    *minute(bar(90)),
    *alice("a7", "buy", 1),
    *minute(bar(90)),
]
