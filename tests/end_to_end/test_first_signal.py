"""The README's first signal, typed as it stands there, against a stack that plays a tape."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, ROOT
from tests.end_to_end.conftest import Dr, until
from tests.support.node_packages import FEW_REQUESTS, HAS_NODE

HEADING = "## Your first signal, from another language"
INSTRUMENT = "BTCUSDT.PAPER"
NO_NODE = "Node or its package is not to be had here: the first signal from Node was NOT tested"
NO_NKEYS = "nkeys is not to be had here: the first signal from Python was NOT tested"


def commands() -> list[str]:
    """The commands of the README's section, without their comments."""
    section = (ROOT / "README.md").read_text("utf-8").partition(HEADING)[2]
    return [
        line.partition("  #")[0].strip()
        for line in section.split("```")[1].splitlines()[1:]
        if line
    ]


@pytest.fixture
def desk(dr: Dr) -> Dr:
    """A stack that plays the synthetic market at a pace, and the examples beside it."""
    skipped = shutil.ignore_patterns("node_modules")
    shutil.copytree(ROOT / "docs" / "examples", dr.folder / "docs" / "examples", ignore=skipped)
    dr.start("demo", "--speed", "60", "--data", "run1", "--no-web", "--json")
    until(lambda: _plays(dr), "a price in the log")
    (added,) = [each for each in commands() if each.startswith("./dr producer add")]
    words = shlex.split(added)
    assert words[-2] == ">"
    (dr.folder / words[-1]).write_text(dr.run(*words[1:-2]))
    return dr


def _plays(dr: Dr) -> bool:
    if not (dr.folder / "run1" / "nats").exists():
        return False
    return "market.bar_closed" in dr.run(
        "tail", "--data", "run1", "--no-follow", "--json", code=None
    )


def typed(dr: Dr, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the README in the folder of the stack."""
    return subprocess.run(
        shlex.split(command),
        cwd=dr.folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def is_approved(dr: Dr, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()[-1]
    assert said.startswith("approved: order "), done.stdout
    order = said.rpartition(" ")[2]
    until(lambda: order in dr.run("orders", "--data", "run1", "--all", "--json"), "the order")


@pytest.mark.slow
def test_from_node(desk: Dr) -> None:
    if not HAS_NODE:
        pytest.skip(NO_NODE)
    (install,) = [each for each in commands() if each.startswith("npm ")]
    if typed(desk, install, **FEW_REQUESTS).returncode:
        pytest.skip(NO_NODE)
    (run,) = [each for each in commands() if each.startswith("node ")]
    is_approved(desk, typed(desk, run))

    printed = desk.folder / "docs" / "examples" / "other.mjs"  # beside the packages
    printed.write_text(desk.run("producer", "add", "other", "--data", "run1"))
    is_approved(desk, typed(desk, f"node {printed}"))


@pytest.mark.slow
def test_from_python(desk: Dr, tmp_path_factory: pytest.TempPathFactory) -> None:
    packages = tmp_path_factory.mktemp("packages")
    (install,) = [each for each in commands() if each.startswith("pip ")]
    assert install == "pip install nats-py nkeys"  # nats-py is pinned here: nkeys comes beside it
    fetched = typed(desk, f"{sys.executable} -m pip install --target {packages} nkeys")
    if fetched.returncode:
        pytest.skip(NO_NKEYS)
    (run,) = [each for each in commands() if each.startswith("python ")]
    program = run.replace("python", sys.executable, 1)
    is_approved(desk, typed(desk, program, PYTHONPATH=str(packages)))


@pytest.mark.slow
def test_from_the_shell(desk: Dr) -> None:
    body = {"id": "s-1", "strategy": "ext", "instrument": INSTRUMENT, "side": "buy"}
    good = body | {"quantity": "0.01", "confidence": "0.9"}
    lines = [good, good | {"id": "s-2", "confidence": "0.1"}]
    path = Path(desk.folder / "signals.jsonl")
    path.write_text("\n".join(map(json.dumps, lines)))

    said = desk.run("signal", "send", str(path), "--wait", "--data", "run1", code=1)

    assert "s-1 approved: order " in said
    assert "s-2 refused by confidence_min: " in said
    assert "limit 0.25, measured 0.1" in said
