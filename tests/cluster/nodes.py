"""Three nodes of a cluster on loopback, from the configuration that deploy/ ships."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from deadreckon.runtime.process.child_process import dies_with_parent
from deadreckon.runtime.server.binary import find_nats_server
from tests.conftest import PATIENCE
from tests.support.ports import free_port

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "cluster" / "nats.conf"
NAMES = ("a", "b", "c")
LOOPBACK = "127.0.0.1"
LOOK = 0.05  # seconds between two looks at a node

T = TypeVar("T")


class Node:
    """One nats-server: a process of its own that can be killed, frozen and started again."""

    def __init__(self, folder: Path, environment: dict[str, str], url: str, monitoring: int):
        self.name = environment["DR_NODE"].strip('"')
        self.store = folder / "store"
        self.url = url
        self._settings = folder / CONFIGURATION.name
        self._environment = environment
        self._monitoring = monitoring
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on its own store."""
        command = dies_with_parent([str(find_nats_server()), "-c", str(self._settings)])
        self._process = subprocess.Popen(command, env={**os.environ, **self._environment})

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"node {self.name} was not started"
        return self._process

    def kill(self) -> None:
        """End it at once, as a power switch would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It lives, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was, and does not know that time has passed."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order; it hands over what it leads."""
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def ask(self, page: str) -> dict[str, Any]:
        """A page of its monitoring; nothing when it does not answer."""
        url = f"http://{LOOPBACK}:{self._monitoring}{page}"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as answer:  # not well, and says why
            found = json.load(answer)
        except (OSError, ValueError):
            return {}
        return found

    def well(self) -> bool | None:
        """True once it has caught up with the others in everything it keeps."""
        return self.ask("/healthz").get("status") == "ok" or None


class Cluster:
    """Three nodes. `urls` is what a service connects to: as one user who may do everything, unless
    `accounts` say otherwise."""

    def __init__(self, folder: Path, accounts: str | None = None) -> None:
        ports = {name: (free_port(), free_port(), free_port()) for name in NAMES}
        password, between = secrets.token_hex(8), secrets.token_hex(8)
        routes = {
            f"DR_ROUTE_{name.upper()}": f'"nats://route:{between}@{LOOPBACK}:{ports[name][1]}"'
            for name in NAMES
        }
        self.nodes = {}
        for name, (port, inner, monitoring) in ports.items():
            home = folder / name
            home.mkdir(parents=True)
            shutil.copy(CONFIGURATION, home)
            everybody = f"authorization {{ user: deadreckon, password: p{password} }}\n"
            (home / "accounts.conf").write_text(accounts or everybody)
            environment = {
                "DR_NODE": f'"{name}"',
                "DR_HOST": f'"{LOOPBACK}"',
                "DR_PORT": str(port),
                "DR_MONITORING": f'"{LOOPBACK}:{monitoring}"',
                "DR_LOG": f'"{home / "nats.log"}"',
                "DR_STORE": f'"{home / "store"}"',
                "DR_CLUSTER_HOST": f'"{LOOPBACK}"',
                "DR_CLUSTER_PORT": str(inner),
                "DR_CLUSTER_PASSWORD": f'"{between}"',
                **routes,
            }
            who = "" if accounts else f"deadreckon:p{password}@"
            url = f"nats://{who}{LOOPBACK}:{port}"
            self.nodes[name] = Node(home, environment, url, monitoring)

    @property
    def urls(self) -> str:
        """As `--nats` takes them."""
        return ",".join(node.url for node in self.nodes.values())

    async def leader(self) -> Node:
        """Who leads the log; waits until one does."""
        return await until(self._leader, "a leader of the log")

    def _leader(self) -> Node | None:
        # Each node names whom it believes; an old leader that was frozen still believes in itself.
        for node in self.nodes.values():
            for stream in _streams(node.ask("/jsz?streams=true")):
                if stream.get("cluster", {}).get("leader") == node.name:
                    return node
        return None

    def others(self, node: Node) -> list[Node]:
        """The nodes beside this one."""
        return [other for other in self.nodes.values() if other is not node]

    async def well(self, nodes: Iterable[Node] | None = None) -> None:
        """Wait until these nodes (all of them) have caught up."""
        for node in nodes or self.nodes.values():
            try:
                await until(node.well, f"node {node.name} to be well")
            except AssertionError as late:
                raise AssertionError(f"{late}: {node.ask('/healthz')}") from None

    def peers(self) -> bool | None:
        """Whether some node leads all three in what concerns streams at large."""
        for node in self.nodes.values():
            about = node.ask("/jsz").get("meta_cluster", {})
            if about.get("leader") == node.name and about.get("cluster_size") == len(NAMES):
                return True
        return None


def _streams(page: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for account in page.get("account_details", []):
        yield from account.get("stream_detail", [])


async def until(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = await asyncio.to_thread(look)
        if found is not None:
            return found
        await asyncio.sleep(LOOK)
    raise AssertionError(f"waited {patience:g} seconds for {what}")


@asynccontextmanager
async def cluster(folder: Path, accounts: str | None = None) -> AsyncIterator[Cluster]:
    """Three nodes that know each other, stopped at the end whatever became of them."""
    found = Cluster(folder, accounts)
    try:
        for node in found.nodes.values():
            node.start()
        await until(found.peers, "three nodes with one leader")
        await found.well()
        yield found
    finally:
        for node in found.nodes.values():
            if node._process is not None:
                node.kill()
