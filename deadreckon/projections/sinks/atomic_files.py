"""Replacing files while others read them: a reader finds the old content or the new."""

import os
from pathlib import Path

from deadreckon.runtime.process import durable, killpoints


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace a file's contents: a reader finds the old or the new, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    durable.write(temporary, content, mode=durable.SHARED)
    killpoints.passed("lake-manifest", path.name)
    durable.move(temporary, path)


def replace_link(link: Path, target: Path) -> None:
    """Point a symbolic link to another file atomically; relative, so that the folder may be
    moved."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    durable.move(temporary, link)
