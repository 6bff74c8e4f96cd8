"""Verbs that only look, or record one fact, import none of the libraries that take long to load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deadreckon.cli.app import VERBS
from deadreckon.cli.replay import VERBS as REPLAY
from tests.conftest import ROOT
from tests.end_to_end.conftest import Dr

HEAVY = [
    "duckdb", "fastapi", "hmmlearn", "numpy", "polars", "prometheus_client", "scipy", "sklearn",
    "starlette", "uvicorn",
]  # fmt: skip

SIGNAL = {"id": "x-1", "strategy": "ext", "instrument": "BTCUSDT.PAPER", "side": "buy"}
LIGHT = [
    "--help",
    "version",
    "status",
    "positions",
    "orders",
    "fills",
    "tail --no-follow",
    "producer add momentum",
    "producer list",
    "producer remove momentum",
    "producer check signal.json",
    "nats config",
    "signal send signal.json",
    "halt --wait 0",
    "resume --wait 0",
    "flatten",
    "cancel --all",
    "limits show",
    "limits history",
    "clock show",
    "limits set order_notional_max=5000 --reason less",
    "instruments list",
    "instruments add N.PAPER quote_currency=USDT base_currency=N tick_size=1 lot_size=1 --reason x",
    "instruments remove N.PAPER --reason old",
    "venue list",
    "venue set PAPER latency=1ms --reason slower",
    "mark BTCUSDT.PAPER 60000",
    "cash show",
    "cash deposit USDT 1 --reason more",
    "strategy list",
    "strategy kinds",
    "strategy set cross fast=8 --reason faster",
    "contracts check",
    "replay narrate --from 10 --to 20",
    "replay asof 20",
    "replay why 20.0",
    "replay whynot --instrument BTCUSDT.PAPER --from 2026-01-01T00:00 --to 2026-01-01T00:10",
]
# They read or write columns, files of market data, or all of the views; or they are the stack.
HEAVY_VERBS = {
    "demo", "init", "up", "run", "tape", "rebuild", "verify", "doctor", "backup", "archive",
    "restore",
    "crashtest", "exchange", "bench", "drill", "replay audit", "replay rerun", "replay whatif",
    "replay pnl", "replay metrics", "replay bundle", "replay open",
}  # fmt: skip

# Every verb begins where `dr` begins: the front door is imported, nothing else.
PROGRAM = """
import json, os, sys
import deadreckon.cli.app
verbs, heavy = json.load(sys.stdin)
for verb in verbs:
    if not os.fork():
        out = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv = ["dr", *verb.split()]
        if verb.partition(" ")[0] not in ("version", "contracts", "--help"):
            sys.argv += ["--data", "desk"]
        from deadreckon.__main__ import main
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        found = [name for name in heavy if sys.modules.get(name)]
        os.write(out, json.dumps([verb, code, found]).encode() + b"\\n")
        os._exit(0)
    os.wait()
"""


def test_every_verb_is_light_or_has_a_reason() -> None:
    names = {*VERBS, *(f"replay {name}" for name in REPLAY)} - {"replay"}
    tried = {" ".join(verb.split()[: 1 + verb.startswith("replay")]) for verb in LIGHT}
    assert tried - {"--help"} | HEAVY_VERBS == names
    assert not tried & HEAVY_VERBS


@pytest.mark.slow
def test_verbs_that_look_import_nothing_that_takes_long(demo_of_days: Path, dr: Dr) -> None:
    subprocess.run(["cp", "-a", demo_of_days / "desk", dr.folder / "desk"], check=True)
    (dr.folder / "signal.json").write_text(json.dumps(SIGNAL | {"quantity": "0.01"}))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=dr.folder,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        input=json.dumps([LIGHT, HEAVY]),
        capture_output=True,
        text=True,
    )
    found = {verb: (code, heavy) for verb, code, heavy in map(json.loads, done.stdout.splitlines())}
    assert list(found) == LIGHT, done.stderr
    assert {verb: heavy for verb, (_, heavy) in found.items() if heavy} == {}
    # A verb that fails at once would import nothing either: these are answered by nobody.
    unanswered = {"halt --wait 0", "resume --wait 0"}
    assert {verb for verb, (code, _) in found.items() if code} == unanswered, done.stderr
