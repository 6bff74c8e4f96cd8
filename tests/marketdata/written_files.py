"""Small files of market data and what is read from them, for the tests of the import."""

from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli.tape_choices import SourceChoices
from deadreckon.marketdata.tapes.importing import import_source
from deadreckon.marketdata.tapes.tape import BarRow, Tape, TradeRow
from tests.conftest import CASES

NEW_YEAR = 1_735_689_600  # 2025-01-01T00:00:00Z
SECOND = 10**9

BARS = [f"{NEW_YEAR + 60 * n},{100 + n},{101 + n},{99 + n},{100 + n}.5,{10 + n}" for n in range(6)]
HEADER = "timestamp,open,high,low,close,volume"
RIGHT = [(NEW_YEAR + 60 * (n + 1), f"{100 + n}.5") for n in range(6)]


def imported(folder: Path, text: str | bytes, **chosen: Any) -> Tape:
    path = folder / "source.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return of_file(path, folder, **chosen)


def of_file(path: Path, folder: Path, **chosen: Any) -> Tape:
    options = SourceChoices(**chosen).options()
    return import_source(path, "BTCUSDT.PAPER", folder / "t.parquet", options)[0]


def case(name: str) -> Path:
    """Return a file of the shared cases; skips, by name, where they do not lie beside us."""
    if not CASES.is_dir():
        pytest.skip(f"no shared cases: {CASES.name}/{name} is not beside the checkout")
    return CASES / name


def closes(tape: Tape) -> list[tuple[int, str]]:
    return [(row.at // SECOND, f"{row.close:f}") for row in tape.rows() if isinstance(row, BarRow)]


def prices(tape: Tape) -> list[tuple[str, str]]:
    rows = [row for row in tape.rows() if isinstance(row, TradeRow)]
    return [(f"{row.price:f}", row.trade_id) for row in rows]
