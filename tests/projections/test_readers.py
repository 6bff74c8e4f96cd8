"""Readers in other processes, while a writer writes: never blocked, never shown half a batch."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deadreckon.projections.rebuild import rebuild
from deadreckon.projections.sinks.sink import SupersededError
from deadreckon.projections.store import open_projector, paths
from tests.support.handmade_logs import busy_log

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# Asks again and again until it is told to stop by a file; every answer must be one moment:
# the place, and as many fills as order events say there are up to it.
SQLITE_READER = """
import sqlite3, sys, os, time
path, stop = sys.argv[1], sys.argv[2]
asked, slowest, places = 0, 0.0, set()
while not os.path.exists(stop):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0, isolation_level=None)
    began = time.monotonic()
    database.execute("BEGIN")
    place, rows = database.execute(
        "SELECT place, rows FROM _projection WHERE \\"table\\" = 'fills'").fetchone()
    fills, last = database.execute(
        "SELECT count(*), coalesce(max(sequence), 0) FROM fills").fetchone()
    told, = database.execute(
        "SELECT count(*) FROM order_events WHERE kind = 'order_filled'").fetchone()
    database.close()
    slowest = max(slowest, time.monotonic() - began)
    assert fills == rows == told and last <= place, (place, rows, fills, told, last)
    asked += 1
    places.add(place)
    time.sleep(0.02)
print(asked, len(places), slowest, flush=True)
"""
DUCKDB_READER = """
import duckdb, sys, os, time
path, stop = sys.argv[1], sys.argv[2]
asked, slowest, places = 0, 0.0, set()
database = duckdb.connect(path, read_only=True)
while not os.path.exists(stop):
    began = time.monotonic()
    place, fills, told, last, orders = database.execute(
        "SELECT (SELECT sequence FROM place), count(*), "
        "(SELECT count(*) FROM order_events WHERE kind = 'order_filled'), "
        "coalesce(max(sequence), 0), (SELECT coalesce(sum(fills), 0) FROM orders) "
        "FROM fills").fetchone()
    slowest = max(slowest, time.monotonic() - began)
    assert fills == told == orders and last <= place, (place, fills, told, orders, last)
    asked += 1
    places.add(place)
    time.sleep(0.02)
print(asked, len(places), slowest, flush=True)
os._exit(0)
"""


def reading(program: str, path: Path, stop: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(stop)],
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_readers_see_whole_batches_while_a_writer_writes_and_a_rebuild_swaps(
    tmp_path: Path,
) -> None:
    log = busy_log(12, 80)
    where = paths(tmp_path)
    projector = open_projector(where)
    stop = tmp_path / "stop"
    readers = [
        reading(SQLITE_READER, where.audit, stop),
        reading(DUCKDB_READER, where.analytics, stop),
    ]
    began = time.monotonic()
    for sequence, facts, stored_at in log:
        projector.fold(sequence, facts, stored_at)
        if sequence % 10 == 0:
            projector.flush()  # fast enough for parts to be merged under the readers' eyes
        while time.monotonic() - began < 2 * sequence / log.last:
            time.sleep(0.001)
    projector.flush()
    rebuild(tmp_path, log)
    time.sleep(0.8)
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=30)
        assert reader.returncode == 0, err
        asked, places, slowest = out.split()
        assert int(asked) > 5
        assert int(places) > 3, "it never saw the log move"
        assert float(slowest) < 5


def test_an_old_reader_of_the_audit_book_keeps_its_generation(tmp_path: Path) -> None:
    import sqlite3

    log = busy_log(13, 10)
    where = paths(tmp_path)
    rebuild(tmp_path, log, ["audit"])
    old = sqlite3.connect(f"file:{where.audit}?mode=ro", uri=True)
    count = old.execute("SELECT count(*) FROM fills").fetchone()
    rebuild(tmp_path, log, ["audit"])
    new = open_projector(where, ["audit"])
    assert old.execute("SELECT count(*) FROM fills").fetchone() == count
    old.close()  # takes its own journal with it, not the new file's
    more = busy_log(13, 11)
    for sequence, facts, stored_at in more.messages[new.sequence :]:
        new.fold(sequence, facts, stored_at)
    new.flush()
    fresh = sqlite3.connect(f"file:{where.audit}?mode=ro", uri=True)
    assert fresh.execute("SELECT max(place) FROM _projection").fetchone() == (more.last,)
    fresh.close()
    new.close()


def test_a_writer_whose_files_were_rebuilt_is_told_and_opens_them_anew(tmp_path: Path) -> None:
    log = busy_log(14, 20)
    where = paths(tmp_path)
    for names in (["audit"], ["lake"]):
        writer = open_projector(where, names, queried=False)
        for sequence, facts, stored_at in log.messages[:50]:
            writer.fold(sequence, facts, stored_at)
        writer.flush()
        rebuild(tmp_path, log, names)
        writer.fold(51, [])
        with pytest.raises(SupersededError, match="anew"):
            writer.flush()
        writer.close()
        again = open_projector(where, names, queried=False)
        assert again.sequence == log.last
        again.close()
