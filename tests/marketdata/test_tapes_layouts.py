"""Public layouts of market data, each read right or refused with the option that would help."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli.tape_choices import SourceChoices
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes.importing import import_source
from deadreckon.marketdata.tapes.rows import COLUMNS
from deadreckon.marketdata.tapes.tape import Tape, TapeError, TapeRow

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "tapes.md"
LAYOUTS: list[dict[str, Any]] = tomllib.loads((HERE / "layouts.toml").read_text())["layout"]


def imported(layout: dict[str, Any], folder: Path) -> Tape:
    path = folder / "source"
    path.write_bytes(layout["sample"].lstrip("\n").encode(layout.get("encoding", "utf-8")))
    chosen = {name.replace("-", "_"): value for name, value in layout.get("options", {}).items()}
    options = SourceChoices(**chosen).options()
    return import_source(path, "BTCUSDT.PAPER", folder / "t.parquet", options)[0]


def line(row: TapeRow, tape: Tape) -> str:
    names = COLUMNS[tape.header.kind][1:]
    texts = [getattr(row, name) for name in names]
    shown = [text if isinstance(text, str) else f"{text:f}" for text in texts]
    return " ".join([format_timestamp(row.at), *shown]).rstrip()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout["name"])
def test_a_public_layout_is_read_or_refused(layout: dict[str, Any], tmp_path: Path) -> None:
    if "refused" in layout:
        with pytest.raises(TapeError, match=layout["refused"]):
            imported(layout, tmp_path)
        return
    tape = imported(layout, tmp_path)
    rows = list(tape.rows())
    assert (tape.header.kind, tape.header.volume_unit) == (layout["kind"], layout["unit"])
    assert (line(rows[0], tape), line(rows[-1], tape)) == (layout["first"], layout["last"])


def test_the_document_lists_what_is_tried() -> None:
    """Copy the rows from the failure when a layout was added."""
    table = "\n".join(f"| {' | '.join(cells(layout))} |" for layout in LAYOUTS)
    assert table in DOCUMENT.read_text()


def test_the_document_has_every_option() -> None:
    text = DOCUMENT.read_text()
    options = [f"--{field.name.replace('_', '-')}" for field in fields(SourceChoices)]
    assert [option for option in options if f"`{option}" not in text] == []


def cells(layout: dict[str, Any]) -> tuple[str, str, str]:
    options = " ".join(f"--{name} {value}" for name, value in layout.get("options", {}).items())
    read = "refused" if "refused" in layout else f"{layout['kind']}, volume {layout['unit']}"
    return layout["name"], read, f"`{options}`" if options else ""


def test_more_than_fifty_layouts_are_tried_by_their_names() -> None:
    assert len({layout["name"] for layout in LAYOUTS}) == len(LAYOUTS) > 50
    assert all(re.search(r"\S", layout["sample"]) for layout in LAYOUTS)
