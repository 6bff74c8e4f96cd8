"""Equity too far below its peak shuts entries for the cooldown, and again while it lasts."""

from tests.sessions.script import Script, alice, minute, opening
from tests.stories import MINUTE, bar, deposit, limits

SCRIPT: Script = [
    *opening(
        limits(drawdown_max="0.1", breaker_cooldown=3 * MINUTE, price_age_max=MINUTE),
        cash=deposit(1_000),
    ),
    *minute(bar(100)),
    *alice("a1", "buy", 5),
    *minute(bar(100)),
    # Peak: 1,000 + 5 x 20 = 1,100. A tenth less is 990.
    *minute(bar(120)),
    *minute(bar(98)),
    # 985 is 115 below 1,100: 0.104545455. Halted until 00:08.
    *minute(bar(97)),
    *alice("a2", "buy", 1),
    *minute(bar(98), bar(97)),
    # Still too low when the cooldown is over: halted again, and once more three minutes later.
    *minute(bar("97.5"), bar(97), bar(97)),
    *alice("a3", "buy", 1),
    # Back above 990 before the third cooldown is over: nothing holds from then on.
    *minute(bar(99), bar(99)),
    *alice("a4", "sell", 1),
    *minute(bar(99), bar(99)),
    *alice("a5", "buy", 1),
    *minute(bar(99)),
]
