"""`dr contracts`: the documents that are generated from the contracts."""

from cyclopts import App

verbs = App(
    name="contracts",
    help="Events, subjects and schemas as documents. Example: dr contracts generate --check",
)


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
    import json as codec
    from pathlib import Path

    import deadreckon
    from deadreckon.cli.app import EXIT_DIFFERENCE, fail
    from deadreckon.stack.documents.library import stale, write

    root = Path(deadreckon.__file__).parent.parent / "docs"
    if not root.is_dir():
        fail(f"{root} is not there: the documents are generated in a checkout of the sources")
    paths = [str(path.relative_to(root.parent)) for path in (stale if check else write)(root)]
    if json:
        print(codec.dumps({"stale" if check else "written": paths}))
    else:
        print("\n".join(paths) or "every document is up to date")
    if check and paths:
        raise SystemExit(EXIT_DIFFERENCE)
