"""A running server lets in who is registered, whatever spelling of its folder a verb was given."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deadreckon.node.producers import ProducerAccess, add_producer, producers, remove_producer
from deadreckon.runtime.log.bus import DeniedError, UnavailableError
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import Credentials
from deadreckon.runtime.server.endpoint import Endpoint
from deadreckon.runtime.server.known_roles import KnownRoles, read_known_roles, write_known_roles
from deadreckon.runtime.server.nats_server import EmbeddedServer, ServerFailedError
from deadreckon.runtime.server.rights import PROVISIONER
from deadreckon.runtime.server.server_files import ServerFiles


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder whose server runs and whose log is there."""
    data = Folder(tmp_path / "desk").create().root
    async with EmbeddedServer(data) as server:
        maker = await server.address.endpoint.bus(PROVISIONER)
        await maker.provision()
        await maker.close()
        yield data


async def add(data: Path, name: str) -> ProducerAccess:
    return await asyncio.to_thread(add_producer, data, name, "desk", may_read=False)


async def listed(data: Path) -> list[str]:
    return [given.name for given in await asyncio.to_thread(producers, data)]


async def send(bus: JetStreamBus) -> int:
    return await bus.append("log.desk.in.ext", b"{}")


def kept(given: ProducerAccess, folder: Path) -> Endpoint:
    """The way in for whoever kept a copy of a seed."""
    credentials = Credentials(folder / "kept")
    credentials.folder.mkdir(mode=0o700)
    copy = credentials.file("producer-ext")
    copy.write_text(Path(given.seed_file).read_text())
    copy.chmod(0o600)
    return Endpoint((given.url,), credentials.folder)


@pytest.mark.parametrize("spelling", ["..", "link", "relative"])
async def test_a_producer_removed_by_another_spelling_of_the_folder_is_out(
    desk: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.parent)
    (desk.parent / "link").symlink_to(desk)
    other = {"..": desk / ".." / "desk", "link": desk.parent / "link", "relative": Path("desk")}
    given = await add(other[spelling], "ext")
    endpoint = kept(given, desk.parent)
    bus = await endpoint.bus("producer-ext")
    assert await send(bus) == 1
    assert await listed(desk) == ["ext"]

    await asyncio.to_thread(remove_producer, other[spelling], "ext")

    with pytest.raises((DeniedError, UnavailableError)):
        await send(bus)
    await bus.close()
    with pytest.raises((DeniedError, UnavailableError)):
        await endpoint.bus("producer-ext", wait=1.0)
    assert await listed(desk) == []


async def test_a_reload_that_the_server_refuses_changes_nothing_and_says_why(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = await add(desk, "ext")
    files = ServerFiles(desk)
    before = files.registry.read_bytes(), files.settings.read_bytes()
    bus = await kept(given, desk.parent).bus("producer-ext")
    write = ServerFiles.write_settings

    def elsewhere(self: ServerFiles, *words: object) -> None:
        write(self, *words)  # type: ignore[arg-type]
        text = self.settings.read_text()
        self.settings.write_text(text.replace("/nats/store", "/nats/another"))

    monkeypatch.setattr(ServerFiles, "write_settings", elsewhere)
    with pytest.raises(ServerFailedError, match=r"nothing was changed: .*storage directory"):
        await asyncio.to_thread(remove_producer, desk, "ext")
    with pytest.raises(ServerFailedError, match="nothing was changed"):
        await add(desk, "second")

    assert (files.registry.read_bytes(), files.settings.read_bytes()) == before
    assert await listed(desk) == ["ext"]
    assert await send(bus) == 1
    assert not files.credentials.has("producer-second")
    assert files.credentials.has("producer-ext")
    await bus.close()


async def test_a_list_that_the_server_does_not_enforce_is_not_printed(desk: Path) -> None:
    await add(desk, "ext")
    files = ServerFiles(desk)
    known = read_known_roles(files.registry)
    write_known_roles(files.registry, KnownRoles())  # by a hand, or a kill in the middle
    with pytest.raises(ServerFailedError, match=r"not as registered: ext\)"):
        await listed(desk)

    write_known_roles(files.registry, known)
    assert await listed(desk) == ["ext"]
    files.settings.write_text(files.settings.read_text().replace("max_payload", "# max_payload"))
    with pytest.raises(ServerFailedError, match="it has not read"):
        await listed(desk)


async def test_a_removal_waits_for_a_server_that_is_starting(tmp_path: Path) -> None:
    """It has read its settings, and does not yet say where it listens."""
    data = Folder(tmp_path / "desk").create().root
    add_producer(data, "ext", "desk", may_read=False)
    async with EmbeddedServer(data) as server:
        given = (await asyncio.to_thread(producers, data))[0]
        endpoint = kept(given, tmp_path)
        ports = next((data / "nats").glob("*.ports"))
        hidden = ports.with_suffix(".hidden")
        os.rename(ports, hidden)
        removal = asyncio.create_task(asyncio.to_thread(remove_producer, data, "ext"))
        await asyncio.sleep(0.1)
        os.rename(hidden, ports)
        await removal

        with pytest.raises((DeniedError, UnavailableError)):
            await endpoint.bus("producer-ext", wait=1.0)
        assert server.address.url == given.url
