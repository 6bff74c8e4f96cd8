"""The main job on three servers: the run is the same, whoever keeps the log and whoever dies."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.runtime.log.bus import DeniedError
from deadreckon.runtime.log.jetstream import JetStreamBus
from tests.cluster.nodes import CONFIGURATION, Cluster, cluster, until
from tests.conftest import PATIENCE, ROOT
from tests.support.forked_verbs import run_forked

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
    record, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(record)
    assert found["run"]["finished"]
    return found


def kept(nodes: Cluster) -> Sequence[tuple[int, int]]:
    """Messages and replicas of the log, as each node knows them."""
    found = []
    for node in nodes.nodes.values():
        accounts = node.ask("/jsz?streams=true&config=true")["account_details"]
        (stream,) = [stream for account in accounts for stream in account.get("stream_detail", [])]
        found.append((stream["state"]["messages"], stream["config"]["num_replicas"]))
    return found


def test_the_environment_that_is_shipped_has_all_that_the_configuration_asks_for() -> None:
    asked = set(re.findall(r"\$(DR_\w+)", CONFIGURATION.read_text("utf-8")))
    lines = CONFIGURATION.with_name("node.env").read_text("utf-8").splitlines()
    given = {line.removeprefix("# ").partition("=")[0] for line in lines if "DR_" in line}

    assert asked == given


async def test_with_a_key_for_every_role_the_log_is_kept_three_times(tmp_path: Path) -> None:
    """The way that docs/cluster.md describes: accounts printed, a file that names the servers."""
    keys = tmp_path / "keys"
    accounts = await dr("nats", "config", "--data", str(keys))
    async with cluster(tmp_path / "nodes", accounts) as nodes:
        servers = tmp_path / "servers.toml"
        credentials = keys / "nats" / "credentials"
        servers.write_text(f'url = "{nodes.urls}"\ncredentials = "{credentials}"\nreplicas = 3\n')
        tape = tmp_path / "tape.parquet"
        synthesise(Recipe(seed=7, bars=200), INSTRUMENT, tape)
        run = await statement(await play(tape, tmp_path / "run", "--nats", str(servers)))
        await nodes.well()

        assert kept(nodes) == [(run["run"]["messages"], 3)] * 3
        stranger = nodes.urls.split(",")[0]
        with pytest.raises(DeniedError):
            await JetStreamBus.connect(stranger)


async def dr(*words: str) -> str:
    """What a verb prints."""
    done = await asyncio.to_thread(run_forked, words, ROOT, os.environ, PATIENCE)
    assert done.returncode == 0
    return done.stdout


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
