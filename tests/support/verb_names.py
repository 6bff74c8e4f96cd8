"""Names of all verbs of the command line."""

from collections.abc import Iterator

from cyclopts import App

from deadreckon.cli.app import front_door


def verbs() -> list[str]:
    """Every verb by its name, such as `replay audit`; those that only hold others are left out."""
    return list(_below(front_door(""), ""))


def _below(app: App, before: str) -> Iterator[str]:
    for name in app:
        if not name.startswith("-"):
            yield from list(_below(app[name], f"{before}{name} ")) or [before + name]
