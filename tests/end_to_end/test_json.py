"""Every verb's --json: the same keys behind its own, whether it succeeds or fails."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Dr
from tests.support.forked_verbs import run_forked
from tests.support.verb_names import verbs

pytestmark = pytest.mark.slow

DATA = "--data desk"
KEYS = {"verb", "ok", "sequence", "error"}
LISTING = "quote_currency=USDT base_currency=N tick_size=1 lot_size=1"
WINDOW = "--instrument BTCUSDT.PAPER --from 2026-01-01T00:00 --to 2026-01-01T00:10"

# Verbs that succeed on a demo's folder, in this order; some need what those before them made.
GOOD = [
    "version",
    f"status {DATA}",
    f"positions {DATA}",
    f"orders {DATA}",
    f"fills {DATA}",
    f"limits show {DATA}",
    f"clock show {DATA}",
    f"clock set step_max=30s --reason r {DATA}",
    f"limits set order_notional_max=5000 --reason less {DATA}",
    f"instruments add N.PAPER {LISTING} --reason new {DATA}",
    f"instruments remove N.PAPER --reason old {DATA}",
    f"venue set PAPER latency=1ms --reason slower {DATA}",
    f"cash deposit USDT 1 --reason more {DATA}",
    f"cash withdraw USDT 1 --reason less {DATA}",
    f"cash fee USDT 1 --strategy cross --instrument BTCUSDT.PAPER --reason late {DATA}",
    f"cash funding BTCUSDT.PAPER 0.0001 60000 {DATA}",
    f"cash report USDT --reason same {DATA}",
    f"strategy set cross fast=8 --reason faster {DATA}",
    f"mark BTCUSDT.PAPER 60000 {DATA}",
    "init paper",
    f"flatten {DATA}",
    f"cancel --all {DATA}",
    f"producer add momentum {DATA}",
    f"producer check signal.json {DATA}",
    f"producer remove momentum {DATA}",
    f"signal send signal.json {DATA}",
    "tape describe market.parquet",
    "tape inspect bars.csv --volume none",
    "tape import bars.csv --instrument B.X --volume none --output bars.parquet",
    "tape synth --seed 3 --bars 60 --output other.parquet",
    f"demo --tape market.parquet --no-web {DATA}",
    f"rebuild {DATA}",
    f"verify {DATA}",
    f"doctor {DATA}",
    f"replay audit --all {DATA}",
    f"replay asof 20 {DATA}",
    f"replay why 20.0 {DATA}",
    f"replay whynot {WINDOW} {DATA}",
    f"replay rerun 2026-01-01 --service router {DATA}",
    f"replay whatif 2026-01-01 --set risk.order_notional_max=500 {DATA}",
    f"replay metrics 2026-01-01 --step 3600 --output day.om {DATA}",
    f"replay bundle 20.0 --service risk --output one.bundle {DATA}",
    "replay open one.bundle",
    f"archive seal 2026-01-01 {DATA}",
    f"archive verify {DATA}",
    f"archive prove 5 {DATA}",
    f"archive list {DATA}",
    f"archive prune --older-than 0d --dry-run {DATA}",
    f"replay pnl 2026-01-01 {DATA}",
    f"backup one.backup {DATA}",
    "restore one.backup --data again",
    "contracts check",
    "contracts generate --check",
]
LISTS = [
    f"limits history {DATA}",
    f"instruments list {DATA}",
    f"venue list {DATA}",
    f"cash show {DATA}",
    f"strategy list {DATA}",
    f"strategy kinds {DATA}",
    f"producer list {DATA}",
]
LINES = [f"tail --no-follow {DATA}", f"replay narrate 2026-01-01 {DATA}"]

# Verbs that fail, with the exit code and the rule that the error names.
BAD = [
    ("version extra", 2, "usage"),
    ("demo --tape nowhere.parquet", 2, "usage"),
    ("init paper --cash 0", 2, "usage"),
    (f"mark BTCUSDT.PAPER x {DATA}", 2, "usage"),
    ("up --config nowhere.toml", 2, "usage"),
    ("run nonsense", 2, "usage"),
    ("status --data nowhere", 2, "usage"),
    ("positions --data nowhere", 2, "usage"),
    (f"orders --limit 0 {DATA}", 2, "usage"),
    (f"fills --limit 0 {DATA}", 2, "usage"),
    (f"tail --from 0 {DATA}", 2, "usage"),
    ("producer add x --data /dev/null", 2, "usage"),
    ("producer list --data nowhere", 2, "usage"),
    (f"producer remove nobody {DATA}", 2, "usage"),
    (f"producer check nowhere.json {DATA}", 2, "usage"),
    (f"signal send nowhere.json {DATA}", 2, "usage"),
    (f"signal send bad.json {DATA}", 1, "wrong_type"),
    (f"halt --wait 0 {DATA}", 1, "unanswered"),
    (f"resume --wait 0 {DATA}", 1, "unanswered"),
    ("flatten --data nowhere", 2, "usage"),
    (f"cancel {DATA}", 2, "usage"),
    (f"limits set x=1 --reason x {DATA}", 2, "usage"),
    ("limits show --data nowhere", 2, "usage"),
    (f"limits history x {DATA}", 2, "usage"),
    ("clock show --data nowhere", 2, "usage"),
    (f"clock set x=1 --reason x {DATA}", 2, "usage"),
    ("clock accept --data nowhere", 2, "usage"),
    (f"clock reset --to x {DATA}", 2, "usage"),
    ("instruments list --data nowhere", 2, "usage"),
    (f"instruments add x --reason x {DATA}", 2, "usage"),
    ("instruments remove x --reason x --data nowhere", 2, "usage"),
    ("venue list --data nowhere", 2, "usage"),
    (f"venue set PAPER x=1 --reason x {DATA}", 2, "usage"),
    ("cash show --data nowhere", 2, "usage"),
    (f"cash deposit USDT x --reason x {DATA}", 2, "usage"),
    (f"cash withdraw USDT x --reason x {DATA}", 2, "usage"),
    (f"cash fee USDT x --strategy x --instrument x --reason x {DATA}", 2, "usage"),
    (f"cash funding x x x {DATA}", 2, "usage"),
    (f"cash report USDT --every x --reason x {DATA}", 2, "usage"),
    ("strategy list --data nowhere", 2, "usage"),
    (f"strategy kinds nowhere.py {DATA}", 2, "usage"),
    (f"strategy set cross fast=50 --reason x {DATA}", 1, "bad_parameter"),
    ("tape describe bars.csv", 2, "usage"),
    ("tape inspect nowhere.csv", 2, "usage"),
    ("tape import bars.csv --instrument B.X", 2, "usage"),
    ("tape synth --seed 3 --bars 0", 2, "usage"),
    ("rebuild --data nowhere", 2, "usage"),
    ("verify --data nowhere", 2, "usage"),
    ("doctor --data nowhere", 1, "difference"),
    (f"replay audit 2000-01-01 {DATA}", 1, "difference"),
    (f"replay narrate {DATA}", 2, "usage"),
    (f"replay asof nothing {DATA}", 2, "usage"),
    (f"replay why nothing {DATA}", 2, "usage"),
    (f"replay whynot --instrument X.Y --from 2026-01-01 --to 2026-01-01 {DATA}", 2, "usage"),
    (f"replay rerun {DATA}", 2, "usage"),
    (f"replay whatif {DATA}", 2, "usage"),
    (f"replay pnl {DATA}", 2, "usage"),
    (f"replay metrics 2000-01-01 --output no.om {DATA}", 1, "difference"),
    (f"replay bundle nothing --output no.bundle {DATA}", 2, "usage"),
    ("replay open nowhere.bundle", 2, "usage"),
    (f"archive seal 2000-01-01 --all {DATA}", 2, "usage"),
    (f"archive verify --key x {DATA}", 2, "usage"),
    (f"archive prove 99999999 {DATA}", 3, "environment"),
    ("archive list --data nowhere", 2, "usage"),
    (f"archive prune --older-than x {DATA}", 2, "usage"),
    ("backup x.backup --data nowhere", 2, "usage"),
    ("restore nowhere.backup --data x", 2, "usage"),
    ("crashtest --rows 1", 2, "usage"),
    ("contracts generate extra", 2, "usage"),
    ("contracts check extra", 2, "usage"),
    ("contracts release", 2, "usage"),
    ("bench nonsense", 2, "usage"),
    ("drill failover --services x", 2, "usage"),
    ("nonsense", 2, "usage"),
]
WITHOUT_JSON = {"nats config", "exchange"}


def verb_of(words: str) -> str:
    name, _, rest = words.partition(" ")
    groups = {verb.partition(" ")[0] for verb in verbs() if " " in verb}
    return f"{name} {rest.split()[0]}" if name in groups else name


def test_every_verb_is_tried() -> None:
    known = set(verbs())
    good = {verb_of(words) for words in [*GOOD, *LISTS, *LINES]}
    bad = {verb_of(words) for words, _, _ in BAD}
    # They take minutes, wait for a stack, or go on for ever (`up`: below).
    long = {"run", "halt", "resume", "crashtest", "bench", "drill failover", "up"}
    long |= {"clock accept", "clock reset"}
    assert bad - {"nonsense"} | WITHOUT_JSON == known - {"drill takeover"}
    assert good | long | {"contracts release"} | WITHOUT_JSON == known - {"drill takeover"}


@pytest.fixture(scope="module")
def folder(demo_of_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("json") / "work"
    subprocess.run(["cp", "-a", demo_of_days, root], check=True)
    good = {"id": "x-1", "strategy": "ext", "instrument": "BTCUSDT.PAPER", "side": "buy"}
    (root / "signal.json").write_text(json.dumps(good | {"quantity": "0.01"}))
    (root / "bad.json").write_text(json.dumps(good | {"quantity": 0.01}))
    rows = [f"{1_700_000_000 + 60 * n},1,2,1,2\n" for n in range(100)]
    (root / "bars.csv").write_text("time,open,high,low,close\n" + "".join(rows))
    return root


@pytest.fixture(scope="module")
def dr_here(folder: Path) -> Iterator[Dr]:
    made = Dr(folder)
    yield made
    made.end()


def check(found: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "docs/schemas/documents/outcome.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(found)


def test_what_succeeds_has_the_keys_of_every_verb_behind_its_own(dr_here: Dr) -> None:
    for words in GOOD:
        found = dr_here.json(*words.split())
        assert set(found) > KEYS, words
        check(found)
        assert (found["verb"], found["ok"], found["error"]) == (verb_of(words), True, None)
        if {"limits", "cash", "flatten"} & {words.split()[0]}:
            assert found["sequence"] > 0


def test_lists_and_lines_stay_as_they_are(dr_here: Dr) -> None:
    for words in LISTS:
        assert isinstance(dr_here.json(*words.split()), list), words
    for words in LINES:
        lines = [json.loads(line) for line in dr_here.run(*words.split(), "--json").splitlines()]
        assert lines, words
        assert not any("ok" in line for line in lines)


def test_what_fails_says_so_in_json_with_the_same_exit_code(folder: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    for words, code, rule in BAD:
        done = run_forked((*words.split(), "--json"), folder, environment, 300)
        assert done.returncode == code, (words, done)
        found = json.loads(done.stdout)
        check(found)
        assert (found["verb"], found["ok"]) == (verb_of(words), False)
        error = found["error"]
        assert error["exit_code"] == code
        assert error["rule"] == rule, words
        assert error["message"], words


def test_a_stack_says_where_it_is_with_the_same_keys(dr_here: Dr) -> None:
    up = dr_here.start("up", "--no-web", "--json", "--data", "fresh")
    assert up.stdout is not None
    found = json.loads(up.stdout.readline())
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=60)
    check(found)
    assert (found["verb"], found["ok"], found["data"]) == ("up", True, "fresh")
