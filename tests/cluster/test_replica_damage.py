"""One flipped bit in one copy of the log: the server serves a hole and says nothing; we do."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deadreckon.contracts.subjects import producer_subject
from deadreckon.runtime.log.bus import HoleError
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.jetstream_reader import JetStreamReader
from deadreckon.runtime.log.replicas import examine_replicas
from tests.cluster.nodes import Cluster, Node, cluster, until

MESSAGES = 200


async def filled(nodes: Cluster) -> JetStreamBus:
    """A log of some hundred kilobytes on three nodes."""
    bus = await JetStreamBus.connect(nodes.urls)
    await bus.provision()
    for number in range(MESSAGES):
        await bus.append(producer_subject("desk", "p"), b'{"n":%d}' % number + b" " * 1_000)
    return bus


async def damage(nodes: Cluster, node: Node) -> None:
    """Stop a node, turn one bit of its copy round, start it again."""
    node.stop()
    block = next(node.store.rglob("streams/LOG/msgs/1.blk"))
    content = bytearray(block.read_bytes())
    content[len(content) // 2] ^= 4
    block.write_bytes(content)
    node.start()
    await nodes.well()


async def whole(bus: JetStreamBus, node: str = "") -> int:
    """How many messages a reader (on one node) gets; raises HoleError."""
    reader = JetStreamReader(bus.api, 0, node=node)
    await reader.open()
    count = 0
    try:
        while count < MESSAGES:
            count += len(await reader.next(1.0))
    finally:
        await reader.close()
    return count


async def read_for_ever(bus: JetStreamBus) -> None:
    """Again and again: the cluster deals readers out to its nodes by chance."""
    while True:
        assert await whole(bus) == MESSAGES


async def lead(nodes: Cluster, bus: JetStreamBus, node: Node) -> None:
    """Let this node lead the log."""
    signal = {"placement": {"preferred": node.name}}
    while (await nodes.leader()) is not node:
        await bus.api.ask("STREAM.LEADER.STEPDOWN", signal)
        await until(lambda: nodes._leader() and True, "a leader")


async def test_a_damaged_replica_is_named_read_around_and_healed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as nodes:
        bus = await filled(nodes)
        victim = nodes.others(await nodes.leader())[0]
        await damage(nodes, victim)

        with pytest.raises(HoleError, match="is missing"):
            await whole(bus, victim.name)
        with capture_logs() as record:
            while not bus.faults["replica_hole"]:
                assert await whole(bus) == MESSAGES
        told = next(line for line in record if line["event"] == "replica_damaged")
        assert told["node"] == victim.name
        found = {replica.node: replica.fault for replica in await examine_replicas(bus.api)}
        assert [node for node, fault in found.items() if fault] == [victim.name]

        await lead(nodes, bus, victim)
        with pytest.raises(HoleError, match="the node that leads the log cannot read it either"):
            await read_for_ever(bus)

        victim.stop()
        heal(victim)
        victim.start()
        await nodes.well()
        assert [replica.fault for replica in await examine_replicas(bus.api)] == ["", "", ""]
        await bus.close()


def heal(node: Node) -> None:
    """What docs/cluster.md says to do: delete the node's copy of the stream and of its group."""
    for copy in [*node.store.rglob("streams/LOG"), *node.store.rglob("_js_/S-R3F-*")]:
        shutil.rmtree(copy)
