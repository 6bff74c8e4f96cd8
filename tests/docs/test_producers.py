"""The producers shown in the docs do what the docs say, against a real server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.inbound import SIGNAL_RULES, read_signals
from deadreckon.contracts.signals import SignalMalformed, SignalReceived
from deadreckon.contracts.subjects import producer_subject
from deadreckon.node.producers import add_producer
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import EmbeddedServer
from deadreckon.runtime.server.nkeys import new_seed
from deadreckon.runtime.server.rights import ANALYST, PROVISIONER
from tests.conftest import PATIENCE, ROOT
from tests.support.node_packages import EXAMPLES, HAS_NODE, example_with_packages

START = "2022-01-01T00:00:00Z"

needs_node = pytest.mark.skipif(
    not HAS_NODE,
    reason="Node is not installed here: the producer in another language was NOT tested",
)


class Shop:
    """A server with a log that knows a producer, and nobody who reads."""

    def __init__(self, server: EmbeddedServer, bus: JetStreamBus, seed: str) -> None:
        self.address = server.address
        self.bus = bus
        self.seed = seed

    async def sent(self, producer: str) -> list[Stored]:
        """What lies at a producer's door."""
        reader = await self.bus.read(0)
        found: list[Stored] = []
        while stored := await reader.next(0.2):
            found += stored
        await reader.close()
        return [each for each in found if each.subject == producer_subject("desk", producer)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    data = tmp_path / "data"
    Folder(data).create()
    given = add_producer(data, "ext", "desk", may_read=False)
    async with EmbeddedServer(data) as server:
        maker = await server.address.endpoint.bus(PROVISIONER)
        await maker.provision()
        await maker.close()
        bus = await server.address.endpoint.bus(ANALYST)
        yield Shop(server, bus, given.seed_file)
        await bus.close()


@pytest.fixture(scope="session")
def node_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages."""
    return example_with_packages(tmp_path_factory)


async def ran(folder: Path, *words: str, **more: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env=os.environ | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, output.decode(), errors.decode()


async def produce(shop: Shop, folder: Path, *more: str) -> dict[str, Any]:
    code, output, errors = await ran(
        folder,
        *("node", "producer.mjs", "--url", shop.address.url, "--seed-file", shop.seed),
        *("--instrument", "BTCUSDT.PAPER"),
        *("--start", START, *more),
    )
    assert code == 0, errors
    published: dict[str, Any] = json.loads(output)
    return published


@needs_node
@pytest.mark.slow
async def test_a_thousand_signals_of_which_ten_are_malformed_in_ten_ways(
    shop: Shop, node_example: Path
) -> None:
    record = await produce(shop, node_example, "--count", "1000", "--malformed", "10")
    stored = await shop.sent("ext")
    assert record == {
        "sent": 1000,
        "malformed": 10,
        "first_sequence": stored[0].sequence,
        "last_sequence": stored[-1].sequence,
    }
    sent_signals = [signal for each in stored for signal in read_signals("ext", each.payload)]
    good = [signal for signal in sent_signals if isinstance(signal, SignalReceived)]
    bad = [signal for signal in sent_signals if isinstance(signal, SignalMalformed)]
    assert (len(good), len({signal.signal_id for signal in good})) == (990, 990)
    assert (len(bad), len({signal.rule for signal in bad})) == (10, 10)
    assert {signal.rule for signal in bad} <= set(SIGNAL_RULES)
    times = [signal.claimed_at for signal in good if signal.claimed_at is not None]
    assert len(times) == 990
    assert max(times) - min(times) < 10**9


@needs_node
@pytest.mark.slow
async def test_the_same_signals_sent_again_are_the_same_signals(
    shop: Shop, node_example: Path
) -> None:
    await produce(shop, node_example, "--count", "3")
    await produce(shop, node_example, "--count", "3")
    bodies = [each.payload for each in await shop.sent("ext")]
    assert bodies[:3] == bodies[3:]


@needs_node
@pytest.mark.slow
async def test_a_producer_whose_key_nobody_knows_says_so_and_fails(
    shop: Shop, node_example: Path, tmp_path: Path
) -> None:
    unknown = tmp_path / "unknown"
    unknown.write_text(new_seed())
    code, output, errors = await ran(
        node_example,
        *("node", "producer.mjs", "--url", shop.address.url, "--seed-file", str(unknown)),
        *("--instrument", "BTCUSDT.PAPER"),
    )
    assert (code, output) == (1, "")
    assert errors.startswith("producer: ")


@pytest.mark.slow
async def test_the_python_producer_sends_signals_that_are_read(shop: Shop, tmp_path: Path) -> None:
    packages = str(tmp_path / "packages")
    install = ("-m", "pip", "install", "--target", packages, "nkeys")
    if (await ran(tmp_path, sys.executable, *install))[0]:
        pytest.skip("nkeys is not to be had here: the producer in Python was NOT tested")
    arguments = (shop.address.url, shop.seed, "BTCUSDT.PAPER")
    program = (sys.executable, str(EXAMPLES / "producer.py"), *arguments)
    code, output, errors = await ran(tmp_path, *program, PYTHONPATH=packages)
    assert code == 0, errors
    assert "signal 2 is message 3 of the log" in output
    assert "no verdict within 3 seconds" in output  # nobody is there to give one
    sent_signals = [
        signal for each in await shop.sent("ext") for signal in read_signals("x", each.payload)
    ]
    assert [type(signal) for signal in sent_signals] == [SignalReceived] * 3


def test_the_examples_name_no_registry_and_bring_no_lock_file() -> None:
    files = sorted(path.name for path in EXAMPLES.iterdir() if path.name != "node_modules")
    assert files == [
        "breakout.py",
        "first.mjs",
        "first.py",
        "package.json",
        "producer.mjs",
        "producer.py",
        "verify_archive.py",
    ]
    assert "registry" not in (EXAMPLES / "package.json").read_text("utf-8")


def test_every_signal_shown_in_the_docs_is_one() -> None:
    """What people copy has to work: each JSON block of the page that is a signal."""
    page = (ROOT / "docs" / "producers.md").read_text("utf-8")
    blocks = [part.partition("```")[0] for part in page.split("```json\n")[1:]]
    shown = [block for block in blocks if '"strategy"' in block and '"outcome"' not in block]
    assert len(shown) >= 3
    for block in shown:
        for signal in read_signals("ext", block.encode()):
            assert not isinstance(signal, SignalMalformed), (block, signal.reason)
