"""Readers that list `*.parquet` of the lake find no row twice: not while parts are merged, not
after a kill at any operation on a file, not after a rebuild."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer, manifest
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.manifest import FOREVER, GRACE
from tests.stories import filled
from tests.support.handmade_logs import FactLog

pytestmark = pytest.mark.slow

CHANGING = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "shutil.rmtree"}
MERGED = 2  # few, so that a short log is merged over several levels
FILLS = 40


class Killed(BaseException):
    """Stands for a kill: nothing is cleaned up after it."""


Watcher = Callable[[str, Any], None]
watching: list[Watcher] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Tell the watcher before each operation that changes a folder's files."""
    if watching and (event in CHANGING or (event == "open" and _writes(*arguments))):
        watching[-1](event, arguments[0])


def _writes(_: Any, mode: str | None, flags: int | None) -> bool:
    return (mode or "r")[0] in "wxa" or bool((flags or 0) & 3)


sys.addaudithook(_audit)  # for ever: it does nothing while nobody watches


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    watching.append(watcher)
    try:
        yield
    finally:
        watching.clear()


@pytest.fixture(autouse=True)
def few_parts_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_writer, "MERGED", MERGED)
    monkeypatch.setattr(lake_writer.LakeSink, "_ensure_views", lambda sink: None)


@pytest.fixture(scope="module")
def log() -> FactLog:
    log = FactLog()
    for number in range(FILLS):
        log.say(filled("buy", 1, 100, id=f"t{number}"))
    return log


def opened(data: Path) -> Projector:
    return Projector([LakeSink(data / "lake", data / "analytics.duckdb")])


def fold(projector: Projector, log: FactLog, until: int) -> None:
    """Fold with a flush after each message, so that there is much to merge."""
    for sequence, facts, stored_at in log.messages[projector.sequence : until]:
        projector.fold(sequence, facts, stored_at)
        projector.flush()


def begin(data: Path, log: FactLog, until: int) -> None:
    fold(opened(data), log, until)


class Reader:
    """Lists the links before every operation, and keeps what whoever opens them must find."""

    def __init__(self, lake: Path) -> None:
        self.lake = lake
        self.before: set[str] = set()
        self.gone: set[str] = set()
        self.steps = 0

    def __call__(self, *_: Any) -> None:
        self.steps += 1
        links = self.lake.glob("generation-*/fills/*.parquet")
        now = {str(link.relative_to(self.lake)) for link in links}
        rows = [row for name in now for row in rows_of(name)]
        assert len(rows) == len(set(rows)), f"twice in {sorted(now)}"
        # A list of files that was torn by an operation, or is opened after it, fails or is right:
        # what holds the rows of a new file was gone before, and nothing that has gone returns.
        for new in now - self.before:
            assert new not in self.gone, f"{new} has come back"
            clash = [name for name in self.before if {*rows_of(name)} & {*rows_of(new)}]
            assert not clash, f"{new} came while {clash} were there"
        self.gone |= self.before - now
        self.before = now


def rows_of(name: str) -> range:
    """The sequences of a part, one fill each, by its name."""
    numbers = [int(word) for word in Path(name).stem.split("-")[1:3]]
    return range(numbers[0], numbers[1] + 1) if numbers else range(0)


def expect_all(data: Path, rows: int) -> None:
    """Three programs count by a glob, as users do."""
    pattern = str(data / "lake/*/fills/*.parquet")
    asked = "SELECT count(*), count(DISTINCT (sequence, event_index)) FROM read_parquet(?)"
    assert duckdb.execute(asked, [pattern]).fetchall() == [(rows, rows)]
    recursive = f"{data}/lake/**/fills/*.parquet"
    assert duckdb.execute(asked, [recursive]).fetchall() == [(rows, rows)]
    assert polars.scan_parquet(pattern).select(polars.len()).collect().item() == rows


def test_before_every_operation_on_a_file_each_row_is_there_at_most_once(
    tmp_path: Path, log: FactLog
) -> None:
    reader = Reader(tmp_path / "lake")
    with watched(reader):
        projector = opened(tmp_path)
        fold(projector, log, FILLS)
        projector.close()
    reader()
    levels = {part.level for part in Lake(tmp_path / "lake").manifest.parts}
    assert levels >= {0, 1, 2, 3}
    assert reader.gone
    assert reader.steps > 5 * FILLS
    expect_all(tmp_path, FILLS)


def test_killed_at_any_operation_and_started_again_it_has_each_row_once(
    tmp_path: Path, log: FactLog
) -> None:
    """The log is short: four flushes are three merges, one of them of merged parts."""
    until, step, ended = MERGED * MERGED, 0, False
    opened(tmp_path / "empty").close()
    while not ended:
        step += 1
        data = tmp_path / f"{step}"
        shutil.copytree(tmp_path / "empty", data)
        ended = killed_at(data, step, partial(begin, data, log, until))
        projector = opened(data)
        links = {path.stem for path in (data / "lake").rglob("fills/part-*.parquet")}
        live = Lake(data / "lake").manifest.live("fills")
        assert links == {Path(part.file).stem for part in live}
        fold(projector, log, until)
        projector.close()
        expect_all(data, until)
    assert step > 20 * until


