"""What a release wrote and took is held against today's shapes; what breaks comes with advice."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deadreckon.tools.docgen import released
from deadreckon.tools.docgen.released import (
    ReleasedError,
    ShapeChange,
    Shapes,
    check,
    release,
    today,
)

BAR = "market.bar_closed.v1"
FEE = "portfolio.fee_charged.v1"  # leaves out what it says nothing in
Edit = Callable[[Shapes], object]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of docs in which 0.1.0 was released as it is today."""
    release(tmp_path, "0.1.0")
    return tmp_path


def found(docs: Path, edit: Edit) -> list[ShapeChange]:
    now = copy.deepcopy(today())
    edit(now)
    return check(docs, now)


def fields(shapes: Shapes, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = shapes[name][shapes[name][""]]
    return schema


def added(name: str, field: str, *, required: bool = False) -> Edit:
    def edit(shapes: Shapes) -> None:
        fields(shapes, name)["properties"][field] = {"type": "string", "default": ""}
        if required:
            fields(shapes, name)["required"].append(field)

    return edit


def added_late(name: str, field: str) -> Edit:
    def edit(shapes: Shapes) -> None:
        added(name, field)(shapes)
        fields(shapes, name).setdefault("late", []).append(field)

    return edit


def reordered(shapes: Shapes) -> None:
    properties = fields(shapes, BAR)["properties"]
    properties["instrument"] = properties.pop("instrument")


def taking_no_more(shapes: Shapes) -> None:
    fields(shapes, "wire-signal")["properties"]["order_type"]["enum"].remove("stop")


def taking_more(shapes: Shapes) -> None:
    fields(shapes, "wire-signal")["properties"]["order_type"]["enum"].append("iceberg")


BREAKING: dict[str, tuple[Edit, str, str]] = {
    "a shape is gone": (lambda it: it.pop(BAR), "is not known any more", "RETIRED"),
    "a field is gone": (
        lambda it: fields(it, BAR)["properties"].pop("volume"),
        "has lost its field volume",
        "version 2",
    ),
    "a field has another type": (
        lambda it: fields(it, BAR)["properties"].update(close={"type": "number"}),
        "has another close",
        "history.py",
    ),
    "a default is another": (
        lambda it: fields(it, FEE)["properties"]["effective_at"].update(default=1),
        "has another effective_at",
        "upcast",
    ),
    "the order is another": (reordered, "has its fields in another order", "version 2"),
    "a new field is written always": (added(BAR, "venue"), "has a new field venue", "version 2"),
    "a new field is required": (
        added(FEE, "venue", required=True),
        "requires a new field venue",
        "version 2",
    ),
    "a field is written that was left out": (
        lambda it: fields(it, FEE).pop("omits_defaults"),
        "writes fields that it left out",
        "version 2",
    ),
    "a door takes less": (taking_no_more, "has another order_type", "producers in other hands"),
    "a door asks for more": (
        added("wire-signal", "account", required=True),
        "requires a new field account",
        "producers in other hands",
    ),
    "the envelope is another": (
        lambda it: fields(it, "envelope")["properties"].pop("root"),
        "has lost its field root",
        "readers of old logs",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_release_is_named_with_advice(name: str, docs: Path) -> None:
    edit, what, advice = BREAKING[name]
    change, *more = found(docs, edit)
    assert change.breaks
    assert change.what.startswith(what)
    assert advice in change.advice
    assert change.release == "0.1.0"
    assert not any(it.breaks for it in more)


COMPATIBLE: dict[str, tuple[Edit, str]] = {
    "a new event": (lambda it: it.update({"market.new.v1": it[BAR]}), "is new"),
    "a field that is left out while it says nothing": (
        added(FEE, "venue"),
        "has a new field venue, left out while it says nothing",
    ),
    "a late field": (
        added_late(BAR, "venue"),
        "has a new field venue, left out while it says nothing",
    ),
    "a door takes a new field": (added("wire-signal", "account"), "takes a new field account"),
    "a door takes one value more": (taking_more, "has another order_type"),
}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_what_breaks_nobody_is_told_and_allowed(name: str, docs: Path) -> None:
    edit, what = COMPATIBLE[name]
    (change,) = found(docs, edit)
    assert not change.breaks
    assert change.what.startswith(what)


def test_a_shape_that_moved_to_history_under_another_class_is_the_same(docs: Path) -> None:
    def retire(shapes: Shapes) -> None:
        schema = fields(shapes, BAR)
        shapes[BAR] = {"BarClosedV1": schema | {"title": "BarClosedV1"}, "": "BarClosedV1"}

    assert found(docs, retire) == []


def test_every_release_counts_not_only_the_last(docs: Path) -> None:
    later = copy.deepcopy(today())
    later.pop(BAR)  # a release that somebody wrote by hand
    (docs / "released" / "0.10.0.json").write_text(json.dumps(later))
    assert list(released.releases(docs)) == ["0.1.0", "0.10.0"]
    (change,) = check(docs, later)
    assert (change.shape, change.release) == (BAR, "0.1.0")


def test_a_release_is_written_once_and_never_over_a_broken_one(docs: Path) -> None:
    with pytest.raises(ReleasedError, match="never released again"):
        release(docs, "0.1.0")
    path = docs / "released" / "0.1.0.json"
    known = json.loads(path.read_text())
    known["market.gone.v1"] = known[BAR]
    path.write_text(json.dumps(known))
    with pytest.raises(ReleasedError, match=r"market\.gone\.v1 is not known any more"):
        release(docs, "0.2.0")


def test_a_field_that_was_released_late_is_never_written_always(docs: Path) -> None:
    added_late(BAR, "venue")(now := copy.deepcopy(today()))
    (docs / "released" / "0.2.0.json").write_text(json.dumps(now))
    assert [it for it in check(docs, copy.deepcopy(now)) if it.breaks] == []
    fields(now, BAR).pop("late")
    breaks = {it.what for it in check(docs, now) if it.breaks and it.release == "0.2.0"}
    assert breaks == {"writes fields that it left out"}
