"""Writer of the lake: one part for each table and flush, small parts merged, the manifest
swapped last."""

import shutil
from pathlib import Path

from deadreckon.projections.analytics import database
from deadreckon.projections.digest import MODULUS, TableDigest
from deadreckon.projections.sinks import manifest, parts, published
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.manifest import LakeManifest, LakeMoment, LakePart, TableTotals
from deadreckon.projections.sinks.sink import Batch, DamagedError, SupersededError, TableBatch
from deadreckon.projections.table import Table, shape
from deadreckon.projections.tables import TABLES
from deadreckon.runtime.process import durable, killpoints
from deadreckon.runtime.process.file_lock import file_lock

# Parts of one level merge into one of the next: a day of flushes is some 50 parts a table.
MERGED = 16
ROWS_MAX = 1_000_000  # a part this big is left alone


class LakeSink(Lake):
    """Sink that stores the tables in `folder`, and their SQL views in the file `analytics` (None
    while a lake is being built and must not be queried, by a glob either)."""

    def __init__(self, folder: Path, analytics: Path | None) -> None:
        self.analytics = analytics
        with file_lock(_lock(folder), wait=True):
            if manifest.read(folder) is None:
                lay(folder, _next_generation(folder))
            super().__init__(folder)
            if self.manifest.format < manifest.FORMAT:
                published.upgrade(folder, self.manifest)
            self._sweep()
            self._publish()
            self._ensure_views()
            self._seen = _identity(folder)

    def write(self, batch: Batch) -> None:
        """Make a batch visible by one swap of the manifest. Raises SupersededError when another
        writer or a rebuild came between, DoesNotFitError for an amount too large for its column."""
        with file_lock(_lock(self.folder), wait=True):
            self._refuse_if_superseded()
            now = self.manifest.stamp()
            for table in batch.tables:
                self._add(table, now)
            for name, digest in batch.digests.items():
                self._stand(name, digest)
            self.manifest.sequence = batch.sequence
            self.manifest.moments.append(LakeMoment(batch.sequence, now))
            killpoints.passed("lake-parts", "views")
            self._swap(now)
            killpoints.passed("lake-done", "views")
            self._merge()

    def close(self) -> None:
        """Make the last batch visible at once, without the usual delay."""
        with file_lock(_lock(self.folder), wait=True):
            if _identity(self.folder) == self._seen:
                self.manifest.settle(self.manifest.stamp())
                manifest.swap(self.folder, self.manifest)
                self._seen = _identity(self.folder)

    def _add(self, batch: TableBatch, now: int) -> None:
        table = batch.table
        sequences = [line[-3] for line in batch.lines]
        file = self._file(table, sequences[0], sequences[-1])
        written = parts.write(parts.frame(table, batch.lines), self.folder / file)
        part = LakePart(
            table.name,
            file,
            len(batch.lines),
            sequences[0],
            sequences[-1],
            written.bytes,
            born=now,
            digest=written.digest,
        )
        self.manifest.parts.append(part)
        totals = self.manifest.tables[table.name]
        changed = (int(totals.change_digest, 16) + batch.changed) % MODULUS
        totals.change_rows += len(batch.lines)
        totals.change_digest = f"{changed:064x}"

    def _stand(self, name: str, digest: TableDigest) -> None:
        totals = self.manifest.tables[name]
        totals.rows, totals.digest = digest.rows, digest.text

    def _merge(self) -> None:
        """Replace runs of small parts by one, so that days of flushes do not pile up."""
        merged = False
        for table in TABLES:
            while run := _mergeable(self.manifest.live(table.name)):
                self._merge_run(table, run)
                merged = True
        if merged:
            killpoints.passed("lake-merge", "views")
            self._swap(self.manifest.stamp())

    def _merge_run(self, table: Table, run: list[LakePart]) -> None:
        now = self.manifest.stamp()
        first, last, level = run[0].first, run[-1].last, run[0].level + 1
        file = self._file(table, first, last, level)
        data = parts.read([self.folder / part.file for part in run])
        written = parts.write(data, self.folder / file)
        whole = LakePart(table.name, file, data.height, first, last, written.bytes, level, now)
        whole.digest = written.digest
        at = self.manifest.parts.index(run[0])
        self.manifest.parts.insert(at, whole)
        for part in run:
            part.retired = now

    def _swap(self, now: int) -> None:
        gone = self.manifest.forget(now)
        manifest.swap(self.folder, self.manifest)
        self._seen = _identity(self.folder)
        self._publish()
        for part in gone:
            durable.disk.unlink(self.folder / part.file)

    def _publish(self) -> None:
        if self.analytics is not None:
            published.publish(self.folder, self.manifest)

    def _refuse_if_superseded(self) -> None:
        if _identity(self.folder) != self._seen:
            raise SupersededError(f"{self.folder} was written by another: open it anew")

    def _sweep(self) -> None:
        """Delete parts that no manifest names, left by a killed writer."""
        named = {part.file for part in self.manifest.parts}
        for file in self.folder.glob("generation-*/*/*"):
            part = file.with_suffix(published.STORED)
            known = part.name == published.EMPTY or str(part.relative_to(self.folder)) in named
            if not known or file.suffix not in (published.STORED, published.PUBLISHED):
                file.unlink()
        for folder in self.folder.glob("generation-*"):
            if folder.name != _generation(self.manifest) and not _holds(folder, named):
                shutil.rmtree(folder)

    def _ensure_views(self) -> None:
        """Create `analytics.duckdb` when it is missing, or was made for another path or program."""
        if self.analytics is None:
            return
        version = database.version(self.folder)
        if not self.analytics.exists() or self.manifest.views != version:
            database.create_apart(self.analytics, self.folder)
            self.manifest.views = version
            manifest.swap(self.folder, self.manifest)

    def _file(self, table: Table, first: int, last: int, level: int = 0) -> str:
        name = f"part-{first:012d}-{last:012d}-{level}{published.STORED}"
        return f"{_generation(self.manifest)}/{table.name}/{name}"


