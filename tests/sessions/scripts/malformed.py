"""What is malformed, stale, doubled or forbidden is refused by name, and stops nobody behind it."""

from deadreckon.contracts.governance import HaltRequested
from tests.sessions.script import Fact, Script, Wire, alice, ann, minute, opening
from tests.stories import bar, deposit, limits

GOOD = {
    "id": "g1",
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "1",
}


def _but(**changes: object) -> dict[str, object]:
    return GOOD | changes


SCRIPT: Script = [
    Wire("alice", GOOD | {"at": "2026-03-02T00:00:00Z", "id": "before"}),
    *opening(limits()),
    *minute(bar(100)),
    Wire("alice", b"{not json"),
    Wire("alice", b"\xff\xfe"),
    # One message, many signals: the good ones among them are heard.
    Wire(
        "alice",
        [
            _but(id="m1", quantity=1.5),
            _but(id="m2", quantity="-1"),
            _but(id="m3", side="hold"),
            _but(id="m4", stop_los="95"),
            _but(id="m5", notional="100"),
            _but(id="m6", at="yesterday"),
            _but(id="m7", order_type="limit"),
            _but(id="m8", post_only=True),
            {"id": "m9"},
            "m10",
            _but(id=""),
            _but(id="b1", quantity="0.5"),
        ],
    ),
    *alice("old", "buy", 1, at="2026-02-01T00:00:00Z"),
    *alice("new", "buy", 1, at="2026-03-02T01:00:00Z"),
    *alice("g1", "buy", 1, at="2026-03-02T00:01:00Z"),
    *alice("g1", "buy", 1, at="2026-03-02T00:01:00Z"),
    *alice("g1", "buy", 2, at="2026-03-02T00:01:00Z"),
    *alice("g2", "buy", 1, instrument="DOGEUSDT.PAPER"),
    *minute(bar(101)),
    *ann(b"garbage", b'{"id": "x1", "type": "orders.order_filled", "v": 1, "data": {}}'),
    *ann(b'{"id": "x2", "type": "governance.halt_requested", "v": 2, "data": {"scop": "all"}}'),
    *ann(
        b'{"id": "x3", "type": "portfolio.cash_deposited", "v": 1, "data":'
        b' {"currency": "USDT", "amount": 5, "actor": "ann", "reason": "float"}}'
    ),
    Fact("ann", deposit(7), id="x4"),
    Fact("ann", deposit(7), id="x4"),
    Fact("ann", deposit(8), id="x4"),
    Fact("ann", HaltRequested("ann", "clear\x1b[2J the screen", "close_only"), id="x5"),
    *minute(bar(101)),
]
