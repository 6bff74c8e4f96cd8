"""A big order goes in parts, which share a bar's volume; a cancel takes what is left of all."""

from tests.sessions.script import Script, alice, alice_cancels, minute, opening
from tests.stories import bar, limits, venue

SCRIPT: Script = [
    *opening(limits(), at=venue(split=100, participation="0.5")),
    *minute(bar(100)),
    # Worth 250 where at most 100 go at once: three parts, even but for the lot that is left over.
    *alice("a1", "buy", "2.5", order_type="limit", limit_price=100, stop_loss=80),
    # Half of 2.4 is ours: the first part whole, 1.2 - 0.834 = 0.366 of the second.
    *minute(bar(99, open=100, low=98, volume="2.4")),
    *alice_cancels("a1"),
    *minute(bar(98)),
    # 0.834 + 0.366 were bought at 100, and are sold at 90: -12. Both stops end with it.
    *alice("a2", "sell", "1.2"),
    *minute(bar(90, volume=10)),
    *minute(bar(70)),
]
