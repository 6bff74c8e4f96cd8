"""Distributions as an installer leaves them, without one."""

from pathlib import Path


def install(site: Path, name: str, version: str, files: dict[str, str], points: str = "") -> None:
    """A distribution as an installer leaves it, entry points included."""
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    (metadata / "RECORD").write_text("".join(f"{file},,\n" for file in files), "utf-8")
    if points:
        (metadata / "entry_points.txt").write_text(points, "utf-8")
    for file, content in files.items():
        (site / file).write_text(content, "utf-8")
