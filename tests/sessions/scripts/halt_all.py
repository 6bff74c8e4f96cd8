"""A total halt cancels all but protection, exits too; flattening passes; then a resume."""

from deadreckon.contracts.governance import FlattenRequested, HaltRequested, ResumeRequested
from tests.sessions.script import Script, alice, alice_cancels, ann, minute, opening
from tests.stories import bar, limits

SCRIPT: Script = [
    *opening(limits()),
    *minute(bar(100)),
    *alice("held", "buy", 1, stop_loss=95),
    *alice("other", "sell", 2, strategy="other"),
    *minute(bar(100)),
    *alice("waiting", "buy", 1, order_type="limit", limit_price=97),
    *alice("leaving", "buy", 1, strategy="other", order_type="limit", limit_price=90),
    *minute(bar(100)),
    # The entry goes, and so does the exit of the other strategy, before its cancel; the stop stays.
    *ann(HaltRequested("ann", "fire drill")),
    *alice("entry", "buy", 1),
    *alice("exit", "sell", 1),
    *alice_cancels("leaving"),
    # Only the stop trades: (95 - 100) x 1 = -5. The limit at 97 would have, had it been there.
    *minute(bar(94, open=100)),
    # What is left is flattened at 94: 2 x (100 - 94) = 12.
    *ann(FlattenRequested("ann", "the other has to go")),
    *minute(bar(94)),
    *ann(ResumeRequested("ann", "drill is over")),
    *alice("again", "buy", 1),
    *minute(bar(95)),
]
