"""On quotes: an order is moved, grown as far as limits let it, filled in part, and cancelled."""

from deadreckon.contracts.governance import CancelRequested
from tests.sessions.script import Script, alice, alice_cancels, alice_changes, ann, minute, opening
from tests.stories import limits, quote, trade, venue

SCRIPT: Script = [
    *opening(limits(order_notional_max=400), at=venue(maker="0.0002", taker="0.0005")),
    *minute(quote(99, 101, size=2)),
    *alice("a1", "buy", 2, order_type="limit", limit_price=98, post_only=True),
    *alice_changes("a1", id="up", limit_price="98.507"),
    # A post-only order that would take is left where it is.
    *alice_changes("a1", id="taking", limit_price=101),
    # 4 at the mark of 100 are 400, the limit; 4.1 are 410.
    *alice_changes("a1", id="too big", quantity="4.1"),
    *alice_changes("a1", id="bigger", quantity=4),
    # An ask at our price fills what it offers: 1.5 at 98.50, maker fee 0.02 % of 147.75.
    *minute(quote(98, "98.5", size="1.5")),
    *alice_changes("a1", id="too small", quantity=1),
    # Smaller at the same price: it rests where it rested, whatever the ask has come to.
    *alice_changes("a1", id="smaller", quantity=2),
    # A trade at our price may have been another's; one below it is ours as far as it goes.
    *minute(trade("98.5", 1, "sell"), trade("98.4", "0.2", "sell")),
    *alice_cancels("a1", id="c1"),
    *alice_cancels("a1", id="c2"),
    *alice_cancels("never was", id="c3"),
    *alice_changes("a1", id="late", quantity=3),
    # A stop-limit: triggered by the bid, it waits at its limit; an operator takes it away.
    *alice("a2", "sell", "1.7", order_type="stop_limit", stop_price=97, limit_price="96.5"),
    *minute(quote(96, 98)),
    *ann(CancelRequested("ann", "no longer wanted")),
    *ann(CancelRequested("ann", "nothing there")),
    *minute(quote(97, 98)),
]
