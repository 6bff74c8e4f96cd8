"""A short with latency on its way: only closes count until it has arrived; the target is struck."""

from tests.sessions.script import Script, alice, minute, opening
from tests.stories import SECOND, bar, limits, venue

SCRIPT: Script = [
    *opening(limits(), at=venue(maker="0.0002", taker="0.0005", latency=30 * SECOND)),
    *minute(bar(100)),
    *alice("a1", "sell", 2, stop_loss=105, take_profit=90),
    # It arrives at 00:01:30, in the middle of this bar: of its prices only the close was still to
    # come. Fee 0.05 % of 2 x 99 = 0.099.
    *minute(bar(99, open=100, high=106, low=89)),
    # The legs arrive at 00:02:30: the low of 88 may have been before that, the close of 95 is not.
    *minute(bar(95, open=99, low=88)),
    # A limit that is only touched waits on.
    *minute(bar(92, open=95, low=90)),
    # Traded through: 2 x (99 - 90) = 18 realised, maker fee 0.02 % of 180 = 0.036.
    *minute(bar(93, open=92, low="89.99")),
    *minute(bar(110, open=93)),
]