def _mergeable(live: list[LakePart]) -> list[LakePart]:
    """Find the oldest run of parts of one level that is long enough to merge; [] when there is
    none."""
    run: list[LakePart] = []
    for part in live:
        if run and part.level != run[0].level:
            run = []
        run = [*run[-MERGED + 1 :], part]
        if len(run) == MERGED and sum(part.rows for part in run) <= ROWS_MAX:
            return run
    return []


def adopt(folder: Path, built: Path) -> None:
    """Replace the lake in `folder` by the closed one in `built`, atomically for every reader.

    Running queries keep the parts they began with for `GRACE`.
    """
    with file_lock(_lock(folder), wait=True):
        fresh = Lake(built).manifest
        old = _history(folder)
        if old.format < manifest.FORMAT:
            published.upgrade(folder, old)
        fresh.generation = _next_generation(folder)
        durable.move(built / "generation-1", folder / _generation(fresh))
        now = old.stamp()
        for part in fresh.parts:
            part.file = part.file.replace("generation-1/", f"{_generation(fresh)}/", 1)
            part.born = now
        for part in old.parts:
            part.retired = min(part.retired, now)
        fresh.parts = old.parts + fresh.parts
        fresh.moments = [*old.moments, LakeMoment(fresh.sequence, now)]
        fresh.horizon = old.horizon  # `views` stays empty, so that the views are created anew
        if not old.moments:
            fresh.settle(now)
        manifest.swap(folder, fresh)
        published.publish(folder, fresh)


def begin_anew(folder: Path) -> None:
    """Replace the lake by an empty one, which the next fold fills from the log."""
    with file_lock(_lock(folder), wait=True):
        lay(folder, _next_generation(folder))


def _history(folder: Path) -> LakeManifest:
    """Return the manifest whose parts running queries may still read; an empty one if it was
    damaged or had other columns."""
    nothing = LakeManifest(shape(TABLES))
    try:
        old = manifest.read(folder) or nothing
    except DamagedError:
        return nothing
    return old if old.shape == nothing.shape else nothing


def _next_generation(folder: Path) -> int:
    known = [int(path.name.rpartition("-")[2]) for path in folder.glob("generation-*")]
    return max(known, default=0) + 1


def lay(folder: Path, generation: int = 1) -> None:
    """Create an empty lake: one part without rows for each table, so that its view has its
    column types."""
    fresh = LakeManifest(shape(TABLES), generation=generation)
    fresh.tables = {table.name: TableTotals() for table in TABLES}
    for table in TABLES:
        empty = folder / _generation(fresh) / table.name / published.EMPTY
        parts.write(parts.frame(table, []), empty)
    manifest.swap(folder, fresh)


def _generation(of: LakeManifest) -> str:
    return f"generation-{of.generation}"


def _holds(folder: Path, named: set[str]) -> bool:
    return any(name.startswith(f"{folder.name}/") for name in named)


def _lock(folder: Path) -> Path:
    return folder / "writer.lock"


def _identity(folder: Path) -> tuple[int, int] | None:
    """Identify the current manifest file: every swap creates another."""
    try:
        status = (folder / manifest.NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
