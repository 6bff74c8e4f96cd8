"""A producer beyond its quota: each message has a verdict, and leads to what refused it."""

import json
import signal
from typing import Any

import pytest

from tests.end_to_end.conftest import Dr, page, until

SENT = 30
WHO = ("--actor", "ann", "--reason", "test", "--data", "desk")
RULE = "quota_exceeded"


def signals(name: str, count: int) -> str:
    """Signals for a small purchase, one a line."""
    body = {"strategy": "ext", "instrument": "BTCUSDT.PAPER", "side": "buy", "quantity": "0.01"}
    return "".join(json.dumps(body | {"id": f"{name}-{n}"}) + "\n" for n in range(count))


def refusals(dr: Dr) -> list[Any]:
    lines = dr.run("tail", "--data", "desk", "--no-follow", "--from", "1", "--json")
    found = [json.loads(line) for line in lines.splitlines()]
    return [it["data"] for it in found if it.get("type") == "signals.messages_refused"]


@pytest.mark.slow
def test_every_message_beyond_a_quota_has_a_verdict_and_leads_to_its_refusal(dr: Dr) -> None:
    dr.run("init", "desk", "--actor", "ann")
    process = dr.start("up", "--data", "desk", "--web-port", "0", "--json")
    assert process.stdout is not None
    web = json.loads(process.stdout.readline())["web"]
    until(lambda: page(f"{web}/health").json()["ok"], "that something may be traded")
    shown = dr.json("limits", "show", "--data", "desk")
    assert shown["producer_signals_per_second"] == 5_000
    assert shown["producer_bytes_per_second"] == 5_000_000

    dr.run("limits", "set", "producer_signals_per_second=0", *WHO)
    (dr.folder / "many.jsonl").write_text(signals("many", SENT))
    words = ("signal", "send", "many.jsonl", "--wait", "--data", "desk")
    sent = dr.json(*words, code=1)
    assert sent["unanswered"] == []
    assert [it["rule"] for it in sent["verdicts"]] == [RULE] * SENT
    assert {it["signal_id"] for it in sent["verdicts"]} == {f"many-{n}" for n in range(SENT)}

    found = refusals(dr)
    assert sum(it["count"] for it in found) == SENT
    assert (found[0]["first_sequence"], found[-1]["last_sequence"]) == (
        sent["first_sequence"],
        sent["last_sequence"],
    )
    middle = (sent["first_sequence"] + sent["last_sequence"]) // 2
    inside = next(it for it in found if it["first_sequence"] <= middle <= it["last_sequence"])
    story = dr.run("replay", "why", str(inside["first_sequence"]), "--data", "desk")
    assert RULE in story
    assert f"from sequence {inside['first_sequence']} to {inside['last_sequence']}" in story
    report = dr.json("producer", "check", "--data", "desk", "--producer", "cli", "--all", code=None)
    assert report["refusals"] == {RULE: SENT}

    dr.run("limits", "set", "producer_signals_per_second=off", *WHO)
    (dr.folder / "one.jsonl").write_text(signals("one", 1))
    assert "one-0 approved: order " in dr.run(
        "signal", "send", "one.jsonl", "--wait", "--data", "desk"
    )
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert dr.json("replay", "rerun", "--all", "--data", "desk")["equal"]
    assert dr.run("verify", "--data", "desk")
