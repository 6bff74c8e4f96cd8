"""Prices by hand: an instrument without any market is traded at what a person states."""

import json

import pytest

from tests.end_to_end.conftest import Dr, until

WHO = ("--actor", "ann", "--reason", "no feed", "--data", "desk")
NAME = "OIL.PAPER"
LISTING = ("base_currency=OIL", "quote_currency=USD", "tick_size=0.01", "lot_size=0.1")


@pytest.mark.slow
def test_an_order_fills_at_the_price_that_a_person_states(dr: Dr) -> None:
    process = dr.start("up", "--data", "desk", "--no-web", "--json")
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    dr.run("instruments", "add", NAME, *LISTING, *WHO)
    dr.run("venue", "set", "PAPER", "taker_fee_rate=0.001", "slippage_bps=20", *WHO)
    dr.run("cash", "report", "USD", *WHO)
    dr.run("cash", "deposit", "USD", "10000", *WHO)
    dr.run("limits", "set", "price_age_max=1h", *WHO)

    refused = dr.run("mark", "OLI.PAPER", "70", *WHO, code=1)
    assert "refused by unknown_instrument: OLI.PAPER was never listed; did you mean OIL" in refused
    assert "expected a positive amount" in dr.run("mark", NAME, "0", *WHO, code=2)
    assert "nothing had to be done" in dr.run("mark", NAME, "70", *WHO)

    signal = {"id": "s-1", "strategy": "ext", "instrument": NAME, "side": "buy", "quantity": "3"}
    (dr.folder / "signals.jsonl").write_text(json.dumps(signal))
    said = dr.run("signal", "send", "signals.jsonl", "--wait", "--data", "desk")
    assert "s-1 approved: order " in said
    order = said.split()[-1]

    def answered() -> bool:  # the order is there: a mark fills it, and says so
        return "1 OrderFilled" in dr.run("mark", NAME, "71.5", *WHO)

    until(answered, "a mark that fills")
    (fill,) = until(lambda: dr.json("fills", "--data", "desk")["data"], "the fill in the views")
    assert (fill["price"], fill["liquidity"], fill["fee"]) == ("71.5", "taker", "0.2145")
    dr.run("mark", NAME, "80", *WHO)
    (position,) = until(lambda: dr.json("positions", "--data", "desk")["data"], "the position")
    assert position["quantity"] == "3"
    tail = dr.run("tail", "--data", "desk", "--no-follow", "--from", "1", "--type", "MarkUpdated")
    assert f"{NAME} marked at 80 by ann: no feed" in tail
    why = dr.run("replay", "why", order, "--data", "desk")
    assert f"{NAME} at 70, stated by ann" in why
    assert dr.json("replay", "rerun", "--all", "--data", "desk")["equal"]
