"""Projections from the log: beside the old ones, swapped in whole, the old ones whole till then."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deadreckon.projections.digest import TableDigest
from deadreckon.projections.rebuild import building, rebuild
from deadreckon.projections.sinks import manifest
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.sink import NewerFormatError
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.tables import TABLES
from deadreckon.runtime.process.file_lock import LockedError
from tests.support.handmade_logs import FactLog, busy_log, fold_log

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def log() -> FactLog:
    return busy_log(21, 30)


def stand(data: Path) -> tuple[int, dict[str, TableDigest], dict[str, TableDigest]]:
    """Place and digests of the audit book and the lake, which must be the same."""
    audit, lake = AuditDatabase(paths(data).audit), Lake(paths(data).lake)
    found = (audit.sequence, audit.digests(), lake.changes())
    assert (lake.sequence, lake.digests()) == found[:2]
    audit.close()
    return found


def keep(data: Path, log: FactLog, until: int | None = None) -> None:
    projector = open_projector(paths(data), queried=False)
    fold_log(projector, log, until)
    projector.close()


def test_deleted_databases_come_back_with_every_row_and_the_same_digests(
    tmp_path: Path, log: FactLog
) -> None:
    keep(tmp_path, log)
    before = stand(tmp_path)
    (tmp_path / "audit.sqlite").unlink()
    shutil.rmtree(tmp_path / "lake")
    (tmp_path / "metrics.json").unlink()
    assert rebuild(tmp_path, log) == log.last
    assert stand(tmp_path) == before
    with duckdb.connect(str(tmp_path / "analytics.duckdb"), read_only=True) as database:
        for table in TABLES:
            (rows,) = database.execute(f"SELECT count(*) FROM {table.name}").fetchall()
            assert rows == (before[1][table.name].rows,)


def test_the_files_alone_deleted_by_hand_come_back_too(tmp_path: Path, log: FactLog) -> None:
    keep(tmp_path, log)
    before = stand(tmp_path)
    for name in ("audit.sqlite", "analytics.duckdb"):
        (tmp_path / name).unlink(missing_ok=True)
    rebuild(tmp_path, log)
    assert stand(tmp_path) == before
    assert (tmp_path / "analytics.duckdb").exists()
    assert len(list((tmp_path / "audit").glob("generation-*.sqlite"))) == 1


def test_a_rebuild_continues_like_any_other(tmp_path: Path, log: FactLog) -> None:
    keep(tmp_path, log)
    before = stand(tmp_path)
    first = FactLog()
    first.messages = log.messages[:70]
    assert rebuild(tmp_path, first) == 70
    keep(tmp_path, log)
    assert stand(tmp_path) == before


def test_one_projection_alone_is_rebuilt(tmp_path: Path, log: FactLog) -> None:
    keep(tmp_path, log, until=100)
    rebuild(tmp_path, log, ["audit"])
    audit, lake = AuditDatabase(paths(tmp_path).audit), Lake(paths(tmp_path).lake)
    assert (audit.sequence, lake.sequence) == (log.last, 100)
    audit.close()


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no projection is called audti"):
        rebuild(tmp_path, [], ["audti"])


def test_a_rebuild_that_fails_leaves_the_old_ones(tmp_path: Path, log: FactLog) -> None:
    keep(tmp_path, log, until=100)
    before = stand(tmp_path)

    def broken() -> Any:
        yield from log.messages[:150]
        raise OSError("the log went away")

    with pytest.raises(OSError, match="went away"):
        rebuild(tmp_path, broken())
    assert stand(tmp_path) == before
    assert not (tmp_path / "rebuilding").exists()


def test_a_rebuild_killed_at_the_swap_leaves_each_one_old_or_new(
    tmp_path: Path, log: FactLog
) -> None:
    """Killed after the audit book was swapped and before the lake: both are whole."""
    keep(tmp_path, log, until=100)
    program = (
        "import os, signal, sys; from pathlib import Path; "
        "from deadreckon.projections.sinks import lake_writer; "
        "from deadreckon.projections.rebuild import rebuild; "
        "from tests.support.handmade_logs import busy_log; "
        "lake_writer.adopt = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "rebuild(Path(sys.argv[1]), busy_log(21, 30))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    audit, lake = AuditDatabase(paths(tmp_path).audit), Lake(paths(tmp_path).lake)
    assert (audit.sequence, lake.sequence) == (log.last, 100)
    audit.close()
    keep(tmp_path, log)  # the next start brings them together
    expected = stand(tmp_path)
    rebuild(tmp_path, log)  # and the next rebuild clears away what lay about
    assert stand(tmp_path) == expected
    assert not (tmp_path / "rebuilding").exists()


def test_only_one_rebuild_runs_at_a_time(tmp_path: Path) -> None:
    with building(tmp_path), pytest.raises(LockedError), building(tmp_path):
        raise AssertionError("never reached")


def test_a_damaged_lake_and_audit_book_are_mended(tmp_path: Path, log: FactLog) -> None:
    keep(tmp_path, log)
    before = stand(tmp_path)
    (tmp_path / "lake" / manifest.NAME).write_bytes(b"{")
    paths(tmp_path).audit.resolve().write_bytes(b"no database")
    paths(tmp_path).metrics.write_bytes(b"[]")
    rebuild(tmp_path, log)
    assert stand(tmp_path) == before


def test_what_a_newer_program_wrote_is_not_rebuilt_by_an_older_one(
    tmp_path: Path, log: FactLog
) -> None:
    keep(tmp_path, log)
    content = manifest.read(tmp_path / "lake")
    assert content is not None
    content.format = manifest.FORMAT + 1
    manifest.swap(tmp_path / "lake", content)
    before = (tmp_path / "audit.sqlite").readlink()
    with pytest.raises(NewerFormatError):
        rebuild(tmp_path, log)
    assert (tmp_path / "audit.sqlite").readlink() == before  # nothing was swapped at all


def test_progress_is_told_every_message(tmp_path: Path, log: FactLog) -> None:
    heard: list[int] = []
    rebuild(tmp_path, log, ["audit"], progress=heard.append)
    assert heard == list(range(1, log.last + 1))


def test_old_generations_of_the_lake_go_once_no_query_needs_them(
    tmp_path: Path, log: FactLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(tmp_path, log, ["lake"])
    rebuild(tmp_path, log, ["lake"])
    folder = tmp_path / "lake"
    assert sorted(p.name for p in folder.glob("generation-*")) == ["generation-1", "generation-2"]
    later = time.time_ns() + manifest.GRACE + 1_000_000_000
    monkeypatch.setattr("deadreckon.projections.sinks.manifest.time.time_ns", lambda: later)
    more = busy_log(21, 31)
    keep(tmp_path, more)
    open_projector(paths(tmp_path), ["lake"], queried=False).close()
    assert [path.name for path in folder.glob("generation-*")] == ["generation-2"]
