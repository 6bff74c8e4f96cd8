"""`dr replay whatif` as people call it: on a folder it never touches, with results others read."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import write_log
from deadreckon.runtime.process.folder import Folder
from tests.cli.test_status import document, dr
from tests.sessions.test_sessions import session


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a session's log."""
    folder = Folder(tmp_path / "data").create()
    write_log(folder.root / FOLDER, session("moving_average").log)
    return folder.root


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def asked(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Any:
    assert dr("replay", *words, "--json") == 0
    return document(capsys)


def test_what_the_table_says_is_what_an_audit_of_the_result_says_and_nothing_is_touched(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(data)
    out = tmp_path / "out"

    words = ("--set", "strategy.cross.notional=500", "--data", data, "--out", out, "--jobs", "1")
    found = asked(capsys, "whatif", "--all", *words)

    assert content(data) == before
    written = msgspec.json.decode((out / "whatif.json").read_bytes())
    last = written["record"]["last_sequence"]
    assert found == written | {"verb": "replay whatif", "ok": True, "sequence": last, "error": None}
    (variant,) = found["variants"]
    for run in (found["baseline"], variant):
        audit = asked(capsys, "audit", "--all", "--data", run["folder"])
        for name in ("events", "signals", "refusals", "orders", "fills", "pnl", "digest"):
            assert audit[name] == run[name]
        assert audit["checks"]["portfolio_differences"] == audit["checks"]["log_damages"] == []


@pytest.mark.slow
def test_people_get_a_table_with_what_its_figures_rest_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("replay", "whatif", "--all", "--disable", "confidence_min", "--data", data) == 0

    record = " ".join(capsys.readouterr().out.split())
    assert "no change" in record
    assert "the same" in record
    assert "by recorded fills only" in record
    assert "by paper matching" in record
    assert "newly allowed: confidence_min 1" in record


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--all", "--set", "risk.nothing=1"), "risk has no 'nothing'; it has trading_enabled"),
        (("--all", "--disable", "known_price"), "cannot be disabled"),
        (("--all", "--without-strategy", "x"), "no strategy 'x'; these are known: cross"),
        (("1999-01-01",), "the log has nothing of 1999-01-01"),
        (("someday",), "'someday' is not a day"),
        ((), "name a day such as 2022-01-15, or --all"),
        (("--all", "--jobs", "0"), "--jobs 0: at least 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: tuple[str, ...], why: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("replay", "whatif", *words, "--data", data) == 2

    record = capsys.readouterr().err
    assert record.startswith("dr: ")
    assert record.count("\n") == 1
    assert why in record


def test_a_result_never_lands_where_something_is(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")

    for out in (tmp_path / "mine", data, data / "inside"):
        assert dr("replay", "whatif", "--all", "--data", data, "--out", out) == 2
        assert str(out) in capsys.readouterr().err
