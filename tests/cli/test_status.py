"""`dr status`, `positions`, `orders`, `fills` on a folder that nothing runs on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.cli.app import call
from deadreckon.runtime.process.folder import Folder
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import accepted, busy_log, equity, submitting


@pytest.fixture
def data(tmp_path: Path) -> Path:
    log = busy_log(seed=1, orders=60)
    log.say(submitting("still-open"), accepted("still-open"), source="fill")
    return folder_with_views(tmp_path / "run", log).root


def dr(*tokens: str | Path) -> int:
    """The exit code of a verb called in this process."""
    try:
        call([str(token) for token in tokens])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("verb", ["status", "positions", "orders", "fills"])
def test_every_answer_has_a_sequence_an_age_and_a_digest(
    verb: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr(verb, "--data", data, "--json") == 0

    found = document(capsys)
    assert list(found)[:5] == ["sequence", "age_seconds", "digest", "data", "behind"]
    assert found["sequence"] > 100
    assert len(found["digest"]) == 64
    assert found["behind"] is None


@pytest.mark.parametrize("verb", ["status", "positions", "orders", "fills"])
def test_people_read_where_in_the_log_an_answer_stands(
    verb: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr(verb, "--data", data) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("sequence ")
    assert "no server runs, digest " in last


def test_what_equity_leaves_out_for_want_of_a_price_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = busy_log(seed=1, orders=60)
    log.say(equity(100_000, unpriced=["EUR", "UDST"]), source="portfolio")
    without = "WITHOUT EUR, UDST: no price or rate"
    assert dr("status", "--data", folder_with_views(tmp_path / "unpriced", log).root) == 0
    assert without in capsys.readouterr().out
    assert dr("status", "--data", folder_with_views(tmp_path / "priced").root) == 0
    assert "WITHOUT" not in capsys.readouterr().out


def test_a_process_that_crashed_is_named_until_its_file_is_deleted(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = Folder(data).logs
    logs.mkdir(exist_ok=True)
    (logs / "fill.crash").touch()
    (logs / "risk.crash").write_text("Fatal Python error: Segmentation fault")
    dr("status", "--data", data, "--json")
    assert document(capsys)["crashes"] == [str(logs / "risk.crash")]

    dr("status", "--data", data)
    assert f"a process crashed: its stacks are in {logs / 'risk.crash'}" in capsys.readouterr().out

    (logs / "risk.crash").unlink()
    dr("status", "--data", data)
    assert "its stacks" not in capsys.readouterr().out


def test_open_orders_are_shown_with_the_whole_id_that_cancel_wants(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("orders", "--open", "--data", data) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("still-open ")
    assert lines[2] == ""


def test_orders_are_limited_unless_all_are_asked_for(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dr("orders", "--data", data, "--json")
    assert len(document(capsys)["data"]) == 20

    dr("orders", "--all", "--data", data, "--json")
    assert len(document(capsys)["data"]) > 50

    dr("fills", "--limit", "3", "--data", data, "--json")
    assert len(document(capsys)["data"]) == 3


def test_what_contradicts_itself_is_wrong_usage(data: Path) -> None:
    assert dr("orders", "--open", "--all", "--data", data) == 2
    assert dr("fills", "--limit", "0", "--data", data) == 2
    assert dr("tail", "--from", "0", "--data", data) == 2


def test_a_folder_that_is_none_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("status", "--data", tmp_path / "nothing") == 2

    assert "is no data folder yet" in capsys.readouterr().err


def test_a_folder_without_views_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Folder(tmp_path / "run").create()

    assert dr("fills", "--data", tmp_path / "run") == 3

    record = capsys.readouterr().err
    assert record.startswith("dr: ")
    assert "has no views yet" in record
    assert record.count("\n") == 1


@pytest.mark.parametrize("verb", ["status", "positions", "orders", "fills", "tail"])
def test_every_help_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dr(verb, "--help") == 0

    record = capsys.readouterr().out
    assert f"Example:\n  dr {verb}" in record
    assert "--json" in record


@pytest.mark.parametrize("verb", ["status", "fills"])
def test_a_file_in_place_of_a_folder_is_wrong_usage(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")

    assert dr(verb, "--data", tmp_path / "file") == 2

    assert capsys.readouterr().err == f"dr: {tmp_path / 'file'} is a file; give --data a folder\n"
