"""The hash of a strategy's code: what changes it, and what does not."""

from pathlib import Path

import pytest

from deadreckon.strategies.code_hash import _distributions, code_hash
from tests.support.distributions import install

STRATEGY = (
    "import json\nimport decimal\nfrom neighbour import level\nimport deadreckon.strategies\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path, STRATEGY)
    return tmp_path


def _write(folder: Path, strategy: str, neighbour: str = "from deeper import level\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "neighbour.py").write_text(neighbour, "utf-8")
    (folder / "deeper.py").write_text("level = 1\n", "utf-8")
    (folder / "mine.py").write_text(strategy, "utf-8")
    return folder / "mine.py"


def test_it_covers_the_file_and_every_module_that_it_reaches(folder: Path) -> None:
    found = code_hash(folder / "mine.py")
    assert sorted(found.modules) == ["deeper", "neighbour"]
    assert found.packages == {}
    assert len(found.digest) == 64


def test_where_the_file_lies_and_what_it_is_called_do_not_count(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = _write(tmp_path / "elsewhere", STRATEGY)
    named = elsewhere.rename(elsewhere.with_name("other.py"))
    assert code_hash(named).digest == code_hash(folder / "mine.py").digest


@pytest.mark.parametrize("changed", ["mine.py", "neighbour.py", "deeper.py"])
def test_any_change_in_any_of_them_counts(folder: Path, changed: str) -> None:
    before = code_hash(folder / "mine.py").digest
    with (folder / changed).open("a", encoding="utf-8") as file:
        file.write("# another thought\n")
    assert code_hash(folder / "mine.py").digest != before


def test_modules_of_a_package_are_followed_through_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "kit"
    package.mkdir()
    (package / "__init__.py").write_text("from .levels import high\n", "utf-8")
    (package / "levels.py").write_text("from . import low\nhigh = 2\n", "utf-8")
    (package / "low.py").write_text("", "utf-8")
    (tmp_path / "mine.py").write_text("import kit\n", "utf-8")
    assert sorted(code_hash(tmp_path / "mine.py").modules) == ["kit", "kit.levels", "kit.low"]


def test_an_installed_distribution_counts_by_name_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    install(site, "acme-indicators", "2.1", {"acme_indicators.py": "x = 1\n"})
    monkeypatch.syspath_prepend(str(site))
    _distributions.cache_clear()
    (tmp_path / "mine.py").write_text("import acme_indicators\n", "utf-8")
    found = code_hash(tmp_path / "mine.py")
    assert (found.packages, found.modules) == ({"acme-indicators": "2.1"}, {})
    own = code_hash(tmp_path / "mine.py", own="acme-indicators")
    assert list(own.modules) == ["acme_indicators"]
    _distributions.cache_clear()


def test_a_module_that_is_not_there_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("try:\n    import gone\nexcept ImportError: ...\n", "utf-8")
    before = code_hash(tmp_path / "mine.py").digest
    (tmp_path / "gone.py").write_text("", "utf-8")
    assert code_hash(tmp_path / "mine.py").digest != before
