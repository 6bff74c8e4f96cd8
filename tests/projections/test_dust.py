"""Dust of a session whose spot venue keeps its fee from the coins, wherever a position is shown."""

from pathlib import Path

import msgspec
import pytest

from deadreckon.cli.terminal.statement_table import show_statement
from deadreckon.cli.terminal.view_tables import print_json, print_positions
from deadreckon.projections.queries import TableAnswer, TableQuery, read_named
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.audit.figures import statement
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK
from tests.sessions.player import audited, decoded
from tests.sessions.test_sessions import session
from tests.support.statements import rows, whole

DUST = {"quantity": "0.0005", "value": "0.055", "currency": "USDT"}
SHOWN = "0.0005 (0.055 USDT)"


def positions(root: Path, name: str) -> TableAnswer:
    """What `dr positions` reads after a session."""
    folder = Folder(root).create()
    projector = open_projector(paths(root), ["audit"])
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(session(name).log):
        projector.fold(message.sequence, list(intake.records_of(message)), message.stored_at)
    projector.close()
    return read_named(folder, "positions", TableQuery())


def test_positions_name_the_dust_and_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = positions(tmp_path / "run", "base_fees")
    print_positions(answer, None)
    assert SHOWN in capsys.readouterr().out
    print_json(answer, None)
    (row,) = msgspec.json.decode(capsys.readouterr().out)["data"]
    # 3.5 bought and 3.496 sold are 0.004, of which 0.0035 went as fees.
    assert (row["quantity"], row["fees_other"]) == ("0.004", {"BTC": "0.0035"})
    assert row["dust"] == DUST


def test_a_position_without_dust_has_no_such_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = positions(tmp_path / "run", "moving_average")
    print_positions(answer, None)
    assert "dust" not in capsys.readouterr().out
    assert answer.data
    assert not any("dust" in row for row in answer.data)


def test_the_statement_names_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    document = statement(audited(session("base_fees").log), BOOK, None)
    assert [msgspec.to_builtins(row.dust) for row in document.positions] == [DUST]
    show_statement(document)
    assert SHOWN in capsys.readouterr().out
    full = whole("base_fees")
    assert full["positions"][0]["dust"] == DUST
    assert rows(full, "positions")[0][-2:] == ["0.0005", "0.055"]
