"""Hard links `*.parquet` to the lake's current parts, for readers that list files by a glob.

The parts themselves end in `.part`, which no such glob matches, and stay for a while after they
were merged, as the views need them. Of the links a part loses its own before the rows come back in
another, and none returns: whoever lists files and then opens all of them reads a row once, or
fails because a file has gone.
"""

from pathlib import Path

from deadreckon.projections.sinks import manifest
from deadreckon.projections.sinks.manifest import FOREVER, LakeManifest
from deadreckon.runtime.process import killpoints

STORED = ".part"
PUBLISHED = ".parquet"
EMPTY = f"empty{STORED}"  # in each table's folder: its columns without rows


def publish(folder: Path, current: LakeManifest) -> None:
    """Make the links name the current parts and nothing else; the caller holds the writer's
    lock."""
    live = [part.file for part in current.parts if part.retired == FOREVER]
    generation = folder / f"generation-{current.generation}"
    wanted = {folder / file for file in live} | set(generation.glob(f"*/{EMPTY}"))
    linked = {link.with_suffix(STORED) for link in folder.glob(f"generation-*/*/*{PUBLISHED}")}
    for part in linked - wanted:
        part.with_suffix(PUBLISHED).unlink()
    killpoints.passed("lake-links", "views")
    for part in wanted - linked:
        part.with_suffix(PUBLISHED).hardlink_to(part)


def upgrade(folder: Path, old: LakeManifest) -> None:
    """Rename the parts of a lake of format 1, which ended in `.parquet` themselves, and were
    counted twice by a glob once they were merged."""
    generations = {Path(part.file).parts[0] for part in old.parts}
    for generation in generations | {f"generation-{old.generation}"}:
        for file in (folder / generation).glob(f"*/*{PUBLISHED}"):
            if not file.with_suffix(STORED).exists():
                file.with_suffix(STORED).hardlink_to(file)
    for part in old.parts:
        part.file = part.file.removesuffix(PUBLISHED) + STORED
    old.format = manifest.FORMAT
    manifest.swap(folder, old)
