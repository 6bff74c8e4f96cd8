"""A folder in one file and back: taken from a running stack, checked before it is believed."""

import asyncio
import io
import json
import secrets
import shutil
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.subjects import operator_subject
from deadreckon.node.operator_commands import COMMAND_LINE
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OPERATOR
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr
from tests.end_to_end.test_up import WHO, started


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that has ended, and its backup."""
    dr = Dr(tmp_path_factory.mktemp("ended"))
    dr.run("demo", "--data", "desk", "--for", "1", "--no-web", "--json")
    dr.run("backup", "one.backup", "--data", "desk")
    return dr.folder


@pytest.fixture
def backup(dr: Dr, ended: Path) -> Path:
    """A copy of both, for a test to spoil."""
    shutil.copytree(ended, dr.folder, dirs_exist_ok=True)
    return dr.folder / "one.backup"


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {
            entry.name: content.read()
            for entry in archive.getmembers()
            if (content := archive.extractfile(entry)) is not None
        }


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    found = members(file)
    change(found)
    with tarfile.open(file, "w") as archive:
        for name, content in found.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def test_what_comes_back_is_the_log_with_its_views(dr: Dr, backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600

    dr.run("restore", "one.backup", "--data", "again")

    before, after = (dr.json("replay", "audit", "--all", "--data", d) for d in ("desk", "again"))
    assert after["digest"] == before["digest"]
    assert after["last_sequence"] == before["last_sequence"]
    assert "agree with the log" in dr.run("verify", "--data", "again")
    dr.run("doctor", "--data", "again")
    # And it goes on where the other one stood.
    dr.run("demo", "--data", "again", "--for", "1", "--no-web", "--json")


def test_a_sealed_file_that_is_missing_is_named(dr: Dr, backup: Path) -> None:
    dr.run("archive", "seal", "--all", "--data", "desk")
    lost = next((dr.folder / "desk" / "archive" / "messages").rglob("*.parquet"))
    lost.unlink()
    record = dr.run("backup", "two.backup", "--data", "desk", code=3)
    assert f"{lost.relative_to(dr.folder)} cannot be read: No such file" in record
    assert not (dr.folder / "two.backup").exists()


def test_a_running_stack_is_copied_and_goes_on(dr: Dr) -> None:
    process, _ = started(dr)
    dr.run("cash", "deposit", "USDT", "5", *WHO, "--data", "desk")

    told = dr.json("backup", "live.backup", "--data", "desk")
    dr.run("cash", "deposit", "USDT", "7", *WHO, "--data", "desk")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0

    dr.run("restore", "live.backup", "--data", "again")
    restored = dr.json("restore", "live.backup", "--data", "third")
    assert restored == {**told, "verb": "restore"}
    audited = dr.json("replay", "audit", "--all", "--data", "again")
    assert audited["last_sequence"] == told["last_sequence"]
    assert (
        dr.json("replay", "audit", "--all", "--data", "desk")["last_sequence"]
        > (told["last_sequence"])
    )


def test_a_log_of_more_than_the_servers_window_is_copied_whole(dr: Dr, ended: Path) -> None:
    """From 8 MiB on the server waits for acknowledgements on subjects of another length."""
    shutil.copytree(ended, dr.folder, dirs_exist_ok=True)

    async def grow() -> None:
        async with open_bus(Folder(dr.folder / "desk"), role=OPERATOR) as bus:
            for _ in range(24):  # bytes that no compression makes fewer
                await bus.append(
                    operator_subject("desk", COMMAND_LINE), secrets.token_bytes(500_000)
                )

    asyncio.run(grow())
    dr.run("backup", "big.backup", "--data", "desk")
    assert (dr.folder / "big.backup").stat().st_size > 12_000_000
    dr.run("restore", "big.backup", "--data", "again")
    before, after = (dr.json("replay", "audit", "--all", "--data", d) for d in ("desk", "again"))
    for name in ("digest", "last_sequence", "equity"):
        assert after[name] == before[name]


def test_no_secret_leaves_unless_asked_for(dr: Dr, backup: Path) -> None:
    assert not [name for name in members(backup) if name.startswith("nats/credentials/")]

    dr.run("backup", "with.backup", "--credentials", "--data", "desk")

    inside = [
        name for name in members(dr.folder / "with.backup") if name.startswith("nats/credentials/")
    ]
    kept = (dr.folder / "desk" / "nats" / "credentials").rglob("*")
    assert len(inside) == sum(path.is_file() for path in kept) > 0
    dr.run("restore", "with.backup", "--data", "again")
    for name in inside:
        there = dr.folder / "again" / name
        assert there.read_bytes() == (dr.folder / "desk" / name).read_bytes()
        assert there.stat().st_mode & 0o077 == 0


def test_a_damaged_backup_is_refused_and_leaves_nothing(dr: Dr, backup: Path) -> None:
    whole = backup.read_bytes()
    place = whole.index(b"stream") + 2_000
    backup.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert "is damaged: stream has other bytes" in dr.run(
        "restore", "one.backup", "--data", "again", code=3
    )

    backup.write_bytes(whole[: len(whole) // 2])
    assert "is no whole backup" in dr.run("restore", "one.backup", "--data", "again", code=3)
    assert not list(dr.folder.glob("*again*"))
    assert not list(dr.folder.glob(".*again*"))


def test_a_backup_by_a_newer_program_is_refused(dr: Dr, backup: Path) -> None:
    def newer(found: dict[str, bytes]) -> None:
        manifest = json.loads(found["manifest.json"])
        manifest["format"] += 1
        found["manifest.json"] = json.dumps(manifest).encode()

    rewritten(backup, newer)

    record = dr.run("restore", "one.backup", "--data", "again", code=3)
    assert "use a newer dr" in record


def test_a_backup_cannot_write_outside_of_its_folder(dr: Dr, backup: Path) -> None:
    def outside(found: dict[str, bytes]) -> None:
        manifest = json.loads(found["manifest.json"])
        manifest["parts"][1]["name"] = "../stolen"
        found["../stolen"] = b"x"
        found["manifest.json"] = json.dumps(manifest).encode()

    rewritten(backup, outside)

    record = dr.run("restore", "one.backup", "--data", "again", code=3)
    assert "lies outside of the folder" in record
    assert not (dr.folder / "stolen").exists()


def test_nothing_is_ever_overwritten(dr: Dr, backup: Path) -> None:
    assert "never replaces another" in dr.run("backup", "one.backup", "--data", "desk", code=3)
    assert "is there already" in dr.run("restore", "one.backup", "--data", "desk", code=3)
    assert "is not there" in dr.run("restore", "no.backup", "--data", "again", code=2)
