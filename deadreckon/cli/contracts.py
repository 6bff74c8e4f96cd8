"""`dr contracts`: the documents that are generated from the contracts."""

from pathlib import Path

from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd, fail
from deadreckon.cli.document import print_document
from deadreckon.runtime.process.source_tree import ROOT

verbs = App(
    name="contracts",
    help="Events, subjects and schemas: documents, and what was released of them. "
    "Example: dr contracts check",
)


def _docs() -> Path:

    root = ROOT / "docs"
    if not root.is_dir():
        fail(f"{root} is not there: contracts are kept in a checkout of the sources")
    return root


@verbs.command
def generate(*, check: bool = False, json: bool = False) -> None:
    """Write docs/events.md, subjects.md, operators.md, the schemas and asyncapi.json anew.

    Example: dr contracts generate --check

    Parameters
    ----------
    check
        Change nothing; exit with 1 when a document is stale.
    json
        Print one JSON object.
    """
    from deadreckon.tools.docgen.library import stale, write

    root = _docs()
    paths = [str(path.relative_to(root.parent)) for path in (stale if check else write)(root)]
    if json:
        print_document({"stale" if check else "written": paths})
    else:
        print("\n".join(paths) or "every document is up to date")
    if check and paths:
        raise VerbEnd(EXIT_DIFFERENCE, f"{len(paths)} documents are stale")


@verbs.command
def check(*, json: bool = False) -> None:
    """Hold the shapes of this checkout against those of every release.

    Exits 1 when something that a release wrote or took would be read or written differently, and
    says what to do instead.

    Example: dr contracts check

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from msgspec import to_builtins

    from deadreckon.tools.docgen import released

    docs = _docs()
    changes, known = released.check(docs), list(released.releases(docs))
    broken = [it for it in changes if it.breaks]
    if json:
        record = {"releases": known, "breaks": len(broken), "changes": to_builtins(changes)}
        print_document(record)
    else:
        for it in changes:
            print(f"{'BREAKS' if it.breaks else 'ok':7}{it.shape} {it.what} (since {it.release})")
            print(f"       {it.advice}")
        whose = ", ".join(known) or "no release yet"
        print(f"{len(broken)} of {len(changes)} differences break what was released ({whose})")
    if broken:
        raise VerbEnd(EXIT_DIFFERENCE, f"{len(broken)} differences break what was released")


@verbs.command
def release(version: str, /, *, json: bool = False) -> None:
    """Write down today's shapes as those of a release; from then on they may not change.

    Example: dr contracts release 0.2.0

    Parameters
    ----------
    version
        The version that is released.
    json
        Print one JSON object.
    """
    from deadreckon.cli.running import run_sync
    from deadreckon.tools.docgen import released

    path = run_sync(lambda: released.release(_docs(), version))
    if json:
        print_document({"written": str(path)})
    else:
        print(f"{path} is written: commit it")
