"""An in-house strategy: too unsure at first, then short, turned by the next cross, stopped out."""

from decimal import Decimal
from typing import Any

from deadreckon.contracts.market import BarOpened
from tests.sessions.script import Script, ann, at_once, minute, opening
from tests.stories import INSTRUMENT, MINUTE, bar, limits, strategy, venue

PARAMETERS: dict[str, Any] = {"fast": 2, "slow": 3, "cooldown_seconds": 120, "stop_loss_bps": 500}

SCRIPT: Script = [
    *opening(
        limits(confidence_min="0.5"),
        strategy(confidence_scale=100, **PARAMETERS),
        at=venue(taker="0.0005", slippage=1),
    ),
    # Falling: fast (99 + 98) / 2 = 98.5 is below slow (100 + 99 + 98) / 3 = 99 from the first.
    *minute(bar(100), bar(99), bar(98)),
    # A cross: 99.5 over 99.333333. The gap of 0.166667 is 0.165 % of the price, times 100.
    *minute(bar(101)),
    *minute(bar(97)),
    # A cross down: 96 under 97.666667, two minutes after the last signal. 1,000 / 95 = 10.526.
    *minute(bar(95)),
    # Sold at the open, 94 less 1 bp, down to the tick: 93.99. Fee 0.05 % of 989.33874.
    *at_once(BarOpened(INSTRUMENT, MINUTE, Decimal(94))),
    *minute(bar(94), bar(93)),
    # A cross up: 95.5 over 95. It leaves the short and enters long for 1,000 / 98 = 10.204.
    *minute(bar(98)),
    # Both at 98.5 and 1 bp: 98.51. (93.99 - 98.51) x 10.526 = -47.57752 realised.
    *minute(bar(99, open="98.5")),
    *ann(strategy(enabled=False, confidence_scale=100, **PARAMETERS)),
    # Off, it neither enters nor leaves; its stop stands, 5 % below the close of 98.
    # 93.1 less 1 bp: 93.09; (93.09 - 98.51) x 10.204 = -55.30568, -102.8832 in all.
    *minute(bar(93, open=99), bar(80)),
    *ann(strategy(fast=3, slow=3)),
]
