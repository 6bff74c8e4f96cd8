"""What the venue's terms forbid: too small, too late, would take; and an instrument that leaves."""

from deadreckon.contracts.instruments import InstrumentDelisted
from tests.sessions.script import Script, alice, ann, minute, opening
from tests.stories import INSTRUMENT, bar, limits, listed

SCRIPT: Script = [
    *opening(limits(), instrument=listed(tick="0.5", lot="0.01", minimum="0.05", notional=10)),
    *minute(bar(100)),
    *alice("dust", "buy", "0.009"),
    *alice("little", "buy", "0.04"),
    *alice("cheap", "buy", notional="9.99"),
    # 105 / 100 = 1.05 at the mark; at a limit of 101.7, 101.5 on the tick, 105 buys 1.03.
    *alice("dear", "buy", notional="105", order_type="limit", limit_price="101.7"),
    *alice("taking", "buy", 1, order_type="limit", limit_price=100, post_only=True),
    *alice("resting", "buy", 1, order_type="limit", limit_price="99.9", post_only=True),
    # Good for two minutes from 00:01 on: the bar that closes at 00:03 comes too late for it.
    *alice("brief", "buy", 1, order_type="limit", limit_price=50, ttl_seconds=120),
    *minute(bar(101)),
    *alice("over", "buy", 1, at="2026-03-02T00:00:30Z", ttl_seconds=60),
    *minute(bar(101, low=99)),
    *alice("stop", "sell", 1, order_type="stop", stop_price=90),
    *ann(InstrumentDelisted(INSTRUMENT, "ann", "moved elsewhere")),
    *alice("gone", "buy", 1),
    *minute(bar(80)),
]
