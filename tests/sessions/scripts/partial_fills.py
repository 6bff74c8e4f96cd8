"""What a bar has is what can be had: a patient order waits, an IOC takes it, a FOK wants it all."""

from tests.sessions.script import Script, alice, minute, opening
from tests.stories import bar, limits, venue

SCRIPT: Script = [
    *opening(limits(), at=venue(taker="0.001")),
    *minute(bar(100)),
    *alice("patient", "buy", 3, stop_loss=90),
    # A market order takes the open of each bar for as much as there is: 1 at 100, then 1.5 at 101,
    # then 0.5 at 102; its stop grows along. Average (100 + 151.5 + 51) / 3 = 100.833333.
    *minute(bar(100, volume=1), bar(101, volume="1.5"), bar(102, volume=9)),
    # The IOC meets 0.4 and lets the rest go.
    *alice("ioc", "buy", 1, order_type="limit", limit_price=103, time_in_force="ioc"),
    *minute(bar(103, open=102, volume="0.4")),
    # The FOK finds less than it wants, and another finds enough.
    *alice("fok", "sell", 2, order_type="limit", limit_price=100, time_in_force="fok"),
    *minute(bar(104, volume="1.9")),
    *alice("fok again", "sell", 2, order_type="limit", limit_price=100, time_in_force="fok"),
    # 3.4 held cost 302.5 + 40.8 = 343.3; two of them cost 201.941176 (343.3 x 2 / 3.4) and bring
    # 208: 6.058824 realised. What is left to protect is 1.4.
    *minute(bar(104, volume=2)),
    # An IOC of a price that is not there.
    *alice("low", "buy", 1, order_type="limit", limit_price=100, time_in_force="ioc"),
    *minute(bar(104)),
    # The stop protects 3 of 3.4 bought, and closes no more than the 1.4 that are held.
    *minute(bar(89, open=104, low=88)),
]
