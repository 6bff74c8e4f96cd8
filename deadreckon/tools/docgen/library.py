"""Generated documents by path: writes them, or compares them with the existing files."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deadreckon.projections import reference
from deadreckon.tools.docgen import asyncapi, pages, privileges, schemas

# Parts of pages that people write: `<!-- generated: NAME -->` up to `<!-- end -->`.
INSERTS: dict[str, Callable[[], str]] = {
    "signal fields": pages.signal_table,
    "signal refusals": pages.signal_rules,
    "verdict fields": pages.verdict_table,
    "table columns": reference.tables_part,
    "view list": reference.questions_part,
    "macro list": reference.macros_part,
    "privileges": privileges.privileges_table,
    "reading": privileges.reading_list,
}
PAGES_WITH_INSERTS = ("producers.md", "analytics.md", "security.md")

_INSERT = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents(root: Path) -> dict[Path, str]:
    """Generate every document; returns text by path under the docs folder."""
    found = {
        root / "events.md": pages.events_page(),
        root / "subjects.md": pages.subjects_page(),
        root / "operators.md": pages.operators_page(),
        root / "metrics.md": reference.metrics_page(),
        root / "asyncapi.json": _text(asyncapi.document()),
    }
    for name, schema in schemas.documents().items():
        found[root / "schemas" / f"{name}.json"] = _text(schema)
    for verb, schema in schemas.verb_schemas().items():
        found[root / "schemas" / "documents" / f"{verb}.json"] = _text(schema)
    for name in PAGES_WITH_INSERTS:
        if (root / name).exists():
            found[root / name] = filled((root / name).read_text("utf-8"))
    return found


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def filled(page: str) -> str:
    """Replace the generated parts of a hand-written page.

    Raises KeyError when the page names an unknown part.
    """
    return _INSERT.sub(lambda part: f"{part[1]}\n{INSERTS[part[2]]()}\n\n{part[3]}", page)


def stale(root: Path) -> list[Path]:
    """List the documents that are missing, outdated or no longer generated."""
    wanted = documents(root)
    differing = [path for path, text in wanted.items() if _read(path) != text]
    return sorted(differing + [path for path in _schema_files(root) if path not in wanted])


def write(root: Path) -> list[Path]:
    """Write every outdated document and remove those no longer generated; returns their paths."""
    changed = stale(root)
    wanted = documents(root)
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()
    return changed


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _schema_files(root: Path) -> Iterator[Path]:
    return (root / "schemas").rglob("*.json")
