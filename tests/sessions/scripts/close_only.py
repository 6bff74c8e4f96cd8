"""While entries are shut, exits pass and stay exits; what is left is flattened."""

from deadreckon.contracts.governance import FlattenRequested, HaltRequested
from tests.sessions.script import Script, alice, ann, minute, opening
from tests.stories import bar, limits, venue

SCRIPT: Script = [
    *opening(limits(), at=venue(taker="0.001")),
    *minute(bar(100)),
    *alice("long", "buy", 3, stop_loss=90, take_profit=120),
    *minute(bar(100)),
    *ann(HaltRequested("ann", "thin market", scope="close_only")),
    *alice("more", "buy", 1),
    # More than is held would turn the position: that is an entry.
    *alice("turn", "sell", 4),
    # Less is an exit, and is sent reduce-only: 1 x (102 - 100) = 2 realised.
    *alice("some", "sell", 1),
    *minute(bar(102)),
    # The other two go at 104: 2 + 8 = 10 realised; fees 0.3 + 0.102 + 0.208 = 0.61.
    *ann(FlattenRequested("ann", "enough", instrument="BTCUSDT.PAPER")),
    *minute(bar(104)),
    *alice("nothing", "sell", 1, reduce_only=True),
]
