"""A breaker that flattens: exits under way and the flattening order end up flat, never beyond."""

from deadreckon.contracts.governance import ResumeRequested
from tests.sessions.script import Script, alice, ann, minute, opening
from tests.stories import HOUR, bar, deposit, limits

SCRIPT: Script = [
    *opening(
        limits(drawdown_max="0.05", breaker_flattens=True, breaker_cooldown=HOUR),
        cash=deposit(1_000),
    ),
    *minute(bar(100)),
    *alice("long", "buy", 6, stop_loss=85),
    *alice("short", "sell", 1, strategy="hedge"),
    *minute(bar(100)),
    *alice("some", "sell", 2, order_type="limit", limit_price=105),
    *alice("later", "buy", 1, order_type="limit", limit_price=95, strategy="third"),
    # 6 x -11 + 1 x 11 = -55 of 1,000: 0.055. The entry goes, both positions are flattened.
    *minute(bar(89, open=100)),
    *alice("no", "buy", 1),
    # 6 x (88 - 100) = -72 and 100 - 88 = 12; the exit that waited at 105 ends with its position.
    *minute(bar(88), bar(110)),
    *ann(ResumeRequested("ann", "seen to", reset_counters=True)),
    *alice("yes", "buy", 1),
    *minute(bar(110)),
]
