"""What the doctor finds in the views of a folder that nothing runs on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deadreckon.projections.analytics import database
from deadreckon.projections.store import open_projector, paths, sequences
from deadreckon.runtime.process.folder import Folder
from deadreckon.tools.doctor import Check, check_views
from tests.support.handmade_logs import busy_log, fold_log

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "run").create()
    projector = open_projector(paths(folder.root))
    fold_log(projector, busy_log(seed=1, orders=20))
    projector.close()
    return folder


def looked_at(folder: Folder, last: int = 10_000) -> Check:
    return check_views(folder, last)


def test_whole_views_are_sound(folder: Folder) -> None:
    assert looked_at(folder).sound


def test_views_ahead_of_the_log_are_a_finding(folder: Folder) -> None:
    found = looked_at(folder, last=3)

    assert not found.sound
    assert "the log was cut" in found.seen


def contents(folder: Folder) -> dict[str, bytes]:
    """Every file but the empty ones that SQLite keeps beside a database that is being read."""
    return {
        str(path): path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


@pytest.mark.parametrize("gone", ["lake", "audit.sqlite", "metrics.json"])
def test_a_view_that_is_not_there_is_named_as_behind_and_not_made(
    folder: Folder, gone: str
) -> None:
    last = sequences(paths(folder.root))["audit"]
    path = folder.root / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = contents(folder)

    found = looked_at(folder, last)

    assert f"{path.stem} at 0 of {last}: behind" in found.seen
    assert contents(folder) == before


def test_views_that_lack_the_last_messages_are_named_and_not_written(folder: Folder) -> None:
    before = contents(folder)

    assert "audit at" in looked_at(folder).seen
    assert "lake at" in looked_at(folder).seen
    assert contents(folder) == before


def test_a_missing_part_of_the_lake_is_a_finding(folder: Folder) -> None:
    next((folder.root / "lake").glob("generation-*/fills/*.part")).unlink()

    found = looked_at(folder)

    assert not found.sound
    assert "is missing or cut short" in found.seen


def test_a_damaged_audit_book_is_a_finding(folder: Folder) -> None:
    folder.audit.resolve().write_bytes(b"no database at all" * 1_000)

    found = looked_at(folder)

    assert not found.sound
    assert "`dr rebuild`" in found.seen


def test_views_over_another_folder_are_a_finding_and_not_mended_unseen(
    folder: Folder, tmp_path: Path
) -> None:
    copy = Folder(Path(shutil.copytree(folder.root, tmp_path / "copy", symlinks=True)))

    for _ in range(2):
        found = looked_at(copy)
        assert not found.sound
        assert "shows the lake of another folder: run `dr rebuild lake`" in found.seen

    open_projector(paths(copy.root)).close()
    assert looked_at(copy).sound


def test_a_missing_file_of_views_is_a_finding(folder: Folder) -> None:
    paths(folder.root).analytics.unlink()

    assert "analytics.duckdb is missing: run `dr rebuild lake`" in looked_at(folder).seen


def test_views_that_another_process_has_locked_are_no_finding(folder: Folder) -> None:
    analytics = str(paths(folder.root).analytics)
    program = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    )
    words = [sys.executable, "-c", program, analytics]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"

        assert database.fault(paths(folder.root).analytics, paths(folder.root).lake) is None

        other.communicate(b"\n", timeout=10)
