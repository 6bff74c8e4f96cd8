"""Three nodes under load, killed, frozen and restarted: nothing acknowledged is lost or doubled.

`DR_CLUSTER_KILLS=100 ./dr test -s tests/cluster/test_nothing_is_lost.py` does so many harms, drawn
by chance, in one run.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterable

import pytest

from tests.cluster.load import Load
from tests.cluster.nodes import Cluster, until

TIMES = int(os.environ.get("DR_CLUSTER_KILLS", "0"))

Harm = Callable[[Cluster, Load], Awaitable[None]]


async def kill_the_leader(nodes: Cluster, load: Load) -> None:
    leader = await nodes.leader()
    leader.kill()
    await load.progress()
    leader.start()
    await nodes.well()


async def freeze_the_leader(nodes: Cluster, load: Load) -> None:
    """A minority that still believes it leads, for longer than an election takes."""
    leader = await nodes.leader()
    leader.freeze()
    await load.progress()
    leader.thaw()
    await nodes.well()
    await load.progress()


async def freeze_a_majority(nodes: Cluster, load: Load) -> None:
    """Nobody is told that anything is stored, and it goes on by itself."""
    leader = await nodes.leader()
    frozen = [leader, nodes.others(leader)[0]]
    for node in frozen:
        node.freeze()
    await until(lambda: load.is_waiting or None, "every writer to wait for the log")
    before = load.count
    await asyncio.sleep(1.0)  # not for something to happen: for nothing to
    assert load.count == before
    assert load.is_waiting
    for node in frozen:
        node.thaw()
    await load.progress()
    assert not load.is_waiting
    await nodes.well()


async def restart_one_after_the_other(nodes: Cluster, load: Load) -> None:
    for node in nodes.nodes.values():
        await asyncio.to_thread(node.stop)
        node.start()
        await nodes.well()
        await load.progress(10)


async def kill_all_three(nodes: Cluster, load: Load) -> None:
    for node in nodes.nodes.values():
        node.kill()
    for node in nodes.nodes.values():
        node.start()
    await nodes.well()
    await load.progress()


ONE_OF_EACH = [
    freeze_a_majority,
    kill_the_leader,
    freeze_the_leader,
    restart_one_after_the_other,
]
ANY = [*ONE_OF_EACH, kill_all_three]


async def survive(nodes: Cluster, harms: Iterable[Harm]) -> None:
    """Everything at once is written, and everything is there in the end."""
    async with Load(nodes.urls) as load:
        await load.progress()
        for number, harm in enumerate(harms, 1):
            before, began = load.count, time.monotonic()
            await harm(nodes, load)
            seconds = time.monotonic() - began
            print(f"{number} {harm.__name__}: {seconds:.1f} s, {load.count - before} acknowledged")
        load.check(await load.finish())
        print(f"{load.count} acknowledged, 0 lost, 0 doubled, every chain whole")


async def test_under_load_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    nodes: Cluster,
) -> None:
    await survive(nodes, ONE_OF_EACH)


@pytest.mark.skipif(not TIMES, reason="DR_CLUSTER_KILLS says how many harms, of any kind")
async def test_under_any_sequence_of_harms_nothing_is_lost_or_doubled(nodes: Cluster) -> None:
    await survive(nodes, random.Random(TIMES).choices(ANY, k=TIMES))
