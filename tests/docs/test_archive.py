"""What docs/archive.md shows works on an archive as it lies, and so does its verifier, alone."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from deadreckon.archive.manifests import file_of
from tests.conftest import ROOT
from tests.support.archived_logs import FOREIGN, KEY, ArchivedLog, resign, rewrite

PAGE = (ROOT / "docs" / "archive.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
VERIFIER = ROOT / "docs" / "examples" / "verify_archive.py"

# As on a machine that does not have this program.
WITHOUT_US = """
import runpy, sys
sys.modules["deadreckon"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def archived(tmp_path: Path) -> ArchivedLog:
    archived = ArchivedLog(tmp_path / "var" / "archive")
    archived.seal(everything=True)
    return archived


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("\n")[0][:40])
def test_the_queries_of_the_page_have_answers(
    archived: ArchivedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert duckdb.execute(query).fetchall() != []


def test_the_sums_of_the_page_are_exact(
    archived: ArchivedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    days = duckdb.execute(QUERIES[0]).fetchall()
    assert [str(fees) for *_, fees in days] == ["0.010000000000000000"] * 3


def test_the_programs_of_the_page_run(archived: ArchivedLog, tmp_path: Path) -> None:
    assert len(PROGRAMS) == 1
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAMS[0]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "0.010000000000000000" in done.stdout


def proved(archived: ArchivedLog, key: str = KEY.public) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_US, VERIFIER, archived.root, key],
        cwd=archived.root,
        capture_output=True,
        text=True,
    )


def test_a_third_party_proves_an_archive_without_this_program(archived: ArchivedLog) -> None:
    done = proved(archived)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"messages 1 to {archived.chain[-1].last} are as they were sealed\n"


def test_the_verifier_is_as_short_as_the_page_says() -> None:
    lines = VERIFIER.read_text("utf-8").splitlines()
    assert len(lines) < 40
    assert f"{len(lines)} lines" in PAGE


def test_a_third_party_finds_what_was_changed(archived: ArchivedLog) -> None:
    assert proved(archived, FOREIGN.public).returncode == 1
    rewrite(archived.path("messages", 2), lambda rows: rows.slice(1))
    done = proved(archived)
    assert done.returncode == 1
    assert "00000002.json: its messages are not those that were sealed" in done.stderr
    resign(archived, 2, KEY)  # even with the key itself: a root cannot be had for other messages
    assert proved(archived).returncode == 1


def test_where_nothing_is_sealed_nothing_is_proved(tmp_path: Path) -> None:
    tmp_path.joinpath("var").mkdir()
    archived = ArchivedLog(tmp_path / "var")
    done = proved(archived)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is sealed" in done.stderr


def test_a_third_party_finds_a_cut_chain(archived: ArchivedLog) -> None:
    file_of(archived.root, 2).unlink()
    assert "00000003.json" in proved(archived).stderr
