"""The main job on three servers: the run is the same, whoever keeps the log and whoever dies."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deadreckon.replay.tapes.synthetic import Recipe, synthesise
from tests.cluster.nodes import Cluster, until
from tests.conftest import ROOT

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.slow]

ROWS = 1_200
INSTRUMENT = "BTCUSDT.PAPER"


async def play(tape: Path, data: Path, *more: str) -> "asyncio.subprocess.Process":
    """Begin to play a tape as fast as possible."""
    words = ("demo", "--tape", str(tape), "--no-web", "--json", "--data", str(data), *more)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deadreckon", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def statement(process: "asyncio.subprocess.Process") -> dict[str, Any]:
    """What it says at the end."""
    said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(said)
    assert found["run"]["finished"]
    return found


def kept(nodes: Cluster) -> Sequence[tuple[int, int]]:
    """Messages and replicas of the log, as each node knows them."""
    found = []
    for node in nodes.nodes.values():
        (account,) = node.ask("/jsz?streams=true&config=true")["account_details"]
        (stream,) = account["stream_detail"]
        found.append((stream["state"]["messages"], stream["config"]["num_replicas"]))
    return found


async def test_a_run_on_three_servers_is_the_run_on_none_even_when_the_leader_dies(
    nodes: Cluster, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.parquet"
    synthesise(Recipe(seed=7, bars=ROWS), INSTRUMENT, tape)

    playing = await play(tape, tmp_path / "three", "--nats", nodes.urls)
    leader = await nodes.leader()
    await until(lambda: kept(nodes)[0][0] > ROWS // 4 or None, "a part of the tape to be played")
    leader.kill()
    await nodes.leader()
    leader.start()
    on_three = await statement(playing)
    in_memory = await statement(await play(tape, tmp_path / "memory", "--bus", "memory"))

    assert on_three["digest"] == in_memory["digest"]
    await nodes.well()
    assert kept(nodes) == [(on_three["run"]["messages"], 3)] * 3
