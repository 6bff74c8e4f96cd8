"""Settings out of bounds and files of any bytes end in one line that says what is wrong."""

import errno
from pathlib import Path

import pytest

from deadreckon.cli.running import run_sync
from deadreckon.contracts.errors import ExpectedError
from deadreckon.node.settings import SettingsError, StackSettings, read_settings
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.runtime.server.known_roles import DamagedRegistryError, read_known_roles
from deadreckon.runtime.service.crash_counter import REPEATS, Crash, CrashCounter

CRASH = Crash("risk", "e1", "SignalRaised", "ValueError: no")

BAD = {
    "no UTF-8": b"\xff\xfe[[",
    "no TOML": b"[[",
    "deep": b"a = " + b"[" * 20_000,
    "unknown": b"colour = 1\n",
    "book elsewhere": b'book = "../x"\n',
    "no book": b'book = ""\n',
    "no data": b'data = ""\n',
    "cash": b'[venues.sim]\nembedded = true\ncash = {USD = "NaN"}\n',
    "cash below zero": b'[venues.sim]\nembedded = true\ncash = {USD = "-1"}\n',
    "cash beyond measure": b'[venues.sim]\nembedded = true\ncash = {USD = "1e999999"}\n',
    "clock at once": b"clock_seconds = 0\n",
    "clock back": b"clock_seconds = -1\n",
    "clock nan": b"clock_seconds = nan\n",
    "clock inf": b"clock_seconds = inf\n",
    "views nan": b"check_views_minutes = nan\n",
    "views back": b"check_views_minutes = -1\n",
    "services": b'services = ["risk", "nope"]\n',
    "services twice": b'services = ["risk", "risk"]\n',
    "web port": b"web_port = 65536\n",
    "nats port": b"nats_port = 0\n",
    "a played market with real money": b'mode = "live"\nmarket = "tape.parquet"\n',
}


@pytest.mark.parametrize("kind", BAD)
def test_settings_that_cannot_be_taken_are_refused_by_the_file_s_name(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "desk.toml"
    path.write_bytes(BAD[kind])

    with pytest.raises(SettingsError, match=r"desk\.toml: \S"):
        read_settings(path)


def test_a_file_of_settings_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_settings(tmp_path / "none.toml")


def test_the_defaults_are_within_their_bounds() -> None:
    assert read_settings(None) == StackSettings()


@pytest.mark.parametrize("stamp", ["{", "[]", '{"format": "x"}', '{"format": null}', "\xff"])
def test_a_damaged_stamp_of_a_folder_is_named(stamp: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run").create()
    (folder.root / "deadreckon.json").write_bytes(stamp.encode("latin-1"))

    with pytest.raises(FolderError, match="is damaged"):
        folder.check()


def test_a_folder_that_cannot_be_made_is_a_fault_of_its_name() -> None:
    with pytest.raises(FolderError, match="/proc/x cannot be made: "):
        Folder(Path("/proc/x")).create()


@pytest.mark.parametrize("fault", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_file_that_cannot_be_written_is_one_line(
    fault: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> None:
        raise OSError(fault, "said by the system", "run/nats.log")

    with pytest.raises(SystemExit) as end:
        run_sync(job)

    assert end.value.code == 3
    assert capsys.readouterr().err == "dr: run/nats.log: said by the system\n"


@pytest.mark.parametrize("text", ["{", "", "[]", '{"books": 1}', '{"books": ["desk"'])
def test_a_damaged_registry_is_named_with_what_to_do(text: str, tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    path.write_text(text)

    with pytest.raises(DamagedRegistryError, match=r"registry\.json is damaged.*producer add"):
        read_known_roles(path)
    assert issubclass(DamagedRegistryError, ExpectedError)


def test_crashes_are_counted_though_a_line_is_cut(tmp_path: Path) -> None:
    """Wherever a power cut ends the file, the lines after it count."""
    whole = tmp_path / "whole.jsonl"
    CrashCounter(whole).note(CRASH)
    line = whole.read_bytes()
    for end in range(len(line)):
        path = tmp_path / f"cut-{end}.jsonl"
        path.write_bytes(line + line[:end])
        counter = CrashCounter(path)
        assert counter.repeated() is None
        for _ in range(REPEATS):
            counter.note(CRASH)
        assert counter.repeated() == CRASH
