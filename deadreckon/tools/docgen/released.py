"""Compatibility with released shapes: current shapes compared with those of every release.

Each release leaves a file in docs/released: the schema of each shape, without descriptions. A
shape of the log may only gain fields that change no byte of earlier events (decision 0011); an
inbound shape may only accept more than before.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.envelope import Commit, Envelope
from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.event import Event
from deadreckon.contracts.inbound import WireFact, WireSignal
from deadreckon.tools.docgen.schemas import shapes

DOORS: dict[str, type[Struct]] = {"wire-signal": WireSignal, "wire-fact": WireFact}
LOG: dict[str, type[Struct]] = {"envelope": Envelope, "commit": Commit}

COMPATIBLE = "nothing for old logs; programs of that release cannot read it, so update them first"

Shapes = dict[str, dict[str, Any]]  # by "type.vN", or by name for the others


class ReleasedError(DifferenceError):
    """A release that is not possible; the message gives the reason."""


class ShapeChange(Struct, frozen=True):
    """Difference of a shape from a release, with advice.

    `breaks` is true when existing bytes would be read or written differently.
    """

    shape: str
    what: str
    breaks: bool
    advice: str
    release: str


def fingerprint(shape: type[Struct]) -> dict[str, Any]:
    """Return the schema of a shape without descriptions; it changes if the encoding does."""
    (_,), found = msgspec.json.schema_components([shape])
    schema: dict[str, Any] = _without_words(found)
    if shape.__struct_config__.omit_defaults:
        schema[shape.__name__]["omits_defaults"] = True
    if issubclass(shape, Event) and shape.declared.late:
        schema[shape.__name__]["late"] = list(shape.declared.late)
    return schema | {"": shape.__name__}


def _without_words(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_words(part) for key, part in node.items() if key != "description"}
    if isinstance(node, list):
        return [_without_words(part) for part in node]
    return node


def today() -> Shapes:
    """Return the fingerprints of every shape of this program."""
    found = {f"{name}.v{v}": fingerprint(shape) for name, v, shape in shapes()}
    found |= {name: fingerprint(shape) for name, shape in (LOG | DOORS).items()}
    plain: Shapes = json.loads(json.dumps(found))  # a default may be a tuple
    return plain


def releases(docs: Path) -> dict[str, Shapes]:
    """Read the shapes of each release, oldest first."""
    paths = sorted((docs / "released").glob("*.json"), key=lambda path: _order(path.stem))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}


def _order(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in version.split(".")]


def check(docs: Path, now: Shapes | None = None) -> list[ShapeChange]:
    """List differences from the releases, breaking ones first.

    A new shape counts as a difference from the newest release.
    """
    now = today() if now is None else now
    known = releases(docs)
    changes = [it for release, then in known.items() for it in _compare(release, then, now)]
    if known:
        newest, then = list(known.items())[-1]
        changes += [
            ShapeChange(
                name, "is new", False, "nothing: it is on the list of the next release", newest
            )
            for name in now.keys() - then.keys()
        ]
    return sorted(changes, key=lambda it: (not it.breaks, it.shape, it.what, it.release))


def release(docs: Path, version: str) -> Path:
    """Record the current shapes as those of a version; returns the path of the file.

    Raises ReleasedError when the version is released already, or a shape is incompatible.
    """
    path = docs / "released" / f"{version}.json"
    if path.exists():
        raise ReleasedError(f"{path} exists: what was released is never released again")
    broken = [it for it in check(docs) if it.breaks]
    if broken:
        raise ReleasedError(f"{broken[0].shape} {broken[0].what}: {broken[0].advice}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(today(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def _compare(release: str, then: Shapes, now: Shapes) -> Iterator[ShapeChange]:
    for name, before in then.items():
        after = now.get(name)
        if after is None:
            yield ShapeChange(name, "is not known any more", True, _advice(name, None), release)
        else:
            for what, breaks in _differences(before, after, door=name in DOORS):
                advice = _advice(name, what) if breaks else COMPATIBLE
                yield ShapeChange(name, what, breaks, advice, release)


def _advice(name: str, what: str | None) -> str:
    kind, _, version = name.rpartition(".v")
    if name in DOORS:
        return "take what was taken before; producers in other hands send it"
    if not kind:
        return "write it as before; readers of old logs need it"
    if what is None:
        return f"put the shape back into contracts/history.py as RETIRED[({kind!r}, {version})]"
    return (
        f"leave version {version} as it was: move it to contracts/history.py with an upcast, and "
        f"the changed shape becomes version {int(version) + 1} (docs/decisions/0011)"
    )


def _differences(
    before: dict[str, Any], after: dict[str, Any], *, door: bool
) -> Iterator[tuple[str, bool]]:
    """Yield each difference as text, and True when it breaks compatibility."""
    old, new = before[before[""]], after[after[""]]
    was, now = old["properties"], new["properties"]
    for field in was.keys() - now.keys():
        yield f"has lost its field {field}", True
    for field in now.keys() - was.keys():
        yield _added(field, old, new, door=door)
    for field in was.keys() & now.keys():
        if was[field] != now[field]:
            what = f"has another {field}: {_short(now[field])}, not {_short(was[field])}"
            yield what, not _takes_more(was[field], now[field])
    kept = [field for field in now if field in was]
    if not door and kept != [field for field in was if field in now]:
        yield "has its fields in another order", True
    for field in set(new.get("required", ())) - set(old.get("required", ())):
        if field in was:
            yield f"requires {field}, which could be left out", True
    yield from _elsewhere(before, after, door=door)


def _added(field: str, old: dict[str, Any], new: dict[str, Any], *, door: bool) -> tuple[str, bool]:
    if field in new.get("required", ()):
        return f"requires a new field {field}", True
    if door:
        return f"takes a new field {field}", False
    behind = list(new["properties"])[: len(old["properties"])] == list(old["properties"])
    silent = new.get("omits_defaults", False) and (
        old.get("omits_defaults", False) or set(old["properties"]) == set(old.get("required", ()))
    )
    if behind and (silent or field in new.get("late", ())):
        return f"has a new field {field}, left out while it says nothing", False
    return f"has a new field {field}, which is written always", True


def _elsewhere(
    before: dict[str, Any], after: dict[str, Any], *, door: bool
) -> Iterator[tuple[str, bool]]:
    """Yield differences in nested shapes and in settings other than fields."""
    names = {before[""], after[""], ""}
    held = (before.keys() | after.keys()) - names
    for name in held:
        if before.get(name) != after.get(name):
            yield f"holds another {name}", True
    old, new = before[before[""]], after[after[""]]
    early = set(old.get("late", ())) - set(new.get("late", ()))
    if not door and ((old.get("omits_defaults") and not new.get("omits_defaults")) or early):
        yield "writes fields that it left out", True


def _takes_more(before: Any, after: Any) -> bool:
    """Return True when the only change is that an enum accepts more values."""
    old, new = before.get("enum"), after.get("enum")
    rest = {key: part for key, part in before.items() if key != "enum"}
    same = rest == {key: part for key, part in after.items() if key != "enum"}
    return bool(same and old and new and set(old) <= set(new))


def _short(schema: Any) -> str:
    return json.dumps(schema, ensure_ascii=False)[:120]
