"""Another source of what a fold rests on is another program; of anything else it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deadreckon.runtime.service import fold_code as module
from deadreckon.runtime.service.fold_code import FOLDING, fold_code

DECIDER = "deadreckon.services.risk.decider"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small house, and nothing remembered of the real one."""
    texts = {
        "services/risk/decider.py": "from deadreckon.services.risk import (\n    rules,\n)\n",
        "services/risk/rules.py": "def rule():\n    import deadreckon.contracts.amounts\n",
        "services/fill/decider.py": "import json\n",
        "contracts/amounts.py": "ZERO = 0\n",
        "runtime/log/feed.py": "import deadreckon.runtime.log.bus\n",
        "runtime/log/bus.py": "# how the log is reached\n",
    }
    for name, text in texts.items():
        path = tmp_path / "deadreckon" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    forget()
    yield tmp_path / "deadreckon"
    forget()


def forget() -> None:
    for cached in (module._file, module._imported, module._source):
        cached.cache_clear()


def changed(house: Path, name: str) -> bool:
    """Whether one more line in a file makes risk's fold another."""
    before = fold_code([DECIDER])
    with (house / name).open("a") as source:
        source.write("# more\n")
    forget()
    return fold_code([DECIDER]) != before


@pytest.mark.parametrize(
    "name",
    [
        "services/risk/decider.py",
        "services/risk/rules.py",
        "contracts/amounts.py",
        "runtime/log/feed.py",
    ],
)
def test_what_a_fold_rests_on_counts(house: Path, name: str) -> None:
    assert changed(house, name)


@pytest.mark.parametrize("name", ["services/fill/decider.py", "runtime/log/bus.py"])
def test_what_it_does_not_rest_on_does_not(house: Path, name: str) -> None:
    assert not changed(house, name)


def test_the_loops_own_folding_is_there_to_be_counted() -> None:
    forget()
    assert all(module._source(name) for name in FOLDING)