def killed_at(data: Path, step: int, work: Callable[[], object]) -> bool:
    """Whether the work came to its end before its operation number `step`."""
    reader = Reader(data / "lake")

    def kill(event: str, path: Any) -> None:
        reader()
        if reader.steps == step:
            watching.clear()
            if event == "open" and str(path).endswith((".writing", ".new")):
                Path(path).write_bytes(b"PAR1")  # the beginning of what it was to hold
            raise Killed

    with watched(kill):
        try:
            work()
        except Killed:
            return False
        finally:
            watching.clear()  # what a killed process does not do any more
            reader()
    return True


ACTION = st.sampled_from(["flush", "flush", "flush", "merge", "reopen", "rebuild", "minute"])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(ACTION, st.integers(1, 60)), min_size=1, max_size=12))
def test_whatever_happens_in_whatever_order_no_row_is_there_twice(
    tmp_path_factory: pytest.TempPathFactory, log: FactLog, actions: list[tuple[str, int]]
) -> None:
    """Each action is killed at the operation that its number names, where it gets so far."""
    data = tmp_path_factory.mktemp("data")
    later = [0]
    real = time.time_ns
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: real() + later[0])
        projector = opened(data)
        for action, step in actions:
            if action == "minute":
                later[0] += GRACE
                continue
            ended = killed_at(data, step, partial(act, data, projector, log, action))
            if not ended or action in ("reopen", "rebuild"):
                projector = opened(data)
        fold(projector, log, FILLS)
        projector.close()
    expect_all(data, FILLS)


def act(data: Path, projector: Projector, log: FactLog, action: str) -> None:
    if action == "rebuild":
        shutil.rmtree(data / "built", ignore_errors=True)
        built = Projector([LakeSink(data / "built", None)])
        fold(built, log, projector.sequence)
        built.close()
        lake_writer.adopt(data / "lake", data / "built")
    elif action == "reopen":
        projector.close()
        opened(data)
    else:
        more = 1 if action == "flush" else MERGED
        fold(projector, log, min(FILLS, projector.sequence + more))


def test_a_reader_beside_the_writer_counts_each_row_once_or_fails(
    tmp_path: Path, log: FactLog
) -> None:
    projector = opened(tmp_path)
    fold(projector, log, 1)
    writer = Thread(target=lambda: fold(projector, log, FILLS))
    writer.start()
    counted: list[tuple[int, int, int]] = []
    keys = "count(DISTINCT (sequence, event_index))"
    asked = f"SELECT count(*), {keys}, max(sequence) FROM '{tmp_path}/lake/**/fills/*.parquet'"
    with duckdb.connect() as database:
        while writer.is_alive() or not counted:
            try:
                counted += database.execute(asked).fetchall()
            except duckdb.IOException:  # a file that was listed has gone
                continue
    writer.join()
    projector.close()
    assert counted
    assert all(rows == unique <= last for rows, unique, last in counted)
    expect_all(tmp_path, FILLS)


def test_a_lake_of_format_1_is_counted_once_after_its_next_start(
    tmp_path: Path, log: FactLog
) -> None:
    projector = opened(tmp_path)
    fold(projector, log, 10)
    projector.close()
    into_format_1(tmp_path / "lake")
    expected = Lake(tmp_path / "lake").digests()
    files = list((tmp_path / "lake").glob("*/fills/part-*.parquet"))
    assert len({row for file in files for row in rows_of(file.name)}) == 10 < len(files)
    left = iter(range(10_000))
    while not changed_until(tmp_path, next(left)):  # killed at each of its operations, it goes on
        continue
    again = opened(tmp_path)
    assert Lake(tmp_path / "lake").digests() == expected
    expect_all(tmp_path, 10)
    fold(again, log, FILLS)
    again.close()
    expect_all(tmp_path, FILLS)


def changed_until(data: Path, step: int) -> bool:
    """Whether a start came to its end before its operation number `step`."""
    left = [step]

    def kill(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            watching.clear()
            raise Killed

    with watched(kill):
        try:
            opened(data).close()
        except Killed:
            return False
    return True


def into_format_1(folder: Path) -> None:
    """Lay a lake out as 0.1.0 did: all parts, merged or not, under names that end in
    `.parquet`."""
    old = manifest.read(folder)
    assert old is not None
    for link in [*folder.rglob("*.parquet")]:
        link.unlink()
    for part in [*folder.rglob("*.part")]:
        part.rename(part.with_suffix(".parquet"))
    for known in old.parts:
        known.file = known.file.removesuffix(".part") + ".parquet"
    assert any(known.retired != FOREVER for known in old.parts)
    old.format = 1
    manifest.swap(folder, old)
